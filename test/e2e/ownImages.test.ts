/** The commands of docs/own-images.md, in their order, on fewer epochs of smaller pictures. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { onnxPython, withoutOnnx } from '../engine/onnx/runOnnx.js';
import { temporaryFolder } from '../temporaryFolder.js';

const root = join(import.meta.dirname, '..', '..', '..');
const page = readFileSync(join(root, 'docs', 'own-images.md'), 'utf8');
const commands = [...page.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block]) => block!.trim().split('\n'));
const quick =
  'train.epochs=2 optim.warmup_epochs=0 data.image_size=32 data.short_side=36 train.batch_size=32 ' +
  'precision=fp32 threads=1';

/** A folder with the repository's scripts, in which `gala` is this build. */
function workingFolder(): string {
  const folder = temporaryFolder();
  symlinkSync(join(root, 'scripts'), join(folder, 'scripts'));
  mkdirSync(join(folder, 'bin'));
  symlinkSync(join(root, 'bin', 'gala.mjs'), join(folder, 'bin', 'gala'));
  return folder;
}

test('docs/own-images.md goes from a folder of images to a table, a report, predictions and a file', async t => {
  const cwd = workingFolder();
  const path = `${join(cwd, 'bin')}:${dirname(process.execPath)}:${process.env.PATH}`;
  const environment = { ...process.env, PATH: path, GALA_DATA: '' };
  const shell = async (command: string) => {
    const { stdout } = await promisify(execFile)('bash', ['-c', command], { cwd, env: environment });
    return stdout;
  };
  const outputs = new Map<string, string>();
  for (const command of commands) {
    const isTraining = command.startsWith('gala train');
    outputs.set(command, await shell(isTraining ? `${command} ${quick} --quiet` : command));
  }
  const said = outputs.get('gala init example/photos')!;
  assert.ok(page.includes(said), `the page has another output of gala init than\n${said}`);
  const predictions = readFileSync(join(cwd, 'predictions.csv'), 'utf8').trim().split('\n');
  assert.equal(predictions.length, 6);
  assert.match(predictions[1]!, /^example\/new\/0001\.jpg,(circle|ring|square|star|triangle),/);
  assert.ok(readFileSync(join(cwd, 'report.html'), 'utf8').includes('photos_plain'));
  assert.ok(existsSync(join(cwd, 'photos.onnx')));
  await t.test(
    "the page's Python gives the class and the probability of gala predict",
    { skip: withoutOnnx },
    async () => {
      const [, program] = /```python\n(.*?)```/s.exec(page)!;
      const { stdout } = await promisify(execFile)(onnxPython!, ['-c', program!], { cwd });
      const [name, probability] = stdout.trim().split(' ');
      const [, expectedName, expected] = predictions[1]!.split(',');
      assert.equal(name, expectedName);
      assert.ok(Math.abs(Number(probability) - Number(expected)) < 5e-4, `${probability}, predicted ${expected}`);
    },
  );

  // A changed folder is noticed: what was trained on could be tested on.
  rmSync(join(cwd, 'example', 'photos', 'ring', '0001.jpg'));
  const refused = shell('gala eval --run photos --device cpu');
  await assert.rejects(refused, /images are not those this run began with/);
});
