import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { loadConfig } from '../../src/config/load.js';
import { readImageList } from '../../src/data/files/imageList.js';
import { readRgb } from '../../src/data/images/decode.js';
import { packSchema, readPackFile } from '../../src/data/pack/packFormat.js';
import { GalaError } from '../../src/errors.js';
import { FormatFault } from '../../src/io/faults.js';
import { md5OfFile, sha256, sha256OfFile } from '../../src/io/hash.js';
import { readRegularFile, withOpenedFile } from '../../src/io/regularFile.js';
import { readSafetensors } from '../../src/io/safetensors.js';
import { readWeightsFile } from '../../src/models/weightsFile.js';
import { readGradients } from '../../src/report/gradients.js';
import { readResult } from '../../src/results/record.js';
import { readMetrics } from '../../src/run/metricsLog.js';
import { readRecord } from '../../src/run/record.js';
import { readSweepFile } from '../../src/sweep/sweepFile.js';
import { temporaryFolder } from '../temporaryFolder.js';

const folder = temporaryFolder();
const pipe = join(folder, 'pipe');
execFileSync('mkfifo', [pipe]);
mkdirSync(join(folder, 'folder'));

describe('a regular file', () => {
  const path = join(folder, 'bytes');

  test('of any bytes is read up to its limit, and refused beyond it', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, most) => {
        writeFileSync(path, bytes);
        if (bytes.length <= most) assert.deepEqual(new Uint8Array(readRegularFile(path, most)), bytes);
        else
          assert.throws(
            () => readRegularFile(path, most),
            new FormatFault(`it has ${bytes.length} bytes, and gala reads at most ${most} of such a file`, path),
          );
      }),
    ));

  test('that tells no size is read to its end', () => {
    const text = readRegularFile('/proc/self/stat', 10_000).toString();
    assert.ok(text.startsWith(`${process.pid} `));
    assert.throws(() => readRegularFile('/proc/self/stat', 10), /it does not end, and gala reads at most 10/);
  });

  test('is hashed in pieces, an empty one too', async () => {
    for (const length of [0, 1, 3_000_000]) {
      writeFileSync(path, Buffer.alloc(length, 7));
      assert.equal(await sha256OfFile(path), sha256(Buffer.alloc(length, 7)));
    }
  });
});

describe('in place of a file', () => {
  for (const [what, at] of [
    ['a named pipe', pipe],
    ['a device', '/dev/zero'],
    ['a folder', join(folder, 'folder')],
  ] as const) {
    test(`${what} is refused at once`, async () => {
      const expected = (error: unknown) =>
        error instanceof FormatFault && error.message === `it is ${what}, not a regular file` && error.path === at;
      assert.throws(() => readRegularFile(at, 100), expected);
      assert.throws(() => withOpenedFile(at, () => 0), expected);
      await assert.rejects(async () => sha256OfFile(at), expected);
      await assert.rejects(async () => md5OfFile(at), expected);
    });
  }

  test('a socket is refused', async () => {
    const path = join(folder, 'socket');
    const server = createServer();
    await new Promise<void>(resolve => server.listen(path, resolve));
    assert.throws(() => readRegularFile(path, 100));
    server.close();
  });

  test('nothing stays open', () => {
    const lowest = () => {
      const file = openSync(folder, 'r');
      closeSync(file);
      return file;
    };
    const before = lowest();
    for (let i = 0; i < 20; i++) assert.throws(() => readRegularFile(pipe, 100));
    assert.equal(lowest(), before);
  });
});

/** Each room that reads files of others, with the file at `path`. */
const rooms: Readonly<Record<string, (path: string) => unknown>> = {
  'a config': path => loadConfig(path),
  'an image list': path => readImageList(path),
  'an image': path => readRgb(path),
  'a file of a pack': path => readPackFile(path, packSchema),
  safetensors: path => readSafetensors(path),
  weights: path => readWeightsFile(path),
  'run.json': path => readRecord(path),
  'metrics.jsonl': path => readMetrics(path),
  'gradients.jsonl': path => readGradients(path, 3),
  'a result record': path => readResult(path),
  'a sweep file': path => readSweepFile(path),
};

describe('every reader ends with a typed error', () => {
  const huge = join(folder, 'huge');
  writeFileSync(huge, '');
  truncateSync(huge, 2 ** 40); // no blocks on disk
  for (const [name, read] of Object.entries(rooms)) {
    for (const path of [pipe, '/dev/zero', huge]) {
      test(`${name} that is ${path === pipe ? 'a pipe' : path === huge ? 'a terabyte of zeros' : path}`, () =>
        assert.rejects(
          async () => read(path),
          (error: unknown) => error instanceof GalaError && !!error.where && !!error.next,
        ));
    }
  }
});
