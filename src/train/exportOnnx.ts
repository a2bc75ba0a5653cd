/** A checkpoint's network as an ONNX model: the evaluation program, with its weights inside the file. */
import { newOnnxGraph, opset } from '../engine/onnx/graph.js';
import { lowerToOnnx } from '../engine/onnx/lower.js';
import { trace } from '../engine/trace/trace.js';
import { predictedMass } from '../eval/rebalance.js';
import { writeFileAtomic } from '../io/atomicFile.js';
import { inTorchLayout } from '../models/weights.js';
import { describeVersions } from '../run/host.js';
import type { HostTensors } from '../tensor.js';
import { type Exported, type ExportRequest, torchName } from './exportWeights.js';
import { evalProgram, type Network, normalizedEvalProgram } from './network.js';
import { readTrainedNetwork, type TrainedNetwork, testLogitsOf } from './trainedNetwork.js';

/** float32: normalised images NCHW, as for PyTorch's models. uint8: pixels NHWC; the model normalises them. */
export type OnnxInput = 'float32' | 'uint8';

/**
 * Writes the model of a run: input `images`, outputs `logits` and `probabilities` `[batch, classes]`. Throws
 * `StorageError`, `DataError`.
 */
export function exportOnnx({ run, checkpoint: given, output, input }: ExportRequest & { input: OnnxInput }): Exported {
  const trained = readTrainedNetwork(run, given);
  const { network, model, checkpoint, epoch, step } = trained;
  writeFileAtomic(output, onnxModel(network, model, input, metadataOf(trained)));
  const bytes = Object.values(model).reduce((sum, { data }) => sum + data.byteLength, 0);
  return { checkpoint, epoch, step, tensors: Object.keys(model).length, bytes };
}

/** The bytes of an ONNX model with the entries `model`, for batches of any size and images of the network's size. */
export function onnxModel(
  network: Network,
  model: HostTensors,
  input: OnnxInput,
  metadata: Readonly<Record<string, string>>,
): Buffer {
  const program = input === 'uint8' ? evalProgram(network, 1) : normalizedEvalProgram(network, 1);
  const traced = trace(program, model);
  const graph = newOnnxGraph();
  const images = input === 'uint8' ? graph.node('Transpose', ['images'], { perm: { ints: [0, 3, 1, 2] } }) : 'images';
  const lowered = lowerToOnnx(graph, traced, model, {
    weight: torchName,
    layOut: inTorchLayout,
    inputs: { images },
  });
  const value = traced.outputs.logits!;
  const logits = graph.node('Identity', [lowered(value)], {}, 'logits');
  graph.node('Softmax', [logits], { axis: { int: 1 } }, 'probabilities');
  const [height, width, channels] = network.imageShape;
  const size = input === 'uint8' ? [height, width, channels] : [channels, height, width];
  const classes = value.node.outputs[value.index]!.shape[1]!;
  return graph.model({
    inputs: [{ name: 'images', type: input, shape: ['batch', ...size] }],
    outputs: ['logits', 'probabilities'].map(name => ({ name, type: 'float32', shape: ['batch', classes] })),
    producerVersion: describeVersions().gala,
    metadata,
  });
}

/**
 * Metadata for users of the model; lists are JSON. `class_mass`, which re-balancing needs, is there only if the run has
 * stored test logits of the checkpoint.
 */
function metadataOf(trained: TrainedNetwork): Record<string, string> {
  const { record, config, network, classNames, checkpoint, epoch, step, shortSide } = trained;
  const stored = testLogitsOf(trained);
  return {
    run: record.name,
    config_hash: record.config_hash,
    backbone: config.model.backbone,
    dataset: config.data.dataset,
    checkpoint,
    epoch: String(epoch),
    ...(step > 0 && { step: String(step) }),
    opset: String(opset),
    class_names: JSON.stringify(classNames),
    mean: JSON.stringify(network.mean),
    std: JSON.stringify(network.std),
    short_side: String(shortSide),
    tau: String(config.eval.tau),
    ...(stored && { class_mass: JSON.stringify(Array.from(predictedMass(stored.logits, classNames.length))) }),
  };
}
