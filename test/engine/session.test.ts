import assert from 'node:assert/strict';
import { basename, dirname } from 'node:path';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as tf from '@tensorflow/tfjs';
import { findOperations } from '../../src/engine/install/locate.js';
import type { CompileRequest, Executable } from '../../src/engine/program.js';
import { EngineError } from '../../src/errors.js';
import { instructionSet } from '../../src/machine/cpu.js';
import { float32, int32, randomBytes, randomTensor } from '../numbers.js';
import { compileForTest, threads } from './compute.js';

const scalar = { dtype: 'float32' as const, shape: [] };
const number = (value: number) => float32([], [value]);

/** One number of state; `add` changes it, `look` gives it, `divide` shows what arithmetic does with zeros. */
const counter: CompileRequest = {
  state: { count: number(0), label: int32([2], [7, 9]) },
  programs: {
    add: {
      inputs: { by: scalar },
      apply: ({ count }, { by }) => {
        const sum = tf.add(count!, by!);
        return { state: { count: sum }, outputs: { before: count!, after: sum } };
      },
    },
    look: { inputs: {}, apply: ({ count, label }) => ({ state: {}, outputs: { count: count!, label: label! } }) },
    divide: {
      inputs: { by: scalar },
      apply: ({ count }, { by }) => ({ state: {}, outputs: { y: tf.div(count!, by!) } }),
    },
  },
};

async function withCounter(body: (executable: Executable) => Promise<void>): Promise<void> {
  const executable = await compileForTest(counter);
  try {
    await body(executable);
  } finally {
    executable.dispose();
  }
}

const rejects = (promise: Promise<unknown>, message: RegExp) =>
  assert.rejects(promise, error => error instanceof EngineError && message.test(error.message));

describe('The state of an executable', () => {
  test('starts as given, changes with a run, and stays as it is where a program does not write it', () =>
    withCounter(async executable => {
      assert.deepEqual(await executable.run('look', {}), { count: number(0), label: int32([2], [7, 9]) });
      const { before, after } = await executable.run('add', { by: number(2.5) });
      assert.deepEqual([before!.data[0], after!.data[0]], [0, 2.5]);
      await executable.run('add', { by: number(-1) });
      assert.deepEqual(await executable.readState(), { count: number(1.5), label: int32([2], [7, 9]) });
    }));

  test('can be overwritten entry by entry and read back to the bit', () =>
    withCounter(async executable => {
      const odd = float32([], [1 / 3]);
      await executable.writeState({ count: odd });
      assert.deepEqual(await executable.readState(), { count: odd, label: int32([2], [7, 9]) });
      await executable.writeState({ label: int32([2], [-1, 2 ** 31 - 1]) });
      assert.deepEqual((await executable.run('look', {})).label, int32([2], [-1, 2 ** 31 - 1]));
    }));

  test('belongs to one executable: another one with the same names has its own', () =>
    withCounter(first =>
      withCounter(async second => {
        await first.run('add', { by: number(3) });
        assert.deepEqual((await second.readState()).count, number(0));
        assert.deepEqual((await first.readState()).count, number(3));
      }),
    ));

  test('is read by a run before the run writes it: twenty entries change places', async () => {
    const count = 20;
    const names = Array.from({ length: count }, (_, i) => `entry ${i}`);
    const executable = await compileForTest({
      state: Object.fromEntries(names.map((name, i) => [name, float32([3], [i, i, i])])),
      programs: {
        rotate: {
          inputs: {},
          apply: state => ({
            state: Object.fromEntries(names.map((name, i) => [name, state[names[(i + 1) % count]!]!])),
            outputs: { total: names.map(name => state[name]!).reduce((a, b) => tf.add(a, b)) },
          }),
        },
      },
    });
    for (let turn = 1; turn <= 3; turn++) {
      const { total } = await executable.run('rotate', {});
      assert.deepEqual(total, float32([3], [190, 190, 190]));
      const state = await executable.readState();
      assert.deepEqual(
        names.map(name => state[name]!.data[0]),
        names.map((_, i) => (i + turn) % count),
      );
    }
    executable.dispose();
  });

  test('holds bytes and integers as well as floats', async () => {
    const state = { pixels: randomBytes('state', [2, 3]), ids: int32([2], [5, -5]), w: randomTensor('state', [3]) };
    const executable = await compileForTest({ state, programs: {} });
    assert.deepEqual(await executable.readState(), state);
    executable.dispose();
  });
});

describe('A wrong call is refused before anything runs:', () => {
  const refusals: readonly [what: string, message: RegExp, call: (executable: Executable) => Promise<unknown>][] = [
    ['a program that is not there', /no program 'subtract'.*add, look, divide/, e => e.run('subtract', {})],
    ['a missing input', /input 'by' takes float32 \[\] and was given nothing/, e => e.run('add', {})],
    ['an input of another shape', /'by' .* float32 \[1\]/, e => e.run('add', { by: float32([1], [1]) })],
    ['an input of another type', /'by' .* int32 \[\]/, e => e.run('add', { by: int32([], [1]) })],
    ['an input with too few numbers', /with 0 elements/, e => e.run('add', { by: float32([], []) })],
    ['a state entry that is not there', /no state entry 'total'/, e => e.writeState({ total: number(1) })],
    [
      'a state entry of another shape',
      /state entry 'label' takes int32 \[2\]/,
      e => e.writeState({ count: number(5), label: int32([3], [1, 2, 3]) }),
    ],
  ];
  for (const [what, message, call] of refusals) {
    test(what, () =>
      withCounter(async executable => {
        await rejects(call(executable), message);
        assert.deepEqual((await executable.readState()).count, number(0));
      }),
    );
  }
});

describe('Runs', () => {
  test('that are started together are executed one after the other', () =>
    withCounter(async executable => {
      const runs = Array.from({ length: 50 }, () => executable.run('add', { by: number(1) }));
      const state = executable.readState();
      const last = executable.run('add', { by: number(1) });
      const results = await Promise.all(runs);
      assert.deepEqual(
        results.map(({ before, after }) => [before!.data[0], after!.data[0]]),
        results.map((_, i) => [i, i + 1]),
      );
      assert.deepEqual((await state).count, number(50));
      assert.deepEqual((await last).after, number(51));
    }));

  test('go on after one of them was refused', () =>
    withCounter(async executable => {
      const refused = executable.run('add', {});
      const good = executable.run('add', { by: number(1) });
      await rejects(refused, /by/);
      assert.deepEqual((await good).after, number(1));
    }));

  test('pass NaN and infinity through as numbers', () =>
    withCounter(async executable => {
      assert.ok(Number.isNaN((await executable.run('divide', { by: number(0) })).y!.data[0]));
      const { after } = await executable.run('add', { by: number(Number.POSITIVE_INFINITY) });
      assert.equal(after!.data[0], Number.POSITIVE_INFINITY);
      await executable.run('add', { by: number(Number.NaN) });
      assert.ok(Number.isNaN((await executable.readState()).count!.data[0]));
    }));

  test('that fail inside TensorFlow say so and leave the executable usable', async () => {
    const executable = await compileForTest({
      state: {},
      programs: {
        gather: {
          inputs: { index: { dtype: 'int32', shape: [1] } },
          apply: (_, { index }) => ({ state: {}, outputs: { y: tf.gather(tf.tensor1d([1, 2]), index!) } }),
        },
      },
    });
    await rejects(executable.run('gather', { index: int32([1], [5]) }), /TensorFlow stopped while running: .*5/);
    assert.deepEqual((await executable.run('gather', { index: int32([1], [1]) })).y, float32([1], [2]));
    executable.dispose();
  });

  test('that were started before the disposal still end; later ones are refused, and disposing twice is fine', async () => {
    const executable = await compileForTest(counter);
    const running = executable.run('add', { by: number(4) });
    executable.dispose();
    executable.dispose();
    assert.deepEqual((await running).after, number(4));
    await rejects(executable.run('add', { by: number(1) }), /disposed/);
    await rejects(executable.readState(), /disposed/);
  });
});

describe('An executable', () => {
  test('records its engine, version, precision, device, instruction set, operations and threads', () =>
    withCounter(async executable => {
      const { version, ...info } = executable.info;
      const operations = findOperations();
      const machine = {
        instructions: instructionSet(),
        ...(operations !== undefined && { operations: basename(dirname(operations)) }),
      };
      assert.deepEqual(info, { engine: 'tensorflow', precision: 'fp32', threads, device: 'cpu', ...machine });
      assert.match(version, /^\d+\.\d+\.\d+/);
    }));

  test('refuses an output of truth values, which have no host type', () =>
    rejects(
      compileForTest({
        state: {},
        programs: {
          positive: { inputs: { x: scalar }, apply: (_, { x }) => ({ state: {}, outputs: { y: tf.greater(x!, 0) } }) },
        },
      }),
      /output 'y' is bool/,
    ));
});

describe('Resident memory stays flat', () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const megabyte = 2 ** 20;
  const resident = () => {
    collectGarbage();
    return process.memoryUsage.rss() / megabyte;
  };

  test('over 400 steps that carry 2 MB in and 2 MB out each', async () => {
    const x = randomTensor('memory', [megabyte / 2]);
    const executable = await compileForTest({
      state: { sum: float32(x.shape, new Float32Array(megabyte / 2)) },
      programs: {
        add: {
          inputs: { x: { dtype: 'float32', shape: x.shape } },
          apply: (state, given) => {
            const sum = tf.add(state.sum!, given.x!);
            return { state: { sum }, outputs: { sum } };
          },
        },
      },
    });
    const steps = async (count: number) => {
      for (let i = 0; i < count; i++) await executable.run('add', { x });
    };
    await steps(50);
    const before = resident();
    await steps(400);
    const growth = resident() - before;
    executable.dispose();
    assert.ok(growth < 80, `grew by ${growth.toFixed(0)} MB; a leak of one of the tensors would be 800 MB`);
  });

  test('over 20 executables with 16 MB of state each', async () => {
    const state = { w: randomTensor('memory', [4 * megabyte]) };
    const cycle = async () => {
      const executable = await compileForTest({ state, programs: {} });
      executable.dispose();
    };
    for (let i = 0; i < 3; i++) await cycle();
    const before = resident();
    for (let i = 0; i < 20; i++) await cycle();
    const growth = resident() - before;
    assert.ok(growth < 100, `grew by ${growth.toFixed(0)} MB; leaked states would be 320 MB`);
  });
});
