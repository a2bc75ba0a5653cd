/** Config values with their origins, so that a problem names `file:line:col`, also of a file that is extended. */

/** Where a value was written: `file:line:col`, `key=value` of the command line, `--seed`, or such as `default`. */
export type Origin = string;

/** Whether a value was given on the command line. */
export function isFromCommand(origin: Origin): boolean {
  return origin.startsWith('--') || (origin.includes('=') && !/:\d+:\d+$/.test(origin));
}

interface LocatedScalar {
  readonly kind: 'scalar';
  readonly origin: Origin;
  readonly value: string | number | boolean | bigint | null;
  /** The text as it was written, such as `1e999`. */
  readonly source?: string;
}

interface LocatedList {
  readonly kind: 'list';
  readonly origin: Origin;
  readonly items: readonly Located[];
}

export interface LocatedMap {
  readonly kind: 'map';
  readonly origin: Origin;
  readonly entries: ReadonlyMap<string, LocatedEntry>;
}

export interface LocatedEntry {
  readonly keyOrigin: Origin;
  readonly value: Located;
}

export type Located = LocatedScalar | LocatedList | LocatedMap;
export type Path = readonly (string | number)[];

/** The plain JavaScript value. */
export function plainValue(located: Located): unknown {
  if (located.kind === 'scalar') return located.value;
  if (located.kind === 'list') return located.items.map(plainValue);
  const result: Record<string, unknown> = {};
  for (const [key, entry] of located.entries) {
    // defineProperty: an assignment of the key __proto__ would set the prototype, and the key would not be reported.
    Object.defineProperty(result, key, { value: plainValue(entry.value), enumerable: true });
  }
  return result;
}

/** As `plainValue`, but each value other than null is the text as it was written, such as `0123` or `1e5`. */
export function writtenValue(located: Located): unknown {
  if (located.kind === 'list') return located.items.map(writtenValue);
  if (located.kind === 'map')
    return Object.fromEntries([...located.entries].map(([key, { value }]) => [key, writtenValue(value)]));
  const { value, source } = located;
  return value === null || typeof value === 'string' ? value : (source ?? String(value));
}

/** The value at `path`; undefined if nothing is written there. */
export function at(root: Located, path: Path): Located | undefined {
  let here: Located | undefined = root;
  for (const step of path) {
    if (here?.kind === 'map') here = here.entries.get(String(step))?.value;
    else if (here?.kind === 'list' && typeof step === 'number') here = here.items[step];
    else return undefined;
  }
  return here;
}

/** `map` without the entry of `key`. */
export function withoutKey(map: LocatedMap, key: string): LocatedMap {
  const entries = new Map(map.entries);
  entries.delete(key);
  return { ...map, entries };
}

/** Whether `null` is written out; an empty value is probably a mistake. */
export function isNull(located: Located): boolean {
  return located.kind === 'scalar' && located.value === null && located.source !== undefined;
}

/**
 * `map` without the keys whose value is `null`, at all levels. A map inside a section is removed with its last key.
 * Keys that are not `isKnown(path)` stay, so that they are reported.
 */
export function withoutNulls(map: LocatedMap, isKnown: (path: Path) => boolean, path: Path = []): LocatedMap {
  const entries = new Map<string, LocatedEntry>();
  for (const [key, entry] of map.entries) {
    const here = [...path, key];
    if (isNull(entry.value) && isKnown(here)) continue;
    const value = entry.value.kind === 'map' ? withoutNulls(entry.value, isKnown, here) : entry.value;
    if (path.length > 0 && value.kind === 'map' && value.entries.size === 0 && value !== entry.value && isKnown(here))
      continue;
    entries.set(key, { ...entry, value });
  }
  return { ...map, entries };
}

/** Origin of the key at `path`; if it is not written, origin of the nearest enclosing key or of the whole config. */
export function keyOrigin(root: Located, path: Path): Origin {
  let origin = root.origin;
  let here: Located | undefined = root;
  for (const step of path) {
    if (here?.kind === 'map') {
      const entry: LocatedEntry | undefined = here.entries.get(String(step));
      if (entry === undefined) return origin;
      origin = entry.keyOrigin;
      here = entry.value;
    } else if (here?.kind === 'list' && typeof step === 'number' && here.items[step] !== undefined) {
      here = here.items[step];
      origin = here.origin;
    } else {
      return origin;
    }
  }
  return origin;
}

/**
 * `base` with the values of `over`: maps merge key by key, lists and scalars are replaced. If `isChoice(path)`, the
 * `name` of a map chooses among alternatives such as losses; if the names differ, `over` replaces the whole map,
 * because the keys of one loss have no meaning for another.
 */
export function merge(
  base: LocatedMap,
  over: LocatedMap,
  isChoice: (path: Path) => boolean,
  path: Path = [],
): LocatedMap {
  if (isChoice(path)) {
    const [baseName, overName] = [base, over].map(map => map.entries.get('name')?.value);
    const differ = baseName !== undefined && overName !== undefined && scalar(baseName) !== scalar(overName);
    if (differ) return over;
  }
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const below = base.entries.get(key);
    const value =
      below?.value.kind === 'map' && entry.value.kind === 'map'
        ? merge(below.value, entry.value, isChoice, [...path, key])
        : entry.value;
    entries.set(key, { keyOrigin: entry.keyOrigin, value });
  }
  return { kind: 'map', origin: over.origin, entries };
}

function scalar(located: Located): unknown {
  return located.kind === 'scalar' ? located.value : located;
}
