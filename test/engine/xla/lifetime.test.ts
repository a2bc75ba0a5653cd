/**
 * Nothing that the plugin made for the xla engine is left behind: buffers, events and programs, counted at the plugin's
 * table.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type FunctionName, loadPlugin, type Pjrt } from '../../../src/engine/pjrt/cApi.js';
import { compileForPjrt } from '../../../src/engine/pjrt/executable.js';
import { requirePlugin } from '../../../src/engine/pjrt/locate.js';
import type { CompileRequest } from '../../../src/engine/program.js';
import { float32 } from '../../numbers.js';
import { threads } from '../compute.js';
import { noPlugin } from './plugin.js';

/** Word of a call's answer that is the new object; `execute` makes a list of buffers and one event instead. */
const makers: Partial<
  Record<FunctionName, readonly [kind: 'buffer' | 'event' | 'program' | 'client', word: number][]>
> = {
  clientCreate: [['client', 6]],
  compile: [['program', 4]],
  bufferFromHost: [
    ['event', 11],
    ['buffer', 12],
  ],
  toHostBuffer: [['event', 4]],
};
const destroyers: Partial<Record<FunctionName, string>> = {
  bufferDestroy: 'buffer',
  eventDestroy: 'event',
  loadedExecutableDestroy: 'program',
  clientDestroy: 'client',
};

/** The plugin, with the number of objects of each kind that it made and that were not destroyed. */
function counted(api: Pjrt, outputs: number): { api: Pjrt; live: Record<string, number> } {
  const live: Record<string, number> = { buffer: 0, event: 0, program: 0, client: 0 };
  const note = (name: FunctionName, words: bigint[]): bigint[] => {
    for (const [kind, word] of makers[name] ?? []) if (words[word]) live[kind]!++;
    if (name === 'execute') {
      live.buffer! += outputs;
      live.event!++;
    }
    const destroyed = destroyers[name];
    if (destroyed) live[destroyed]!--;
    return words;
  };
  return {
    live,
    api: {
      ...api,
      call: (name, words, what) => note(name, api.call(name, words, what)),
      callAsync: async (name, words, what) => note(name, await api.callAsync(name, words, what)),
    },
  };
}

const collectGarbage = (() => {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
})();

/** Without what JavaScript's garbage collector would free, its finalizers run. */
async function residentMegabytes(): Promise<number> {
  for (let i = 0; i < 2; i++) {
    collectGarbage();
    await new Promise(resolve => setTimeout(resolve, 20));
  }
  return process.memoryUsage().rss / 1e6;
}

const size = 16_384;
const request: CompileRequest = {
  state: { w: float32([size], new Array(size).fill(0)), step: float32([], [0]) },
  programs: {
    train: {
      inputs: { x: float32([size], new Array(size).fill(0)) },
      apply: ({ w, step }, { x }) => ({
        state: { w: w!.mul(0.9).add(x!), step: step!.add(1) },
        outputs: { norm: w!.square().sum() },
      }),
    },
  },
};

test('After 1,000 steps there are as many buffers and events as after one, no more memory, and none after disposal', {
  skip: noPlugin,
}, async context => {
  const { api, live } = counted(loadPlugin(requirePlugin(), threads), 3);
  const executable = await compileForPjrt(api, request, { threads, precision: 'fp32' });
  const x = float32([size], new Array(size).fill(1));
  const step = () => executable.run('train', { x });
  const entries = Object.keys(request.state).length;
  const atRest = { buffer: entries, event: 0, program: 1, client: 1 };
  assert.deepEqual(live, { ...atRest, program: 0 });
  await step();
  assert.deepEqual(live, atRest);
  for (let i = 0; i < 999; i++) await step();
  assert.deepEqual(live, atRest);
  const before = await residentMegabytes();
  for (let i = 0; i < 1000; i++) await step();
  const grown = (await residentMegabytes()) - before;
  context.diagnostic(`resident memory grew by ${grown.toFixed(1)} MB in 1,000 steps`);
  assert.deepEqual(live, atRest);
  // A leak of one state or input buffer a step would be 65 MB
  assert.ok(grown < 20, `${grown} MB`);

  assert.equal((await executable.readState()).step!.data[0], 2000);
  await executable.writeState({ step: float32([], [7]) });
  assert.equal((await executable.readState()).step!.data[0], 7);
  assert.deepEqual(live, atRest);
  executable.dispose();
  await new Promise(resolve => setImmediate(resolve));
  assert.deepEqual(live, { buffer: 0, event: 0, program: 0, client: 0 });
});

test('A program that does not compile leaves nothing behind', { skip: noPlugin }, async () => {
  const { api, live } = counted(loadPlugin(requirePlugin(), threads), 0);
  const failing: Pjrt = {
    ...api,
    callAsync: (name, words, what) =>
      name === 'compile' ? Promise.reject(new Error('refused')) : api.callAsync(name, words, what),
  };
  const executable = await compileForPjrt(failing, request, { threads, precision: 'fp32' });
  await assert.rejects(executable.run('train', { x: float32([size], new Array(size).fill(1)) }), /refused/);
  executable.dispose();
  await new Promise(resolve => setImmediate(resolve));
  assert.deepEqual(live, { buffer: 0, event: 0, program: 0, client: 0 });
});
