/** A packed set against the lists of the config that is trained on it. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { openImageSet } from '../../../src/data/files/imageSet.js';
import { openImageSplits } from '../../../src/data/files/imageSplits.js';
import { packImages } from '../../../src/data/pack/pack.js';
import { listName } from '../../../src/data/pack/packedSet.js';
import { DataError } from '../../../src/errors.js';
import { temporaryFolder } from '../../temporaryFolder.js';
import { folderTree, writeTree } from '../imageTrees.js';

const folder = temporaryFolder();
const images = join(folder, 'images');
const root = join(folder, 'packed');
const lists = { train_list: join(images, 'train.txt'), test_list: join(images, 'test.txt') };
const config = { dataset: 'image_list' as const, ...lists, image_size: 32 };

/** Packs as `gala data pack` does. */
async function pack(output = root): Promise<void> {
  const opened = openImageSplits(config, { root: images, val: false });
  for (const split of ['train', 'test'] as const) {
    const { files, source } = opened[split];
    const list = { name: listName(source), fingerprint: files.fingerprint };
    const options = { files, split, list, folder: join(output, split), shortSide: 37, workers: 1 };
    await packImages({ ...options, onProgress: () => {} });
  }
}

const open = (changed: object = {}, heldOutFraction?: number) =>
  openImageSet({ ...config, imbalance_factor: 1, subset_seed: 0, ...changed }, root, {
    environment: {},
    heldOutFraction,
  });
const refuses = (changed: object, message: RegExp, heldOutFraction?: number) =>
  assert.rejects(open(changed, heldOutFraction), (error: unknown) => {
    assert.ok(error instanceof DataError && error.next?.includes('gala data pack'), String(error));
    assert.match(error.message, message);
    return true;
  });

/** Changes `pack.json` of a split until the end of `action`. */
async function withHeader(
  split: string,
  change: (header: Record<string, unknown>) => void,
  action: () => Promise<void>,
) {
  const path = join(root, split, 'pack.json');
  const kept = readFileSync(path, 'utf8');
  const header = JSON.parse(kept) as Record<string, unknown>;
  change(header);
  writeFileSync(path, JSON.stringify(header));
  await action();
  writeFileSync(path, kept);
}

describe('a packed set', () => {
  before(async () => {
    await writeTree(images, folderTree(3));
    await pack();
  });

  test('is taken with the lists it was made from, wherever they are now', async () => {
    assert.deepEqual((await open()).notes, [`Packed images are read from ${root}.`]);
    await open({ train_list: 'elsewhere/train.txt', test_list: 'test.txt.gz' });
  });

  test('is refused for a list of another name, with what it holds', async () => {
    await refuses({ train_list: 'other.txt' }, /made from the list train\.txt; data\.train_list names other\.txt/);
    await refuses({ test_list: 'other.txt' }, /made from the list test\.txt; data\.test_list names other\.txt/);
  });

  test('is refused when the list has changed since', async () => {
    const kept = readFileSync(lists.train_list, 'utf8');
    writeFileSync(lists.train_list, kept.split('\n').slice(1).join('\n'));
    await refuses({}, /train\.txt has changed since it was packed/);
    writeFileSync(lists.train_list, kept);
    await open();
  });

  test('that lacks the validation list of the config is refused, not trained on a held-out part', async () => {
    await refuses({ val_list: 'val.txt' }, /no split val/, 0.2);
    await open({ val_list: 'val.txt' });
    assert.equal((await open({}, 0.2)).val, undefined);
  });

  test('of splits with other classes is refused', async () => {
    const rename = (header: Record<string, unknown>) => Object.assign(header, { class_names: ['a', 'b', 'c'] });
    await withHeader('test', rename, () => refuses({}, /train and test do not have the same classes/));
    await withHeader('test', rename, async () => {
      await pack(); // which names them anew
      await open();
    });
  });

  test('of an earlier gala is read, with a note where its list cannot be told', async () => {
    const old = (header: Record<string, unknown>) => {
      delete header.list;
      delete header.list_fingerprint;
    };
    await withHeader('train', old, async () => {
      assert.equal((await open()).notes.length, 1); // the same content
      const { notes } = await open({ train_list: 'other.txt' });
      assert.match(notes[1]!, /^Whether data\.train_list \(other\.txt\) is what was packed is not known/);
      await pack();
      await refuses({ train_list: 'other.txt' }, /made from the list train\.txt/);
    });
  });

  test('of an official set made from a list of one’s own says so where the config names none', async () => {
    for (const split of ['train', 'test']) {
      const path = join(root, split, 'pack.json');
      writeFileSync(path, readFileSync(path, 'utf8').replace('"image_list"', '"places_lt"'));
    }
    const { notes } = await open({ dataset: 'places_lt', train_list: undefined, test_list: undefined });
    assert.match(notes[1]!, /^train list: train\.txt, as it was packed, not the published Places_LT_train\.txt\.$/);
    rmSync(root, { recursive: true });
  });
});
