/** The package that `npm pack` makes: what is in it, and that its `gala` works from another folder. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { gala, packageRoot } from './gala.js';
import { csvOf, filesIn, onlyRun, recordOf } from './outcome.js';

const temporary = temporaryFolder();
const project = join(temporary, 'project');
const installed = join(project, 'node_modules/gala-lt');
const options = { cwd: project, binary: join(project, 'node_modules/.bin/gala') };
let files: string[];

before(() => {
  // The build that is being tested goes in as it is: no prepare script.
  const flags = ['pack', '--ignore-scripts', '--json', '--pack-destination', temporary];
  const output = execFileSync('npm', flags, {
    cwd: packageRoot,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [{ filename }] = JSON.parse(output) as [{ filename: string }];
  mkdirSync(join(project, 'node_modules/.bin'), { recursive: true });
  mkdirSync(installed);
  execFileSync('tar', ['-xzf', join(temporary, filename), '-C', installed, '--strip-components=1']);
  files = filesIn(installed);
  // In place of `npm install`: 420 MB of packages that are already there.
  symlinkSync(join(packageRoot, 'node_modules'), join(installed, 'node_modules'));
  symlinkSync('../gala-lt/bin/gala.mjs', options.binary);
});

test('The package holds the program, configs, the bundled set and the lists, and nothing else', () => {
  for (const name of [
    'bin/gala.mjs',
    'dist/src/cli/main.js',
    'src/engine/tensorflow/operations/operations.cc',
    'configs/fashion_mnist_lt/gala.yaml',
    'LICENSE',
    'README.md',
  ])
    assert.ok(files.includes(name), name);
  assert.ok(files.includes('datasets/fashion_mnist_lt/LICENSE'), 'the licence of the data beside them');
  const data = ['datasets/fashion_mnist_lt', 'datasets/lists'];
  const folders = ['bin', 'dist/src', 'src/engine/tensorflow/operations', 'configs', ...data];
  const single = ['package.json', 'README.md', 'LICENSE'];
  assert.deepEqual(
    files.filter(file => !single.includes(file) && !folders.some(folder => file.startsWith(`${folder}/`))),
    [],
  );
  const others = files.filter(file => !/\.(cc|h|[cm]?js|d\.[cm]?ts|map|json|ya?ml|md|css|html)$|LICENSE$/.test(file));
  assert.ok(
    others.every(file => file.startsWith('datasets/')),
    `no other data: ${others}`,
  );
  const bytes = files.reduce((sum, file) => sum + statSync(join(installed, file)).size, 0);
  assert.ok(bytes < 8e6, `${bytes} bytes unpacked`);
});

test('No file of the package names a folder of this machine', () => {
  // A folder directly below / (such as /root) is too short a text to search for.
  const folders = [packageRoot, homedir()].filter(folder => folder.split('/').length > 2);
  assert.ok(folders.length > 0);
  for (const file of files.filter(name => !name.endsWith('.gz'))) {
    const text = readFileSync(join(installed, file), 'utf8');
    for (const folder of folders) assert.ok(!text.includes(`${folder}/`), `${file} has ${folder}`);
  }
});

test(
  'Extracted beside linked dependencies (no npm install), gala lists and shows its configs from another ' + 'folder',
  async () => {
    const list = await gala(['config', 'list'], 0, options);
    assert.match(list.stdout, /^ {2}cifar100_lt\/gala_if100 /m);
    const show = await gala(['config', 'show', 'fashion_mnist_lt/gala'], 0, options);
    const here = await gala(['config', 'show', 'fashion_mnist_lt/gala'], 0, { cwd: project });
    const values = (text: string) => text.split('\n').filter(line => !line.startsWith('#'));
    assert.deepEqual(values(show.stdout), values(here.stdout));
    const { version } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { version: string };
    assert.equal((await gala(['--version'], 0, options)).stdout, `${version}\n`);
  },
);

test('Extracted beside linked dependencies (no npm install), gala trains an epoch from another folder', async () => {
  const flags = ['--set', 'train.epochs=1', 'precision=fp32', 'threads=1', '--quiet'];
  await gala(['train', '--config', 'fashion_mnist_lt/gala', ...flags], 0, options);
  const run = onlyRun(join(project, 'runs'));
  assert.equal(recordOf(run).status, 'finished');
  assert.equal(csvOf(run, 'predictions.csv').length, 2000);
  assert.deepEqual(
    filesIn(installed).filter(file => !file.startsWith('node_modules')),
    files,
    'nothing was written into the package',
  );
});

test('The example of docs/scripts.md runs against the package, and prints what the run it made has stored', () => {
  const [, example] = /```js\n(.*?)```/s.exec(readFileSync(join(packageRoot, 'docs/scripts.md'), 'utf8'))!;
  const folder = join(temporary, 'scripts');
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  symlinkSync(installed, join(folder, 'node_modules/gala-lt'));
  writeFileSync(join(folder, 'example.mjs'), example!);
  const output = execFileSync(process.execPath, ['example.mjs'], { cwd: folder, encoding: 'utf8' });
  const { status, results, config } = recordOf(onlyRun(join(folder, 'runs')));
  assert.deepEqual([status, config.train.epochs, config.train.batch_size], ['finished', 1, 64]);
  assert.match(output, /^epoch 1: loss \d+\.\d+$/m);
  assert.match(output, /^finished$/m);
  const numbers = [...output.matchAll(/top1: ([\d.]+)/g)].map(([, top1]) => Number(top1));
  assert.deepEqual(
    numbers,
    results.map(({ top1 }) => top1),
  );
});
