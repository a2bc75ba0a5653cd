/** Weights files of all kinds → tensors under the names of gala's state: `backbone.…` and `classifier.…`. */
import type { HostTensor, HostTensors } from '../engine/program.js';
import { DataError } from '../errors.js';
import { sha256OfFile } from '../io/hash.js';
import { readSafetensors } from '../io/safetensors.js';
import { readTorchFile, type TorchValue, torchFormatOf } from '../io/torch/torchFile.js';

export interface WeightsFile {
  readonly tensors: HostTensors;
  readonly format: 'safetensors' | 'torch zip' | 'torch legacy';
  /** Of the whole file, hex. */
  readonly sha256: string;
}

/**
 * Where training scripts keep the state dictionaries: `state_dict_model`, `state_dict_block` and `state_dict_classifier` (MiSLAS), `state_dict`
 * (PyTorch's examples), `state_dict_best` with `feat_model` and `classifier` (classifier-balancing), `model` (torchvision's
 * reference scripts, timm).
 */
const backboneKeys = ['state_dict_model', 'state_dict', 'model_state_dict', 'model', 'feat_model'];
const classifierKeys = ['state_dict_classifier', 'classifier'];
/** MiSLAS on Places-LT keeps the last block of `layer4`, which it fine-tunes, apart from the frozen rest. */
const lastBlockKey = 'state_dict_block';
const nests = ['state_dict_best'];

/**
 * Reads a file by its content, not its name: safetensors (a checkpoint of gala, an export, PyTorch's names), or what
 * `torch.save` made of a state dictionary or of a checkpoint with one. Filters keep the file's layout. Throws
 * `StorageError` for a file that cannot be read, `DataError` for one without weights.
 */
export async function readWeightsFile(path: string): Promise<WeightsFile> {
  const torch = torchFormatOf(path);
  const tensors =
    torch === undefined
      ? byStateName({ network: Object.entries(readSafetensors(path).tensors) }, path)
      : tensorsOf(readTorchFile(path).value, path);
  return { tensors, format: torch ?? 'safetensors', sha256: await sha256OfFile(path) };
}

function tensorsOf(value: TorchValue | undefined, path: string): HostTensors {
  if (!isMapping(value)) throw noWeights('It holds no mapping of names to tensors.', path);
  // A checkpoint may have tensors beside its state dictionaries, such as an accuracy
  const inner = [...nests, ...backboneKeys].map(key => value.get(key)).find(isMapping);
  if (inner === undefined) {
    const entries = entriesOf(value);
    if (entries.length > 0) return byStateName({ network: entries }, path);
    const keys = [...value.keys()].slice(0, 12).map(key => JSON.stringify(key));
    throw noWeights(
      `It has no tensors, and no state dictionary under its keys ${keys.join(', ') || '(none)'}; known are ${[...backboneKeys, ...nests].join(', ')}.`,
      path,
    );
  }
  const network = entriesOf(inner);
  if (network.length === 0) return tensorsOf(inner, path);
  const [lastBlock, classifier] = [[lastBlockKey], classifierKeys].map(keys => {
    const found = keys.map(key => value.get(key)).find(isMapping);
    return found && entriesOf(found);
  });
  return byStateName({ network, lastBlock, classifier }, path);
}

type Entry = readonly [name: string, tensor: HostTensor];

interface Parts {
  readonly network: readonly Entry[];
  /** The third block of `layer4`, where it is kept apart. */
  readonly lastBlock?: readonly Entry[] | undefined;
  /** Of its names only the last part counts. */
  readonly classifier?: readonly Entry[] | undefined;
}

/** Entries under the names of gala's state. Throws `DataError` where two get one name. */
function byStateName({ network, lastBlock = [], classifier = [] }: Parts, path: string): HostTensors {
  const tensors: HostTensors = {};
  const origin = new Map<string, string>();
  const add = (name: string, given: string, tensor: HostTensor) => {
    const other = origin.get(name);
    if (other !== undefined) throw noWeights(`Its entries ${other} and ${given} are both ${name} here.`, path);
    origin.set(name, given);
    tensors[name] = tensor;
  };
  for (const [given, tensor] of network) add(stateName(given), given, tensor);
  for (const [given, tensor] of lastBlock) {
    add(stateName(`layer4.2.${withoutModule(given)}`), given, tensor);
  }
  for (const [given, tensor] of classifier) add(`classifier.${given.split('.').at(-1)}`, given, tensor);
  return tensors;
}

/** DataParallel puts `module.` in front. */
function withoutModule(name: string): string {
  return name.replace(/^(module\.)+/, '');
}

/** `fc` and `linear` are what torchvision and the CIFAR code bases call the classifier. */
function stateName(given: string): string {
  const name = withoutModule(given);
  if (/^(backbone|classifier|momentum|loss|gradient|accumulated)\./.test(name)) return name;
  return /^(fc|linear)\.(weight|bias)$/.test(name) ? name.replace(/^\w+/, 'classifier') : `backbone.${name}`;
}

function entriesOf(mapping: ReadonlyMap<string, TorchValue>): Entry[] {
  return [...mapping].filter((entry): entry is [string, HostTensor] => isTensor(entry[1]));
}

function isMapping(value: TorchValue | undefined): value is ReadonlyMap<string, TorchValue> {
  return value instanceof Map;
}

function isTensor(value: TorchValue): value is HostTensor {
  return typeof value === 'object' && 'data' in value;
}

function noWeights(what: string, where: string): DataError {
  return new DataError(what, { where, next: 'Save the state_dict() of the network alone, with torch.save.' });
}
