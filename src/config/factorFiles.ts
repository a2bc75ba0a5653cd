/**
 * One config file for several imbalance factors: the name `gala_if50` means the file `gala_ifN.yaml` with
 * `data.imbalance_factor: 50`, unless there is a file `gala_if50.yaml`. Comments in the file list the factors that
 * `gala config list` shows, optionally with the expected value: `# N = 50: 56.0 % top-1`, `# N = 100, 10`.
 */
import { statSync } from 'node:fs';
import { type Located, type LocatedMap, merge } from './located.js';

const named = /_if([1-9]\d{0,8})(\.ya?ml)$/;
const ofAnyFactor = /_ifN(\.ya?ml)?$/;
const listed = /^# N = (\d+(?:, \d+)*)(?:: (.*))?$/gm;

export interface ConfigSource {
  /** The file to read. */
  readonly file: string;
  /** The imbalance factor that the name gives. */
  readonly imbalanceFactor?: number;
}

/** The file and factor that the path of a config means; undefined if there is no such file. */
export function sourceOf(path: string): ConfigSource | undefined {
  if (isFile(path)) return { file: path };
  const factor = named.exec(path)?.[1];
  const file = path.replace(named, '_ifN$2');
  return factor !== undefined && isFile(file) ? { file, imbalanceFactor: Number(factor) } : undefined;
}

/** Whether a path names the file of several factors without choosing one. */
export function isFactorFile(path: string): boolean {
  return ofAnyFactor.test(path);
}

/** The factors that a file lists, each with the text after it, if any. */
export function listedFactors(text: string): { readonly factor: string; readonly note?: string }[] {
  return [...text.matchAll(listed)].flatMap(([, factors, note]) =>
    factors!.split(', ').map(factor => ({ factor, ...(note !== undefined && { note }) })),
  );
}

/** A name or a sentence with N replaced by a factor. */
export function replaceN(text: string, factor: string | number): string {
  return text.replace(/(?<![A-Za-z])N(?![A-Za-z])|(?<=_if)N/g, String(factor));
}

/** The content of a file with the imbalance factor that the name gives, in names of other such files too. */
export function withFactor(content: LocatedMap, label: string, factor: number | undefined): LocatedMap {
  if (factor === undefined) return content;
  const origin = `${label} (N = ${factor})`;
  const over = (key: string, value: Located): LocatedMap => ({
    kind: 'map',
    origin: content.origin,
    entries: new Map([[key, { keyOrigin: origin, value }]]),
  });
  const number: Located = { kind: 'scalar', origin, value: factor };
  return merge(withNamesOf(factor, content) as LocatedMap, over('data', over('imbalance_factor', number)), () => false);
}

/** `gala_ifN`, as `extends` and `distill.teacher` have it, becomes `gala_if50`. */
function withNamesOf(factor: number, located: Located): Located {
  if (located.kind === 'list') return { ...located, items: located.items.map(item => withNamesOf(factor, item)) };
  if (located.kind === 'map') {
    const entries = [...located.entries].map(
      ([key, entry]) => [key, { ...entry, value: withNamesOf(factor, entry.value) }] as const,
    );
    return { ...located, entries: new Map(entries) };
  }
  const { value } = located;
  if (typeof value !== 'string' || !isFactorFile(value)) return located;
  return { ...located, value: value.replace(ofAnyFactor, `_if${factor}$1`) };
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
  } catch {
    return false; // a name no file can have: too long, with a null byte, in a folder we may not read
  }
}
