import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ConfigError, DataError, StorageError } from '../../src/errors.js';
import { downloadFile } from '../../src/io/httpDownload.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { faultyServer } from './faultyServer.js';

const content = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) >> 5);
const folder = temporaryFolder();
let files = 0;
const newPath = () => join(folder, `file${files++}`);
const quick = { pauseSeconds: 0.01, otherwise: 'Give the file.' };

describe('a download', () => {
  test('of a whole file is written and told', async () => {
    const { url, asked } = await faultyServer(content, ['range']);
    const path = newPath();
    const heard: (readonly [number, number | undefined])[] = [];
    await downloadFile(url, path, { ...quick, onProgress: (...progress) => heard.push(progress) });
    assert.deepEqual(new Uint8Array(readFileSync(path)), content);
    assert.deepEqual(asked, ['']);
    assert.deepEqual(heard[0], [0, content.length]);
    assert.deepEqual(heard.at(-1), [content.length, content.length]);
  });

  test('that drops again and again goes on where it stopped, every time', async () => {
    const drops = [40_000, 1, 100_000, 70_000].map(drop => ({ drop }));
    const { url, asked } = await faultyServer(content, [...drops, 'range']);
    const path = newPath();
    const retries: string[] = [];
    await downloadFile(url, path, { ...quick, onRetry: line => retries.push(line) });
    assert.deepEqual(new Uint8Array(readFileSync(path)), content);
    // How much of what a server sent before it dropped the connection arrives is the network's affair.
    const starts = asked.map(range => Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0));
    assert.deepEqual(
      starts,
      starts.toSorted((a, b) => a - b),
    );
    assert.ok(starts.at(-1)! > 0);
    assert.equal(asked.length, 5);
    assert.deepEqual(
      retries.map(line => Number(/trying again at (\d+) bytes/.exec(line)![1])),
      starts.slice(1),
    );
  });

  test('left by an earlier command is gone on with; a whole one is not fetched again', async () => {
    const { url, asked } = await faultyServer(content, ['range']);
    const path = newPath();
    writeFileSync(path, content.subarray(0, 123_456));
    await downloadFile(url, path, quick);
    await downloadFile(url, path, quick);
    assert.deepEqual(new Uint8Array(readFileSync(path)), content);
    assert.deepEqual(asked, ['bytes=123456-', 'bytes=300000-']);
  });

  test('from a server without ranges begins anew and does not append', async () => {
    const { url } = await faultyServer(content, [{ drop: 50_000 }, 'no ranges']);
    const path = newPath();
    await downloadFile(url, path, quick);
    assert.deepEqual(new Uint8Array(readFileSync(path)), content);
  });

  test('of a file that became shorter begins anew', async () => {
    const { url, asked } = await faultyServer(content.subarray(0, 1000), ['range']);
    const path = newPath();
    writeFileSync(path, content);
    await downloadFile(url, path, quick);
    assert.equal(readFileSync(path).length, 1000);
    assert.deepEqual(asked, ['bytes=300000-', '']);
  });

  test('never takes a range that was not asked for', async () => {
    const { url } = await faultyServer(content, ['other range']);
    const path = newPath();
    writeFileSync(path, content.subarray(0, 10));
    await assert.rejects(downloadFile(url, path, quick), /other bytes than were asked for \(4 tries\)/);
    assert.equal(readFileSync(path).length, 10);
  });

  test('that gets nothing in four tries stops, says why, and keeps what there is', async () => {
    const { url, asked } = await faultyServer(content, [{ status: 503 }]);
    const path = newPath();
    writeFileSync(path, content.subarray(0, 2000));
    await assert.rejects(downloadFile(url, path, quick), (error: unknown) => {
      assert.ok(error instanceof DataError);
      assert.match(error.message, /the server answered 503 Service Unavailable \(4 tries\)/);
      assert.equal(error.where, url);
      assert.match(error.next!, /goes on where it stopped \(2000 bytes\)\. Give the file\./);
      return true;
    });
    assert.equal(asked.length, 4);
    assert.equal(readFileSync(path).length, 2000);
  });

  test('that the server packs is refused at once', async () => {
    for (const encoding of ['gzip', 'x-gzip']) {
      const { url, asked } = await faultyServer(content, [{ encoding }]);
      await assert.rejects(downloadFile(url, newPath(), quick), (error: unknown) => {
        assert.ok(
          error instanceof DataError && error.message.includes(`(Content-Encoding: ${encoding})`),
          String(error),
        );
        assert.match(error.next!, /--from FILE/);
        return true;
      });
      assert.equal(asked.length, 1);
    }
  });

  test('that begins anew again and again without getting further stops', async () => {
    // Twice as many laps as it may make; the server would go on like this for ever.
    const laps = Array.from({ length: 16 }, () => ({ endsAt: 5000 }));
    const { url } = await faultyServer(content, [...laps, { status: 404 }]);
    await assert.rejects(downloadFile(url, newPath(), quick), /The download stopped: .* \(4 tries\)/);
  });

  test('that a server refuses is not tried again', async () => {
    const { url, asked } = await faultyServer(content, [{ status: 404 }]);
    await assert.rejects(downloadFile(url, newPath(), quick), /the server answered 404 Not Found/);
    assert.equal(asked.length, 1);
  });

  test('from a server that falls silent is tried again', async () => {
    const { url, asked } = await faultyServer(content, [{ stall: 5000 }, 'range']);
    const path = newPath();
    await downloadFile(url, path, { ...quick, stallSeconds: 0.2 });
    assert.deepEqual(new Uint8Array(readFileSync(path)), content);
    assert.equal(asked.length, 2);
  });

  test('without anybody at the address says so', async () => {
    await assert.rejects(downloadFile('http://127.0.0.1:9/x', newPath(), quick), (error: unknown) => {
      assert.ok(error instanceof DataError);
      assert.match(error.message, /ECONNREFUSED|bad port/);
      return true;
    });
    await assert.rejects(downloadFile('ftp://example.org/x', newPath(), quick), ConfigError);
    await assert.rejects(downloadFile('not an address', newPath(), quick), ConfigError);
  });

  test('into a folder that is not there is a fault of the disk', async () => {
    const { url } = await faultyServer(content, ['range']);
    const path = join(folder, 'absent', 'file');
    await assert.rejects(downloadFile(url, path, quick), (error: unknown) => {
      assert.ok(error instanceof StorageError);
      assert.equal(error.where, path);
      return true;
    });
    assert.ok(!existsSync(path));
  });
});
