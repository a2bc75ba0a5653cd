/**
 * Config values that remember where each of them was written, so that a problem can name `file:line:col` through
 * `extends`.
 */

/** Where a value was written: `file:line:col`, `--set key=value`, `--seed`, or a rule such as `default`. */
export type Origin = string;

interface LocatedScalar {
  readonly kind: 'scalar';
  readonly origin: Origin;
  readonly value: string | number | boolean | bigint | null;
  /** The text as written, when it says more than the value (`1e999`). */
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
    // defineProperty: a key named __proto__ must show up as an unknown key, not vanish into the prototype.
    Object.defineProperty(result, key, { value: plainValue(entry.value), enumerable: true });
  }
  return result;
}

/**
 * As `plainValue`, but every value that is not null is the text that was written: `0123` and `1e5` stay what they are.
 */
export function writtenValue(located: Located): unknown {
  if (located.kind === 'list') return located.items.map(writtenValue);
  if (located.kind === 'map')
    return Object.fromEntries([...located.entries].map(([key, { value }]) => [key, writtenValue(value)]));
  const { value, source } = located;
  return value === null || typeof value === 'string' ? value : (source ?? String(value));
}

/** The value at `path`, or undefined when nothing is written there. */
export function at(root: Located, path: Path): Located | undefined {
  let here: Located | undefined = root;
  for (const step of path) {
    if (here?.kind === 'map') here = here.entries.get(String(step))?.value;
    else if (here?.kind === 'list' && typeof step === 'number') here = here.items[step];
    else return undefined;
  }
  return here;
}

/** Whether `null` is written as the value: an empty value is a slip, not this. */
export function isNull(located: Located): boolean {
  return located.kind === 'scalar' && located.value === null && located.source !== undefined;
}

/**
 * `map` without the keys whose value is `null`, in the maps below too, as far as `isKnown(path)`: a key of no meaning
 * stays to be reported. A map inside a section goes with its last key.
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

/** Origin of the key at `path`; of the nearest enclosing key (at last the whole config) when the key is not written. */
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
 * `over` laid on `base`: maps merge key by key, lists and scalars are replaced. A map that chooses among alternatives
 * by its `name` (`isChoice(path)`) replaces the whole map below when the names differ: the keys of one loss mean
 * nothing to another.
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
