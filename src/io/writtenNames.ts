/** The files that gala replaces in run folders and packed sets: the only ones whose leftovers are its own to delete. */

const names: readonly RegExp[] = [
  /^(run\.json|config\.yaml|report\.html)$/,
  /^(metrics|gradients)\.jsonl$/,
  /^(metrics|table|per_class|predictions)\.csv$/,
  /^table\.md$/,
  /^events\.out\.tfevents\.\d+\.gala$/,
  /^(best|last|last\.previous|(test|val|train)-(best|last))\.safetensors$/,
  /^(pack\.json|\d{5,}\.(rgb|json))$/,
];

export function isWrittenName(name: string): boolean {
  return names.some(pattern => pattern.test(name));
}
