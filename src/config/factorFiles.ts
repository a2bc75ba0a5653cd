/**
 * One config file for several imbalance factors: the name `gala_if50` stands for the file `gala_ifN.yaml` with
 * `data.imbalance_factor: 50`, as long as there is no file of that name itself. The head of the file lists the factors
 * that `gala config list` shows, with the expected value where there is one: `# N = 50: 56.0 % top-1`, `# N = 100, 10`.
 */
import { statSync } from 'node:fs';
import { type Located, type LocatedMap, merge } from './located.js';

const named = /_if([1-9]\d{0,8})(\.ya?ml)$/;
const listed = /^# N = (\d+(?:, \d+)*)(?:: (.*))?$/gm;

export interface ConfigSource {
  /** The file to read. */
  readonly file: string;
  /** The imbalance factor that the name gives. */
  readonly imbalanceFactor?: number;
}

/** What the path of a config stands for; undefined where there is no file for it. */
export function sourceOf(path: string): ConfigSource | undefined {
  if (isFile(path)) return { file: path };
  const factor = named.exec(path)?.[1];
  const file = path.replace(named, '_ifN$2');
  return factor !== undefined && isFile(file) ? { file, imbalanceFactor: Number(factor) } : undefined;
}

/** Whether a path is the file of several factors itself, without one of them. */
export function isFactorFile(path: string): boolean {
  return /_ifN(\.ya?ml)?$/.test(path);
}

/** The factors that a file lists, and what it says of each, if anything. */
export function listedFactors(text: string): { readonly factor: string; readonly says?: string }[] {
  return [...text.matchAll(listed)].flatMap(([, factors, says]) =>
    factors!.split(', ').map(factor => ({ factor, ...(says !== undefined && { says }) })),
  );
}

/** A name or a sentence with a factor in the place of N. */
export function withNumber(text: string, factor: string | number): string {
  return text.replace(/(?<![A-Za-z])N(?![A-Za-z])|(?<=_if)N/g, String(factor));
}

/** The content of a file with the imbalance factor that the name gives. */
export function withFactor(content: LocatedMap, label: string, factor: number | undefined): LocatedMap {
  if (factor === undefined) return content;
  const origin = `${label} (N = ${factor})`;
  const over = (key: string, value: Located): LocatedMap => ({
    kind: 'map',
    origin: content.origin,
    entries: new Map([[key, { keyOrigin: origin, value }]]),
  });
  const number: Located = { kind: 'scalar', origin, value: factor };
  return merge(content, over('data', over('imbalance_factor', number)), () => false);
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
  } catch {
    return false; // a name no file can have: too long, with a null byte, in a folder we may not read
  }
}
