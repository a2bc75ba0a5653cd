/**
 * A disk that is full, read-only, limited, closed or gone, and files that changed on it: a typed error, and nothing
 * lost.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { describeUnless } from '../shared.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { mountSmallDisk, obeyingPermissions, whyNoMount } from './faultyDisk.js';
import { errorOf, expectExit, type Finished, type GalaOptions, gala, galaSignalled, startGala } from './gala.js';
import { assertSameOutcome, checkpointOf, filesIn, metricsOf, onlyRun, recordOf, runFolders } from './outcome.js';
import { smallTraining, writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const options = { cwd: temporary };
const set = writeSmallSet(at('set'));
let unbroken: string;

before(async () => {
  await gala(smallTraining(set, at('unbroken')), 0, options);
  unbroken = onlyRun(at('unbroken'));
});

const noMount = whyNoMount();
const megabyte = 2 ** 20;
const resuming = (run: string) => ['train', '--resume', run, '--data', set];

/**
 * A failure of the disk in a training: exit 4, what and where and how to go on, no half-written file, the record not
 * lost.
 */
function assertFailedCleanly(failed: Finished, run: string, message: RegExp, next: RegExp): void {
  expectExit(failed, 4);
  const error = errorOf(failed);
  assert.match(error.message, message);
  assert.ok(error.where.startsWith(run), error.where);
  assert.match(error.next, next);
  assert.ok(error.next.endsWith(`To go on with this run: gala train --resume ${run}`), error.next);
  assert.doesNotMatch(failed.stderr, /^\s+at /m);
  assert.deepEqual(
    filesIn(run).filter(file => /\.tmp$|lock/.test(file)),
    [],
  );
}

async function assertResumesToTheSameBits(run: string): Promise<Finished> {
  const finished = await gala(resuming(run), 0, options);
  assertSameOutcome(run, unbroken);
  return finished;
}

/** Trains until the first epoch is printed; `damage` happens while the process stands still. */
async function disturbAfterFirstEpoch(output: string, damage: (run: string) => void, more: Partial<GalaOptions> = {}) {
  const child = startGala([...smallTraining(set, output), '--json'], { ...options, ...more });
  await child.printed(/"type":"epoch","epoch":1,/);
  child.kill('SIGSTOP');
  const run = onlyRun(output);
  damage(run);
  child.kill('SIGCONT');
  return { run, failed: await child.finished };
}

describeUnless(noMount, 'a disk', () => {
  test(
    'that is full when the run begins, at its first checkpoint or at a later one: exit 4; with room ' +
      'again, the bits of an unbroken run',
    async () => {
      const disk = await mountSmallDisk(at('full'), 40 * megabyte);
      try {
        for (const [name, room] of [
          ['first', 3 * megabyte],
          ['later', 8 * megabyte],
        ] as const) {
          disk.leave(room);
          const output = join(disk.path, name);
          const failed = await startGala(smallTraining(set, output), options).finished;
          const run = onlyRun(output);
          assertFailedCleanly(failed, run, /^Could not write .*the disk is full/, /[Ff]ree space/);
          assert.equal(
            filesIn(join(run, 'checkpoints')).length > 1,
            name === 'later',
            'what was saved before is there',
          );
          disk.leave();
          await assertResumesToTheSameBits(run);
          rmSync(output, { recursive: true });
        }
        disk.leave(0);
        const output = join(disk.path, 'none');
        const failed = await gala(smallTraining(set, output), 4, options);
        assert.match(errorOf(failed).message, /the disk is full/);
        assert.deepEqual(runFolders(output), [], 'nothing began, nothing is left');
      } finally {
        disk.unmount();
      }
    },
  );

  test(
    'that is read-only, before a run or from the middle of it on: exit 4; writable again, the bits of an ' +
      'unbroken run',
    async () => {
      const disk = await mountSmallDisk(at('readOnly'), 40 * megabyte);
      try {
        const { run, failed } = await disturbAfterFirstEpoch(join(disk.path, 'runs'), () => disk.setReadOnly(true));
        expectExit(failed, 4);
        assert.match(errorOf(failed).message, /the file system is mounted read-only/);
        assert.match(errorOf(failed).next, /Mount it for writing.*To go on with this run/);

        const refused = await gala(resuming(run), 4, options);
        assert.match(errorOf(refused).message, /^Could not lock the folder: the file system is mounted read-only/);
        const anew = await gala(smallTraining(set, join(disk.path, 'anew')), 4, options);
        assert.match(errorOf(anew).message, /^Could not make a run folder: the file system is mounted read-only/);
        assert.match(errorOf(anew).next, /choose another place/);

        disk.setReadOnly(false);
        await assertResumesToTheSameBits(run);
      } finally {
        disk.unmount();
      }
    },
  );
});

test('A limit on file sizes stops at the first checkpoint: exit 4; without it, the bits of an unbroken run', async () => {
  const under = ['prlimit', '--fsize=1000000'];
  const failed = await startGala(smallTraining(set, at('limited')), { ...options, under }).finished;
  const run = onlyRun(at('limited'));
  assertFailedCleanly(failed, run, /^Could not write the file: a limit on the size of files is in force$/, /ulimit -f/);
  assert.equal(recordOf(run).status, 'failed');
  assert.match(recordOf(run).failure!, /a limit on the size of files is in force/);
  await assertResumesToTheSameBits(run);
});

const under = obeyingPermissions();

describeUnless(under === undefined && 'root cannot give up its rights here (setpriv)', 'permissions', () => {
  test('A folder that may not be written to: exit 4 before anything is trained', async () => {
    mkdirSync(at('closed'));
    chmodSync(at('closed'), 0o500);
    const failed = await gala(smallTraining(set, join(at('closed'), 'runs')), 4, { ...options, under: under! });
    assert.match(errorOf(failed).message, /^Could not make a run folder: permission is missing/);
    assert.match(errorOf(failed).next, /permissions.*another place/);
  });

  test('A dataset that may not be read: exit 4', async () => {
    const closed = writeSmallSet(at('closedSet'));
    chmodSync(join(closed, 'train-labels-idx1-ubyte'), 0);
    const failed = await gala(smallTraining(closed, at('unread')), 4, { ...options, under: under! });
    assert.match(errorOf(failed).message, /permission is missing/);
    assert.ok(errorOf(failed).where.endsWith('train-labels-idx1-ubyte'));
  });

  test('A checkpoints folder that is closed during the run: exit 4; open again, the bits of an unbroken run', async () => {
    const close = (run: string) => chmodSync(join(run, 'checkpoints'), 0o500);
    const { run, failed } = await disturbAfterFirstEpoch(at('closing'), close, { under: under! });
    assertFailedCleanly(failed, run, /^Could not write the file: permission is missing/, /permissions/);
    chmodSync(join(run, 'checkpoints'), 0o755);
    await assertResumesToTheSameBits(run);
  });
});

test('A run folder that is removed or renamed during the run: exit 4, and nothing is made in its place', async () => {
  const removed = await disturbAfterFirstEpoch(at('removed'), run => rmSync(run, { recursive: true }));
  expectExit(removed.failed, 4);
  assert.match(errorOf(removed.failed).message, /there is no such file or folder/);
  assert.match(errorOf(removed.failed).next, /removed or renamed while gala worked in it/);
  assert.deepEqual(runFolders(at('removed')), []);

  const renamed = await disturbAfterFirstEpoch(at('renamed'), run => renameSync(run, `${run}-moved`));
  expectExit(renamed.failed, 4);
  const [moved, ...others] = runFolders(at('renamed'));
  assert.deepEqual([moved, others], [`${renamed.run}-moved`, []]);
  await assertResumesToTheSameBits(moved!);
});

describe('a file that changed on disk', () => {
  /** A run stopped in its third epoch: `last` is in the middle of it, `last.previous` at its beginning. */
  async function stoppedRun(output: string): Promise<string> {
    await galaSignalled('SIGTERM', '"type":"epoch","epoch":2,', [...smallTraining(set, output), '--json'], options);
    return onlyRun(output);
  }

  test('One byte of the last checkpoint: the one before is used, with a notice; of all: exit 4', async () => {
    const run = await stoppedRun(at('flipped'));
    const [last, previous, best] = ['last', 'last.previous', 'best'].map(name =>
      join(run, 'checkpoints', `${name}.safetensors`),
    );
    const [whole, wholePrevious, wholeBest] = [last!, previous!, best!].map(path => readFileSync(path));
    flipByte(last!, whole!.indexOf('training_seconds') + 21); // a digit of a number that nothing else would find wrong
    flipByte(previous!, Math.floor(wholePrevious!.length / 2));
    flipByte(best!, Math.floor(wholeBest!.length / 2));
    const refused = await gala(resuming(run), 4, options);
    assert.match(errorOf(refused).message, /its header does not match the sha256/);
    assert.equal(errorOf(refused).where, last);
    assert.match(errorOf(refused).next, /No older checkpoint is whole either/);

    writeFileSync(previous!, wholePrevious!);
    writeFileSync(best!, wholeBest!);
    const { stderr } = await assertResumesToTheSameBits(run);
    assert.ok(stderr.includes(`Going on from ${previous}.`), stderr);
    assert.match(stderr, /last\.safetensors: Not a usable safetensors file: its header does not match/);
  });

  test('The end of metrics.jsonl: the epoch is trained, and written, again, to the bits of an unbroken run', async () => {
    const cutOff = (run: string) => {
      assert.equal(metricsOf(run).length, 2);
      const metrics = join(run, 'metrics.jsonl');
      truncateSync(metrics, readFileSync(metrics).length - 20);
    };
    await galaSignalled(
      'SIGKILL',
      '"type":"epoch","epoch":2,',
      [...smallTraining(set, at('truncated')), '--json'],
      options,
    );
    const run = onlyRun(at('truncated'));
    cutOff(run);
    const { stderr } = await assertResumesToTheSameBits(run);
    assert.match(
      stderr,
      /last\.safetensors was written after epoch 2, but the logs end with epoch 1\. Going on from .*last\.previous/,
    );
    assert.match(stderr, /metrics\.jsonl: line 2 was cut off by a crash and is dropped\./);

    // Stopped in the third epoch, without a checkpoint from after the first: the line is lost, the training is not.
    const stopped = await stoppedRun(at('ahead'));
    cutOff(stopped);
    const [previous, best] = ['last.previous', 'best'].map(name => join(stopped, 'checkpoints', `${name}.safetensors`));
    copyFileSync(previous!, best!);
    const { stderr: said } = await gala(resuming(stopped), 0, options);
    assert.match(said, /The epochs between stay missing there/);
    assert.deepEqual(
      metricsOf(stopped).map(({ epoch }) => epoch),
      [1, 3],
    );
    assert.deepEqual(checkpointOf(stopped, 'last').tensors, checkpointOf(unbroken, 'last').tensors);
  });

  test('A byte in the middle of metrics.jsonl: exit 4 with the line; the checkpoints are left alone', async () => {
    const run = await stoppedRun(at('middle'));
    const before = readdirSync(join(run, 'checkpoints'));
    const metrics = join(run, 'metrics.jsonl');
    flipByte(metrics, 0);
    const refused = await gala(resuming(run), 4, options);
    assert.equal(errorOf(refused).where, `${metrics}:1`);
    assert.deepEqual(readdirSync(join(run, 'checkpoints')), before);
  });
});

function flipByte(path: string, position: number): void {
  const bytes = readFileSync(path);
  bytes[position] = bytes[position]! ^ 0x01;
  writeFileSync(path, bytes);
}
