/** The network of a checkpoint as a file for other programs: PyTorch's names and layouts. */
import { writeSafetensors } from '../io/safetensors.js';
import { evaluatedModel } from '../models/modelEntries.js';
import { inTorchLayout } from '../models/weights.js';
import { readRecord } from '../run/record.js';
import { openRunFolder } from '../run/runFolder.js';
import type { HostTensors } from '../tensor.js';
import { chooseCheckpoint, readCheckpoint } from './checkpoint.js';

export interface ExportRequest {
  readonly run: string;
  /** `best`, `last` or the path of a checkpoint file; when left out, `best` if the run has one, else `last`. */
  readonly checkpoint?: string | undefined;
  readonly output: string;
}

/** What was written. */
export interface Exported {
  readonly checkpoint: string;
  /** Finished epochs, and the steps of the next epoch. */
  readonly epoch: number;
  readonly step: number;
  readonly tensors: number;
  readonly bytes: number;
}

/** Writes parameters and batch statistics as safetensors. Throws `StorageError`. */
export function exportWeights({ run, output, ...given }: ExportRequest): Exported {
  const folder = openRunFolder(run);
  const { name: checkpoint, path } = chooseCheckpoint(folder.checkpoints, given.checkpoint);
  const { state, progress } = readCheckpoint(path);
  const { name, config, config_hash } = readRecord(folder.record);
  const tensors = forTorch(state);
  const { epoch: next, step } = progress;
  const epoch = next - 1;
  writeSafetensors(output, tensors, {
    format: 'pt',
    run: name,
    config_hash,
    backbone: config.model.backbone,
    dataset: config.data.dataset,
    checkpoint,
    epoch: String(epoch),
    ...(step > 0 && { step: String(step) }),
  });
  const bytes = Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);
  return { checkpoint, epoch, step, tensors: Object.keys(tensors).length, bytes };
}

/** The network that evaluates a state, under torchvision's names, filters OIHW. */
function forTorch(state: HostTensors): HostTensors {
  return Object.fromEntries(
    Object.entries(evaluatedModel(state)).map(([name, tensor]) => [torchName(name), inTorchLayout(tensor)]),
  );
}

/** Torchvision's name for an entry of the network. */
export function torchName(entry: string): string {
  return entry.replace(/^backbone\./, '').replace(/^classifier\./, 'fc.');
}
