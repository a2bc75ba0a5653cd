/**
 * Finds the network in a weights file. Training scripts store state dictionaries under any key, and wrappers
 * (DataParallel, torch.compile, Lightning) put prefixes before all names. So the user need not name key and prefix: the
 * network is where most of its names are found, after whatever prefix.
 */
import { DataError } from '../errors.js';
import { UnreadObject } from '../io/pickleStack.js';
import { numpyArray } from '../io/torch/globals.js';
import type { TorchValue } from '../io/torch/torchFile.js';
import type { HostTensor } from '../tensor.js';

export type Entry = readonly [name: string, tensor: HostTensor];

/** A mapping whose values include tensors, and the keys that lead to it. */
export interface Dictionary {
  readonly keys: readonly string[];
  readonly entries: readonly Entry[];
  /** Names of NumPy arrays, which gala does not read. */
  readonly arrays: readonly string[];
}

/** A network in a dictionary: its names follow `prefix`. */
export interface Place {
  readonly dictionary: Dictionary;
  readonly prefix: string;
  /** How many names of the network were found. */
  readonly found: number;
}

/** The mappings of a file that contain tensors. Throws `DataError` if there is none. */
export function dictionariesOf(content: TorchValue | undefined, where: string): Dictionary[] {
  const dictionaries: Dictionary[] = [];
  const visit = (value: TorchValue | undefined, keys: readonly string[]) => {
    if (!(value instanceof Map)) return;
    const items = [...(value as ReadonlyMap<string, TorchValue>)];
    const entries = items.filter((item): item is [string, HostTensor] => isTensor(item[1]));
    const arrays = items.filter(([, item]) => item instanceof UnreadObject && item.type === numpyArray);
    if (entries.length > 0) dictionaries.push({ keys, entries, arrays: arrays.map(([name]) => name) });
    for (const [key, item] of items) visit(item, [...keys, key]);
  };
  visit(content, []);
  if (dictionaries.length > 0) return dictionaries;
  throw new DataError(`It has no tensors under names: it holds ${heldIn(content)}.`, {
    where,
    next: 'Objects are not read. Load the file in PyTorch, and save the state_dict() of the network with torch.save.',
  });
}

function heldIn(content: TorchValue | undefined): string {
  if (content instanceof UnreadObject) return `an object of ${content.type}`;
  if (!(content instanceof Map)) return content !== undefined && isTensor(content) ? 'one tensor' : 'no mapping';
  const keys = [...(content as ReadonlyMap<string, TorchValue>)].slice(0, 12);
  const listed = keys.map(
    ([key, item]) => JSON.stringify(key) + (item instanceof UnreadObject ? ` (${item.type})` : ''),
  );
  return `the keys ${listed.join(', ') || '(none)'}`;
}

function isTensor(value: TorchValue): value is HostTensor {
  return typeof value === 'object' && 'shape' in value;
}

/**
 * The place with the most of these names of a backbone. It must have at least half of them, or a prefix that all names
 * of its dictionary share. If several places have equally many, they are a network and its copies, such as its moving
 * average. Then the place is taken whose key or prefix is part of the others (`model` of `model_ema`). Throws
 * `DataError` if there is no such place.
 */
export function placeOf(dictionaries: readonly Dictionary[], names: readonly string[], where: string): Place {
  const places = dictionaries
    .flatMap(dictionary => placesIn(dictionary, names))
    .filter(place => 2 * place.found >= names.length || isPrefixOfAll(place));
  const most = places.reduce((most, { found }) => Math.max(most, found), 0);
  if (most === 0) {
    const largest = dictionaries.reduce((a, b) => (b.entries.length > a.entries.length ? b : a));
    return { dictionary: largest, prefix: '', found: 0 };
  }
  const best = places.filter(({ found }) => found === most);
  const plain = best.find(place => best.every(other => other === place || isCopy(other, place)));
  if (plain) return plain;
  const listed = best.slice(0, 6).map(place => JSON.stringify(stepsTo(place).join('.')));
  throw new DataError(`It holds ${best.length} networks that fit, under ${listed.join(', ')}.`, {
    where,
    next: 'Save the one that you mean alone, with torch.save.',
  });
}

function isPrefixOfAll({ dictionary, prefix }: Place): boolean {
  return dictionary.entries.every(([name]) => name.startsWith(prefix));
}

function placesIn(dictionary: Dictionary, names: readonly string[]): Place[] {
  const wanted = new Set(names);
  const deepest = names.reduce((most, name) => Math.max(most, name.split('.').length), 0);
  const found = new Map<string, number>();
  for (const [name] of dictionary.entries) {
    let at = name.length;
    for (let depth = 0; depth < deepest && at >= 0; depth++) {
      at = at === 0 ? -1 : name.lastIndexOf('.', at - 1);
      if (!wanted.has(name.slice(at + 1))) continue;
      const prefix = name.slice(0, at + 1);
      found.set(prefix, (found.get(prefix) ?? 0) + 1);
    }
  }
  return [...found].map(([prefix, count]) => ({ dictionary, prefix, found: count }));
}

function isCopy(copy: Place, plain: Place): boolean {
  const [steps, others] = [stepsTo(plain), stepsTo(copy)];
  const at = steps.findIndex((step, i) => step !== others[i]);
  return at !== -1 && others[at] !== undefined && others[at].includes(steps[at]!);
}

function stepsTo({ dictionary, prefix }: Place): string[] {
  return [...dictionary.keys, ...prefix.split('.').slice(0, -1)];
}

/**
 * What the file has outside of the dictionaries that were taken: NumPy arrays and single tensors by name, a mapping by
 * its key and its number of tensors.
 */
export function leftOut(dictionaries: readonly Dictionary[], taken: readonly Dictionary[]): string[] {
  const arrays = taken.flatMap(({ keys, arrays: names }) =>
    names.map(name => `${[...keys, name].join('.')} (NumPy array)`),
  );
  const singles: string[] = [];
  const mappings = new Map<string, number>();
  for (const dictionary of dictionaries) {
    if (taken.includes(dictionary)) continue;
    const { keys, entries } = dictionary;
    // The first key that does not lead to a dictionary that was taken.
    const own = keys.findIndex((_, i) =>
      taken.every(({ keys: path }) => keys.slice(0, i + 1).some((key, j) => key !== path[j])),
    );
    if (own === -1) singles.push(...entries.map(([name]) => [...keys, name].join('.')));
    else {
      const key = keys.slice(0, own + 1).join('.');
      mappings.set(key, (mappings.get(key) ?? 0) + entries.length);
    }
  }
  const counted = [...mappings].map(([key, count]) => `${key} (${count} tensor${count === 1 ? '' : 's'})`);
  return [...singles, ...counted, ...arrays];
}
