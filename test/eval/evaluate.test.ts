/** Evaluations of whole splits: in batches, and from images that stay on the device. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dataset } from '../../src/data/dataset.js';
import { everyRow, sharedBytes, sharedDataset, sharedInt32 } from '../../src/data/dataset.js';
import type { Executable } from '../../src/engine/program.js';
import { type StagedSplits, splitLogits } from '../../src/eval/evaluate.js';
import { linearHead } from '../../src/models/head.js';
import { resnetCifar } from '../../src/models/resnetCifar.js';
import { sgd } from '../../src/optim/optimizers.js';
import { createLoss } from '../../src/train/learning.js';
import { evalProgram } from '../../src/train/network.js';
import { initialState } from '../../src/train/state.js';
import { compileForXla, noPlugin } from '../engine/xla/plugin.js';
import { randomBytes } from '../numbers.js';

const [classes, images, batchSize] = [10, 10, 4];
const network = {
  backbone: resnetCifar({ depth: 8, channels: 3 }),
  head: linearHead(64, classes),
  imageShape: [8, 8, 3] as const,
  mean: [0.49, 0.48, 0.45],
  std: [0.2, 0.2, 0.2],
};
const learning = { loss: createLoss({ name: 'cross_entropy' }), optimizer: sgd({ momentum: 0.9, weight_decay: 0 }) };
const stateOf = (seed: number) => initialState(network, learning, new Int32Array(classes), seed);

function split(name: string): Dataset {
  const pixels = sharedBytes(images * 8 * 8 * 3);
  pixels.set(randomBytes(name, [pixels.length]).data as Uint8Array);
  const labels = sharedInt32(images);
  labels.set(Int32Array.from({ length: images }, (_, i) => i % classes));
  return sharedDataset({
    name,
    classNames: Array.from({ length: classes }, (_, i) => `${i}`),
    imageShape: { height: 8, width: 8, channels: 3 },
    shared: { pixels, labels, rows: everyRow(images) },
    fingerprint: name,
  });
}

/** The executable as if its device had a memory of its own; `taken` counts what is brought there. */
function onDevice(executable: Executable) {
  const device = {
    taken: 0,
    executable: {
      ...executable,
      info: { ...executable.info, device: 'a GPU' },
      stage: (...given: Parameters<Executable['stage']>) => {
        device.taken++;
        return executable.stage(...given);
      },
    },
  };
  return device;
}

test('A split that stays on the device gives the logits of one that is read again, to the bit, with new ' +
  'weights too; a second split has its own', {
  skip: noPlugin,
}, async () => {
  const executable = await compileForXla({ state: stateOf(0), programs: { eval: evalProgram(network, batchSize) } });
  const device = onDevice(executable);
  const staged: StagedSplits = new Map();
  try {
    const [test, val] = [split('test'), split('val')];
    const seen: Float32Array[] = [];
    for (const seed of [0, 1]) {
      await executable.writeState(stateOf(seed));
      for (const dataset of [test, val]) {
        const again = await splitLogits(executable, dataset, batchSize);
        assert.deepEqual(await splitLogits(device.executable, dataset, batchSize, 0, staged), again);
        seen.push(again.logits);
      }
    }
    assert.equal(device.taken, 2);
    assert.equal(new Set(seen.map(logits => logits[0])).size, 4);
    await splitLogits(device.executable, test, batchSize);
    assert.equal(device.taken, 3, 'nothing is kept where nobody asks for it');
    const onCpu: StagedSplits = new Map();
    await splitLogits(executable, test, batchSize, 0, onCpu);
    assert.equal(onCpu.size, 0, 'the CPU has no memory of its own');
  } finally {
    executable.dispose();
  }
});
