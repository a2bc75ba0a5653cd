/** The tensors of a weights file under gala's names: `backbone.…` and `classifier.…`. */
import { DataError } from '../errors.js';
import type { TorchValue } from '../io/torch/torchFile.js';
import type { HostTensors } from '../tensor.js';
import { asClassifier } from './weightClassifier.js';
import { type Dictionary, dictionariesOf, type Entry, leftOut, type Place, placeOf } from './weightPlaces.js';
import type { WeightsPart } from './weights.js';

export interface NamedWeights {
  /** By gala's name; a tensor that is no entry of the network keeps its name in the file. */
  readonly tensors: HostTensors;
  /** The name of each tensor in the file, by its name in `tensors`. */
  readonly given: ReadonlyMap<string, string>;
  /** Names of what the file has outside of the dictionaries that were taken. */
  readonly beside: readonly string[];
  /** Sentences on changes of the weights other than their names. */
  readonly notes: readonly string[];
}

/** Keys beside the key of the network, under which MiSLAS and classifier-balancing store the classifier. */
const classifierKeys = ['state_dict_classifier', 'classifier'];
/** The scale of each logit that MiSLAS learns in its second stage. */
const scalesKey = 'state_dict_lws_model';
/** MiSLAS on Places-LT stores the last block of `layer4`, which it fine-tunes, apart from the frozen backbone. */
const lastBlock = { key: 'state_dict_block', prefix: 'layer4.2.' };
/** Names of a classifier in torchvision, in the CIFAR code bases and in gala. */
const classifierName = /(^|\.)(fc|linear|classifier)\.(weight|bias)$/;

type Named = readonly [name: string, entry: Entry];

/**
 * `expected` is the network under gala's names; `where` names the file. Throws `DataError` for a file without tensors,
 * with several networks that fit equally well, or with two tensors of one name.
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
  // With several classifiers none is taken, which is an error if one is needed.
  if (classifiers.length > 1 && part !== 'backbone')
    throw sameName([classifiers[0]![0]![0], classifiers[1]![0]![0]], 'classifier.weight', part, where);
  const classifier = classifiers.length === 1 ? classifiers[0]! : [];

  const named: Named[] = [
    ...backbone.map((entry): Named => [`backbone.${entry[0].slice(place.prefix.length)}`, entry]),
    ...(block ? blockEntries(block, names, where) : []),
    ...classifier.map((entry): Named => [`classifier.${lastPart(entry[0])}`, entry]),
    ...rest.filter(entry => !classifier.includes(entry)).map((entry): Named => [entry[0], entry]),
  ];
  const given = givenNames(named, part, where);
  const renamed = Object.fromEntries(named.map(([name, [, tensor]]) => [name, tensor]));
  const scales = part === 'backbone' ? undefined : beside(scalesKey);
  const { tensors, notes } =
    part === 'backbone'
      ? { tensors: renamed, notes: [] }
      : asClassifier(renamed, classifier, scales?.entries, { expected, part, where });
  const taken = dictionaries.filter(
    other => [place.dictionary, block, scales].includes(other) || other.entries === classifier,
  );
  return { tensors, given, beside: leftOut(dictionaries, taken), notes };
}

/** The entries of the backbone, and the rest: classifiers, and other tensors that a training script stores. */
function split({ dictionary, prefix }: Place, names: readonly string[]): { backbone: Entry[]; rest: Entry[] } {
  const moduleOf = (given: string) => given.slice(prefix.length).split('.', 1)[0]!;
  const inside = dictionary.entries.filter(([given]) => given.startsWith(prefix));
  const modules = new Set(names.map(name => name.split('.', 1)[0]!));
  // A module that the network lacks is a head. If it has filters, it belongs to another backbone: do not ignore it.
  for (const [given, { shape }] of inside) if (shape.length > 2) modules.add(moduleOf(given));
  const backbone = new Set(inside.filter(([given]) => modules.has(moduleOf(given))));
  return { backbone: [...backbone], rest: dictionary.entries.filter(entry => !backbone.has(entry)) };
}

/** The entries of each module with the name of a classifier; if some are right beside the backbone, only of these. */
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

/** Whether a dictionary has one of the `wanted` keys, in the same mapping as the other dictionary. */
function isBeside({ keys }: Dictionary, { keys: others }: Dictionary, wanted: readonly string[]): boolean {
  const depth = others.length - 1;
  return (
    keys.length === depth + 1 &&
    wanted.includes(keys[depth]!) &&
    keys.slice(0, depth).join('\0') === others.slice(0, depth).join('\0')
  );
}

/** The name in the file, by gala's name. Throws `DataError` when two tensors have the same name in gala. */
function givenNames(named: readonly Named[], part: WeightsPart, where: string): Map<string, string> {
  const given = new Map<string, string>();
  for (const [name, [own]] of named) {
    const other = given.get(name);
    if (other !== undefined) throw sameName([other, own], name, part, where);
    given.set(name, own);
  }
  return given;
}

function sameName(given: readonly string[], name: string, part: WeightsPart, where: string): DataError {
  return new DataError(`Its entries ${given.join(' and ')} are both ${name} here.`, {
    where,
    next:
      part === 'network'
        ? 'Save the file without the other one.'
        : 'Take the backbone alone with model.weights_part: backbone, or save the file without the other one.',
  });
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
