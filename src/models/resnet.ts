/**
 * ResNet (He et al. 2016) and ResNeXt (Xie et al. 2017) for large images, as torchvision builds them: 7×7 convolution
 * of stride 2, 3×3 max pooling of stride 2, four stages, global average pooling. In a bottleneck, the 3×3 convolution
 * has the stride. Parameter names, their order and the initial distribution are torchvision's.
 */
import type { Tensors } from '../engine/program.js';
import type { HostTensors } from '../tensor.js';
import tf from '../tfjs.cjs';
import type { Backbone, BackboneOptions } from './backbone.js';
import type { ResNet } from './backbones.js';
import { kaimingNormal } from './init.js';
import { batchNorm, convolution, initBatchNorm } from './layers.js';

/** A convolution and the batch normalisation after it. */
interface Layer {
  readonly convolution: string;
  readonly normalisation: string;
  readonly size: 1 | 3 | 7;
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: 1 | 2;
  readonly groups: number;
}

interface Block {
  readonly layers: readonly Layer[];
  /** The convolution of the shortcut; undefined if the block does not change the shape. */
  readonly downsample: Layer | undefined;
}

export function resnet(options: Omit<ResNet, 'family'> & BackboneOptions): Backbone {
  const { channels, batchNormParts, activation = tf.relu } = options;
  const stem = layer('conv1', 'bn1', { size: 7, inputs: channels, outputs: 64, stride: 2 });
  const blocks = blocksOf(options);
  const all = [stem, ...blocks.flatMap(({ layers, downsample }) => [...layers, ...(downsample ? [downsample] : [])])];

  const init = (seed: number) => {
    const parameters: HostTensors = {};
    const statistics: HostTensors = {};
    for (const { convolution, normalisation, size, inputs, outputs, groups } of all) {
      const weight = `${convolution}.weight`;
      parameters[weight] = kaimingNormal(seed, weight, [size, size, inputs / groups, outputs], 'out');
      initBatchNorm(normalisation, outputs, parameters, statistics);
    }
    return { parameters, statistics };
  };

  const apply: Backbone['apply'] = (parameters, statistics, images, training) => {
    const updated: Tensors | undefined = training ? {} : undefined;
    const through = (x: tf.Tensor4D, { convolution: filter, normalisation, stride }: Layer) =>
      batchNorm(
        normalisation,
        convolution(x, parameters[`${filter}.weight`]!, stride),
        parameters,
        statistics,
        updated,
        batchNormParts,
      );
    let x = tf.maxPool(activation(through(images, stem)), 3, 2, 1);
    for (const { layers, downsample } of blocks) {
      const residual = layers.reduce((h, next, i) => through(i === 0 ? h : activation(h), next), x);
      x = activation(tf.add(residual, downsample ? through(x, downsample) : x));
    }
    return { features: tf.mean(x, [1, 2]) as tf.Tensor2D, statistics: updated ?? {} };
  };

  return { featureSize: all.at(-1)!.outputs, init, apply };
}

function blocksOf({ block, depths, groups = 1, groupWidth = 64 }: Omit<ResNet, 'family'>): Block[] {
  const expansion = block === 'basic' ? 1 : 4;
  let inputs = 64;
  return depths.flatMap((depth, stage) =>
    Array.from({ length: depth }, (_, i) => {
      const prefix = `layer${stage + 1}.${i}.`;
      const stride = i === 0 && stage > 0 ? 2 : 1;
      const width = 64 * 2 ** stage;
      const outputs = width * expansion;
      const between = block === 'basic' ? width : ((width * groupWidth) / 64) * groups;
      const at = (n: number, shape: Shape) => layer(`${prefix}conv${n}`, `${prefix}bn${n}`, shape);
      const layers =
        block === 'basic'
          ? [at(1, { size: 3, inputs, outputs, stride }), at(2, { size: 3, inputs: outputs, outputs })]
          : [
              at(1, { size: 1, inputs, outputs: between }),
              at(2, { size: 3, inputs: between, outputs: between, stride, groups }),
              at(3, { size: 1, inputs: between, outputs }),
            ];
      const changes = stride !== 1 || inputs !== outputs;
      const downsample = changes
        ? layer(`${prefix}downsample.0`, `${prefix}downsample.1`, { size: 1, inputs, outputs, stride })
        : undefined;
      inputs = outputs;
      return { layers, downsample };
    }),
  );
}

type Shape = Pick<Layer, 'size' | 'inputs' | 'outputs'> & Partial<Pick<Layer, 'stride' | 'groups'>>;

function layer(convolution: string, normalisation: string, { stride = 1, groups = 1, ...shape }: Shape): Layer {
  return { convolution, normalisation, stride, groups, ...shape };
}
