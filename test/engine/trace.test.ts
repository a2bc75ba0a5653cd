import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import * as tf from '@tensorflow/tfjs';
import type { Specs, Tensors } from '../../src/engine/program.js';
import { trace } from '../../src/engine/trace/trace.js';
import { EngineError } from '../../src/errors.js';

const float = (...shape: number[]) => ({ dtype: 'float32' as const, shape });
const int = (...shape: number[]) => ({ dtype: 'int32' as const, shape });
const bytes = (...shape: number[]) => ({ dtype: 'uint8' as const, shape });

/** Records a function of inputs. */
const traced = (inputs: Specs, outputs: (inputs: Tensors) => Tensors) =>
  trace({ inputs, apply: (_, given) => ({ state: {}, outputs: outputs(given) }) }, {});

function failure(action: () => unknown): EngineError {
  try {
    action();
  } catch (error) {
    assert.ok(error instanceof EngineError, `not an EngineError: ${error}`);
    return error;
  }
  return assert.fail('no error');
}

/** `file:line` of the line of this file that ends in `// ← mark`. */
function lineMarked(mark: string): string {
  const file = 'test/engine/trace.test.ts';
  const source = new URL(`../../../${file}`, import.meta.url);
  const line = readFileSync(source, 'utf8')
    .split('\n')
    .findIndex(text => text.endsWith(`// ← ${mark}`));
  return `${file}:${line + 1}:`;
}

describe('An op that the engines do not know', () => {
  test('is named together with the TypeScript line that used it', () => {
    const error = failure(() =>
      traced({ x: float(3) }, ({ x }) => ({
        y: tf.erf(x!), // ← erf
      })),
    );
    assert.match(error.message, /'Erf'/);
    assert.ok(error.where?.startsWith(lineMarked('erf')), error.where);
    assert.match(error.next!, /kernels\.ts/);
  });

  test('is named with its line deep inside a gradient function too', () => {
    const inner = (x: tf.Tensor) => tf.sum(tf.square(tf.cumsum(x))); // ← cumsum
    const outer = (x: tf.Tensor) => tf.tidy(() => tf.tidy(() => inner(tf.mul(x, 2)))) as tf.Scalar;
    const error = failure(() => traced({ x: float(3) }, ({ x }) => ({ y: tf.valueAndGrad(outer)(x!).grad })));
    assert.match(error.message, /'Cumsum'/);
    assert.ok(error.where?.startsWith(lineMarked('cumsum')), error.where);
  });

  test('leaves the backend as it was', () => {
    void tf.setBackend('cpu');
    failure(() => traced({ x: float(3) }, ({ x }) => ({ y: tf.erf(x!) })));
    assert.equal(tf.getBackend(), 'cpu');
    assert.deepEqual([...tf.add([1, 2], 1).dataSync()], [2, 3]);
  });
});

describe('A program that cannot be recorded is refused:', () => {
  const refusals: readonly [what: string, message: RegExp, action: () => unknown][] = [
    [
      'reading a value',
      /read the value/,
      () => traced({ x: float(2) }, ({ x }) => (x!.dataSync()[0]! > 0 ? { y: x! } : { y: tf.neg(x!) })),
    ],
    [
      'a tensor of another backend',
      /made outside/,
      () => {
        const foreign = tf.tensor1d([1, 2]);
        return traced({ x: float(2) }, ({ x }) => ({ y: tf.add(x!, foreign) }));
      },
    ],
    [
      'a string tensor',
      /element type string/,
      () => traced({}, () => ({ y: tf.reshape(tf.tensor1d(['a', 'b'], 'string'), [2, 1]) })),
    ],
    [
      'an op without an input that the graph needs',
      /'FusedBatchNorm' is used without its input 'scale'/,
      () =>
        traced({ x: float(2, 3, 3, 4), c: float(4) }, ({ x, c }) => ({
          y: tf.batchNorm(x as tf.Tensor4D, c as tf.Tensor1D, c as tf.Tensor1D),
        })),
    ],
    [
      'images with channels first',
      /NCHW/,
      () =>
        traced({ x: float(2, 3, 5, 5), f: float(3, 3, 3, 4) }, ({ x, f }) => ({
          y: tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, 1, 'same', 'NCHW'),
        })),
    ],
    [
      'convolutions that round up',
      /dimRoundingMode 'ceil'/,
      () =>
        traced({ x: float(2, 5, 5, 3), f: float(2, 2, 3, 4) }, ({ x, f }) => ({
          y: tf.conv2d(x as tf.Tensor4D, f as tf.Tensor4D, 2, 0, 'NHWC', 1, 'ceil'),
        })),
    ],
    [
      'gathering with batch dimensions',
      /batchDims 1/,
      () => traced({ x: float(2, 3), i: int(2, 2) }, ({ x, i }) => ({ y: tf.gather(x!, i!, 1, 1) })),
    ],
    [
      'a state entry that changes its shape',
      /'w' from float32 \[2\] to float32 \[2,1\]/,
      () =>
        trace({ inputs: {}, apply: ({ w }) => ({ state: { w: tf.expandDims(w!, 1) }, outputs: {} }) }, { w: float(2) }),
    ],
    [
      'a state entry that changes its type',
      /'w' from float32 \[2\] to int32 \[2\]/,
      () =>
        trace({ inputs: {}, apply: ({ w }) => ({ state: { w: tf.cast(w!, 'int32') }, outputs: {} }) }, { w: float(2) }),
    ],
    [
      'a state entry that does not exist',
      /'v', which is not part of the state/,
      () => trace({ inputs: {}, apply: ({ w }) => ({ state: { v: w! }, outputs: {} }) }, { w: float(2) }),
    ],
  ];
  for (const [what, message, action] of refusals) {
    test(what, () => {
      assert.match(failure(action).message, message);
    });
  }
});

describe('A recorded program', () => {
  const kernels = (program: ReturnType<typeof trace>) => program.nodes.map(node => node.kernel);

  test('leaves out what no result needs', () => {
    const program = traced({ x: float(2, 3), unused: float(5) }, ({ x }) => {
      tf.exp(tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D, false, true));
      return { y: tf.neg(x!) };
    });
    assert.deepEqual(kernels(program), ['Input', 'Neg']);
    assert.deepEqual(Object.keys(program.inputs), ['x', 'unused']);
  });

  test('has every node after its inputs and each of them once', () => {
    const { nodes } = traced({ x: float(2, 3) }, ({ x }) => {
      const shared = tf.exp(x!);
      return { a: tf.add(shared, tf.square(shared)), b: tf.sub(shared, x!) };
    });
    const position = new Map(nodes.map((node, i) => [node, i]));
    assert.equal(position.size, nodes.length);
    for (const [node, i] of position) for (const input of node.inputs) assert.ok(position.get(input.node)! < i);
  });

  test('holds an unchanged state entry as the state itself', () => {
    const { state, nodes } = trace(
      { inputs: {}, apply: ({ w }) => ({ state: { w: w! }, outputs: {} }) },
      { w: float(2) },
    );
    assert.deepEqual(
      nodes.map(node => [node.kernel, node.attributes.name]),
      [['State', 'w']],
    );
    assert.equal(state.w!.node, nodes[0]);
  });

  test('keeps bytes as bytes up to their cast, and makes them integers for any other op', () => {
    const program = traced({ image: bytes(2, 3) }, ({ image }) => ({
      pixels: tf.cast(image!, 'float32'),
      shifted: tf.add(image!, tf.scalar(1, 'int32')),
      same: image!,
    }));
    const types = Object.fromEntries(
      Object.entries(program.outputs).map(([name, { node, index }]) => [name, node.outputs[index]!.dtype]),
    );
    assert.deepEqual(types, { pixels: 'float32', shifted: 'int32', same: 'uint8' });
    const cast = program.outputs.pixels!.node;
    assert.equal(cast.inputs[0]!.node.kernel, 'Input');
  });

  test('needs no node for a clone, and gives a reshape one of its own', () => {
    assert.deepEqual(kernels(traced({ x: float(2, 3) }, ({ x }) => ({ y: tf.clone(x!) }))), ['Input']);
    const { outputs } = traced({ x: float(2, 3) }, ({ x }) => ({ y: tf.reshape(x!, [6]) }));
    assert.deepEqual(outputs.y!.node.outputs[0]!.shape, [6]);
  });

  test('holds tensors made on the host as constants with their numbers', () => {
    const { nodes } = traced({ x: float(2) }, ({ x }) => ({ y: tf.mul(x!, tf.tensor1d([2, 3])) }));
    const constants = nodes.filter(node => node.kernel === 'Constant').map(node => [...node.constant!.data]);
    assert.deepEqual(constants, [[2, 3]]);
  });

  test('leaves no tensors behind', () => {
    const before = tf.memory().numTensors;
    traced({ x: float(2) }, ({ x }) => ({ y: tf.valueAndGrad(v => tf.sum(tf.square(v)) as tf.Scalar)(x!).grad }));
    assert.equal(tf.memory().numTensors, before);
  });
});
