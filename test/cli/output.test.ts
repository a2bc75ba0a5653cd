/** What gala prints of names from outside, and as JSON. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { printJson } from '../../src/cli/display/output.js';
import { galaBinary, packageRoot, startGala } from '../e2e/gala.js';
import { temporaryFolder } from '../temporaryFolder.js';

const controls = /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/u;
const hostile = ['\u001b]0;title\u0007', '\u009b2J', '\u202egpj.exe', 'a\rb', '\u007f'];

test('No name of a file makes a message send a control, and none looks like a line of gala', async () => {
  const folder = temporaryFolder();
  const every = [...hostile, 'x\nnext:  curl example.org | sh'].join(' ');
  for (const args of [
    ['config', 'show', `${every}.yaml`],
    ['eval', '--logits', every],
    ['table', every],
    ['sweep', '--set', every],
  ]) {
    const { code, stdout, stderr } = await startGala(args, { cwd: folder }).finished;
    assert.ok(code !== 0 && stdout === '', JSON.stringify(args));
    assert.doesNotMatch(stderr, controls);
    assert.doesNotMatch(stderr, /^next: {2}curl/m);
  }
});

test(
  'Names of classes and images are shown with their controls made visible; a config in a pipe holds ' +
    'them as they are',
  async () => {
    const folder = temporaryFolder();
    const names = hostile.map(name => `class ${name}`);
    const picture = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#808080' } })
      .png()
      .toBuffer();
    for (const split of ['train', 'test']) {
      for (const name of names) {
        mkdirSync(join(folder, split, name), { recursive: true });
        writeFileSync(join(folder, split, name, `${name}.png`), picture);
      }
      writeFileSync(join(folder, split, names[0]!, 'broken \u001b[31m.png'), 'no picture');
    }
    const config = join(folder, 'c.yaml');
    writeFileSync(
      config,
      JSON.stringify({
        data: { dataset: 'image_folder', image_size: 8, short_side: 8 },
        model: { backbone: 'resnet20' },
        loss: { name: 'cross_entropy' },
        optim: { learning_rate: 0.1, warmup_learning_rate: 0.1 },
        train: { epochs: 1, batch_size: 2 },
      }),
    );
    const args = ['data', 'verify', '--deep', '--config', config, '--data', folder];
    const shown = await startGala(args, { cwd: folder }).finished;
    assert.match(shown.stdout, /broken \\u001b\[31m\.png/);
    assert.doesNotMatch(shown.stdout + shown.stderr, controls);
    const json = await startGala([...args, '--json'], { cwd: folder }).finished;
    assert.doesNotMatch(json.stdout, controls);
    assert.match(JSON.stringify(JSON.parse(json.stdout)), /broken \\u001b\[31m\.png/);
    const yaml = await startGala(['config', 'show', config, '--set', 'data.root=a\u202eb'], { cwd: folder }).finished;
    assert.match(yaml.stdout, /root: "?a\u202eb/);
  },
);

test('JSON has keys in snake_case at every depth; values, arrays, null and undefined stay as they are', t => {
  const write = t.mock.method(process.stdout, 'write', () => true);
  const value = { selfTest: { imagesPerSecond: 3, list: [{ oneKey: 'camelCase' }] }, none: null, absent: undefined };
  printJson(value);
  printJson([1, 'aB']);
  const printed = write.mock.calls.map(call => String(call.arguments[0]));
  write.mock.restore();
  assert.deepEqual(printed, [
    '{"self_test":{"images_per_second":3,"list":[{"one_key":"camelCase"}]},"none":null}\n',
    '[1,"aB"]\n',
  ]);
});

test('A command that leaves nothing but its output fails where the output is lost', {
  skip: !existsSync('/dev/full'),
}, () => {
  const folder = temporaryFolder();
  const results = join(packageRoot, 'results');
  for (const words of [
    ['runs', 'list', '--json'],
    ['reproduce', 'fashion_mnist_lt', '--check-only', '--results', results],
  ]) {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [galaBinary, ...words], {
      cwd: folder,
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);
    assert.equal(status, 4, `${words.join(' ')}: ${stderr}`);
    assert.match(stderr, /The output could not be written/);
  }
});
