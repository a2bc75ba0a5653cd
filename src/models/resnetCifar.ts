/**
 * The CIFAR ResNet (He et al. 2016, section 4.2): 3×3 convolution, three stages of 16, 32, 64 channels with (depth −
 * 2)/6 basic blocks each, option-A shortcuts (stride-2 subsampling, zero channels on both sides), global average
 * pooling. Parameter names and initial distribution are those of the public long-tailed code bases (LDAM-DRW, MiSLAS,
 * GALA).
 */
import type { Tensors } from '../engine/program.js';
import type { HostTensors } from '../tensor.js';
import tf from '../tfjs.cjs';
import type { Backbone, BackboneOptions } from './backbone.js';
import type { CifarResNet } from './backbones.js';
import { kaimingNormal } from './init.js';
import { batchNorm, convolution, initBatchNorm } from './layers.js';

interface Block {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: 1 | 2;
}

export function resnetCifar({
  depth,
  channels,
  batchNormParts,
  activation = tf.relu,
}: Omit<CifarResNet, 'family'> & BackboneOptions): Backbone {
  const blocks = basicBlocks(depth);

  const init = (seed: number) => {
    const parameters: HostTensors = {};
    const statistics: HostTensors = {};
    const layer = (suffix: string, prefix: string, inputs: number, outputs: number) => {
      const name = `${prefix}conv${suffix}.weight`;
      parameters[name] = kaimingNormal(seed, name, [3, 3, inputs, outputs]);
      initBatchNorm(`${prefix}bn${suffix}`, outputs, parameters, statistics);
    };
    layer('1', '', channels, 16);
    for (const { name, inputs, outputs } of blocks) {
      layer('1', `${name}.`, inputs, outputs);
      layer('2', `${name}.`, outputs, outputs);
    }
    return { parameters, statistics };
  };

  const apply: Backbone['apply'] = (parameters, statistics, images, training) => {
    const updated: Tensors | undefined = training ? {} : undefined;
    const convBatchNorm = (x: tf.Tensor4D, prefix: string, suffix: string, stride: 1 | 2) => {
      const y = convolution(x, parameters[`${prefix}conv${suffix}.weight`]!, stride);
      return batchNorm(`${prefix}bn${suffix}`, y, parameters, statistics, updated, batchNormParts);
    };
    let x = activation(convBatchNorm(images, '', '1', 1));
    for (const block of blocks) {
      const inner = activation(convBatchNorm(x, `${block.name}.`, '1', block.stride));
      const residual = convBatchNorm(inner, `${block.name}.`, '2', 1);
      x = activation(tf.add(residual, shortcut(x, block)));
    }
    return { features: tf.mean(x, [1, 2]) as tf.Tensor2D, statistics: updated ?? {} };
  };

  return { featureSize: 64, init, apply };
}

function basicBlocks(depth: number): Block[] {
  const perStage = (depth - 2) / 6;
  const stages = [16, 32, 64];
  return stages.flatMap((outputs, stage) =>
    Array.from({ length: perStage }, (_, i) => {
      const first = i === 0 && stage > 0;
      const inputs = first ? stages[stage - 1]! : outputs;
      return { name: `layer${stage + 1}.${i}`, inputs, outputs, stride: first ? (2 as const) : (1 as const) };
    }),
  );
}

/**
 * Option A: a 1×1 average pooling of stride 2 subsamples, because a strided slice has no gradient in TF.js. Zeros fill
 * the new channels.
 */
function shortcut(x: tf.Tensor4D, { inputs, outputs, stride }: Block): tf.Tensor4D {
  if (stride === 1) return x;
  const side = (outputs - inputs) / 2;
  return tf.pad(tf.avgPool(x, 1, stride, 'valid'), [
    [0, 0],
    [0, 0],
    [0, 0],
    [side, side],
  ]);
}
