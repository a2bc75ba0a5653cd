/** What `--json` prints: keys in snake_case, as in the files of a run. */

/** JSON of a value; keys in camelCase become snake_case, values stay as they are. `space` as for JSON.stringify. */
export function jsonText(value: unknown, space?: number): string {
  return JSON.stringify(value, (_, part: unknown) => (isPlainObject(part) ? inSnakeCase(part) : part), space);
}

function inSnakeCase(object: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [
      key.replace(/(?<=[a-z0-9])[A-Z]/g, letter => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

function isPlainObject(part: unknown): part is Record<string, unknown> {
  return typeof part === 'object' && part !== null && !Array.isArray(part);
}
