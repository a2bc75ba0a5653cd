/** Reads weights files of all kinds into the entries of a network. */
import { DataError } from '../errors.js';
import { sha256OfFile } from '../io/hash.js';
import { readSafetensors } from '../io/safetensors.js';
import { standInOf } from '../io/standIn.js';
import { readTorchFile, type TorchValue, torchFormatOf } from '../io/torch/torchFile.js';
import type { HostTensors } from '../tensor.js';
import { evaluatedModel, isModelEntry } from './modelEntries.js';
import { nameWeights } from './weightNames.js';
import { type FittedWeights, fitPart, type WeightsPart } from './weights.js';

export interface WeightsFile {
  readonly path: string;
  readonly content: TorchValue | undefined;
  readonly format: 'safetensors' | 'torch zip' | 'torch legacy';
  /** Hash of the whole file, hex. */
  readonly sha256: string;
}

/**
 * Reads a weights file: safetensors (a checkpoint of gala, an export, PyTorch's names), or a file of `torch.save`. The
 * content decides, not the name. Filters keep the layout of the file. Throws `StorageError` for a file that cannot be
 * read, and `DataError` for an error page or an LFS pointer that lies in place of the weights.
 */
export async function readWeightsFile(path: string): Promise<WeightsFile> {
  const torch = torchFormatOf(path);
  const standIn = torch === undefined ? standInOf(path) : undefined;
  if (standIn)
    throw new DataError(`In place of the weights lies ${standIn.what}.`, { where: path, next: standIn.remedy });
  const content = torch === undefined ? safetensorsContent(path) : readTorchFile(path).value;
  return { path, content, format: torch ?? 'safetensors', sha256: await sha256OfFile(path) };
}

/** The tensors of the file; from a checkpoint of gala only the model that evaluates it. */
function safetensorsContent(path: string): TorchValue {
  const { tensors, isVerified } = readSafetensors(path);
  const isCheckpoint = isVerified && Object.keys(tensors).some(isModelEntry);
  return new Map(Object.entries(isCheckpoint ? evaluatedModel(tensors) : tensors));
}

export interface FittedFile extends FittedWeights {
  /** Sentences on changes of the weights other than their names. */
  readonly notes: readonly string[];
}

/** `fitPart` for a weights file; `unused` has the names in the file. Throws `DataError`. */
export function fitFile(expected: HostTensors, { path, content }: WeightsFile, part: WeightsPart): FittedFile {
  const { tensors, given, beside, notes } = nameWeights(content, expected, part, path);
  const { values, kept, unused } = fitPart(expected, tensors, path, part);
  requireFinite(values, kept, path);
  return { values, kept, unused: [...unused.map(name => given.get(name)!), ...beside], notes };
}

function requireFinite(values: HostTensors, kept: readonly string[], where: string): void {
  const drawn = new Set(kept);
  const wrong = Object.entries(values).filter(([name, { data }]) => !drawn.has(name) && !data.every(Number.isFinite));
  if (wrong.length === 0) return;
  const names = wrong.map(([name]) => name);
  throw new DataError(`Weights are NaN or infinite, or too large for float32: ${listedNames(names)}.`, {
    where,
    next: 'Take the weights of an earlier epoch, before the training diverged, or fetch the file again.',
  });
}

/** Sentences on what was changed, drawn and not used; none if the file has exactly the network. */
export function describeFit({ kept, unused, notes }: Omit<FittedFile, 'values'>): string[] {
  const listed = (what: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${what}: ${listedNames(names)}.`];
  return [...notes, ...listed('Drawn from the seed', kept), ...listed('In the file and not used', unused)];
}

function listedNames(names: readonly string[]): string {
  const more = names.length > listedAtMost ? ` and ${names.length - listedAtMost} more` : '';
  return `${names.slice(0, listedAtMost).join(', ')}${more}`;
}

const listedAtMost = 6;
