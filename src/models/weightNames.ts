/** The tensors of a weights file under the names of gala's state: `backbone.…` and `classifier.…`. */

import { DataError } from '../errors.js';
import type { TorchValue } from '../io/torch/torchFile.js';
import type { HostTensors } from '../tensor.js';
import { asClassifier } from './weightClassifier.js';
import { type Dictionary, dictionariesOf, type Entry, leftOut, type Place, placeOf } from './weightPlaces.js';
import type { WeightsPart } from './weights.js';

export interface NamedWeights {
  /** What is no entry of the network keeps the name that it has in the file. */
  readonly tensors: HostTensors;
  /** The file's name of each. */
  readonly given: ReadonlyMap<string, string>;
  /** What lies outside of the dictionaries that were taken. */
  readonly beside: readonly string[];
  /** What was done to the weights beside renaming them, in sentences. */
  readonly notes: readonly string[];
}

/** Keys beside the network's, under which MiSLAS and classifier-balancing keep the classifier. */
const classifierKeys = ['state_dict_classifier', 'classifier'];
/** The scale of each logit that MiSLAS learns in its second stage. */
const scalesKey = 'state_dict_lws_model';
/** MiSLAS on Places-LT keeps the last block of `layer4`, which it fine-tunes, apart from the frozen rest. */
const lastBlock = { key: 'state_dict_block', prefix: 'layer4.2.' };
/** The classifier of torchvision, of the CIFAR code bases and of gala. */
const classifierName = /(^|\.)(fc|linear|classifier)\.(weight|bias)$/;

type Named = readonly [name: string, entry: Entry];

/**
 * `expected` is the network under gala's names. Throws `DataError` for a file without tensors, with several networks of
 * which none is the plain one, or with two tensors of one name; `where` names the file.
 */
export function nameWeights(
  content: TorchValue | undefined,
  expected: HostTensors,
  part: WeightsPart,
  where: string,
): NamedWeights {
  const dictionaries = dictionariesOf(content, where);
  const names = Object.keys(expected).flatMap(name => /^backbone\.(.+)/.exec(name)?.[1] ?? []);
  const place = placeOf(dictionaries, names, where);
  const beside = (...keys: string[]) => dictionaries.find(other => isBeside(other, place.dictionary, keys));

  const { backbone, rest } = split(place, names);
  const block = beside(lastBlock.key);
  const ownClassifier = beside(...classifierKeys);
  const classifiers = [...(ownClassifier ? [ownClassifier.entries] : []), ...classifiersIn(rest, place.prefix)];
  // Of several, none is taken; where one is needed, that is an error
  if (classifiers.length > 1 && part !== 'backbone')
    throw sameName(classifiers[0]![0]![0], classifiers[1]![0]![0], 'classifier.weight', where);
  const classifier = classifiers.length === 1 ? classifiers[0]! : [];

  const named: Named[] = [
    ...backbone.map((entry): Named => [`backbone.${entry[0].slice(place.prefix.length)}`, entry]),
    ...(block ? blockEntries(block, names, where) : []),
    ...classifier.map((entry): Named => [`classifier.${lastPart(entry[0])}`, entry]),
    ...rest.filter(entry => !classifier.includes(entry)).map((entry): Named => [entry[0], entry]),
  ];
  const given = givenNames(named, where);
  const renamed = Object.fromEntries(named.map(([name, [, tensor]]) => [name, tensor]));
  const scales = part === 'backbone' ? undefined : beside(scalesKey);
  const { tensors, notes } =
    part === 'backbone'
      ? { tensors: renamed, notes: [] }
      : asClassifier(renamed, classifier, scales?.entries, expected, where);
  const taken = dictionaries.filter(
    other => [place.dictionary, block, scales].includes(other) || other.entries === classifier,
  );
  return { tensors, given, beside: leftOut(dictionaries, taken), notes };
}

/** The entries of the backbone, and the others: classifiers and whatever else a training script keeps with them. */
function split({ dictionary, prefix }: Place, names: readonly string[]): { backbone: Entry[]; rest: Entry[] } {
  const moduleOf = (given: string) => given.slice(prefix.length).split('.', 1)[0]!;
  const inside = dictionary.entries.filter(([given]) => given.startsWith(prefix));
  const modules = new Set(names.map(name => name.split('.', 1)[0]!));
  // A module that the network lacks is a head; with filters it is part of another backbone, and must not be passed over
  for (const [given, { shape }] of inside) if (shape.length > 2) modules.add(moduleOf(given));
  const backbone = new Set(inside.filter(([given]) => modules.has(moduleOf(given))));
  return { backbone: [...backbone], rest: dictionary.entries.filter(entry => !backbone.has(entry)) };
}

/** Entries of each module that is named as a classifier; those right beside the backbone, where there are any. */
function classifiersIn(rest: readonly Entry[], prefix: string): Entry[][] {
  const modules = new Map<string, Entry[]>();
  for (const entry of rest) {
    if (!classifierName.test(entry[0])) continue;
    const module = entry[0].slice(0, entry[0].lastIndexOf('.'));
    modules.set(module, [...(modules.get(module) ?? []), entry]);
  }
  const isDirect = (module: string) => module.startsWith(prefix) && !module.slice(prefix.length).includes('.');
  const direct = [...modules].filter(([module]) => isDirect(module));
  return (direct.length > 0 ? direct : [...modules]).map(([, entries]) => entries);
}

function blockEntries(block: Dictionary, names: readonly string[], where: string): Named[] {
  const inBlock = names
    .filter(name => name.startsWith(lastBlock.prefix))
    .map(name => name.slice(lastBlock.prefix.length));
  const { prefix } = placeOf([block], inBlock, where);
  return block.entries.map(entry => [`backbone.${lastBlock.prefix}${entry[0].slice(prefix.length)}`, entry]);
}

/** Whether a dictionary has one of these keys, and lies in the mapping that the other lies in. */
function isBeside({ keys }: Dictionary, { keys: others }: Dictionary, wanted: readonly string[]): boolean {
  const depth = others.length - 1;
  return (
    keys.length === depth + 1 &&
    wanted.includes(keys[depth]!) &&
    keys.slice(0, depth).join('\0') === others.slice(0, depth).join('\0')
  );
}

/** The name that each has in the file. Throws `DataError` where two have one name here. */
function givenNames(named: readonly Named[], where: string): Map<string, string> {
  const given = new Map<string, string>();
  for (const [name, [own]] of named) {
    const other = given.get(name);
    if (other !== undefined) throw sameName(other, own, name, where);
    given.set(name, own);
  }
  return given;
}

function sameName(given: string, other: string, name: string, where: string): DataError {
  return new DataError(`Its entries ${given} and ${other} are both ${name} here.`, {
    where,
    next: 'Take the backbone alone with model.weights_part: backbone, or save the file without the other one.',
  });
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
