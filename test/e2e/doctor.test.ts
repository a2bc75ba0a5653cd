/** `gala doctor` as a user runs it. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { engineFolder, enginesFolder } from '../../src/engine/install/cache.js';
import { installOperations } from '../../src/engine/install/operations.js';
import { tensorflowCpu } from '../../src/engine/install/pin.js';
import { cacheFolder } from '../../src/io/homePath.js';
import { noPlugin } from '../engine/xla/plugin.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { gala } from './gala.js';

const temporary = temporaryFolder();
const nothingInstalled = { GALA_CACHE: '/nowhere', GALA_TENSORFLOW: '', GALA_PJRT_PLUGIN: '', VIRTUAL_ENV: '' };

/** A cache that holds one of the engines installed here, by a link. */
function cacheWith(engine: string): string {
  const cache = temporaryFolder();
  mkdirSync(enginesFolder(cache));
  for (const name of readdirSync(enginesFolder(cacheFolder())).filter(name => name.startsWith(engine))) {
    symlinkSync(join(enginesFolder(cacheFolder()), name), join(enginesFolder(cache), name));
  }
  return cache;
}

test('gala doctor tells the machine, tests each engine that is there, and says what auto takes', async () => {
  const environment = { GALA_PJRT_PLUGIN: '/nowhere/plugin.so' };
  const { stdout } = await gala(['doctor'], 0, { cwd: temporary, environment });
  for (const line of [
    /^gala +0\.\d/m,
    /^CPU .* cores/m,
    /^memory +[\d.]+ GB/m,
    /^disk +[\d.]+ GB free for engines/m,
    /^GPU /m,
  ])
    assert.match(stdout, line);
  assert.match(stdout, /^tensorflow \(cpu\) +self-test passed \(losses off by .*\), \d+ images\/s/m);
  assert.match(stdout, /^xla \(cpu\) +FAILED: The file of the PJRT plugin does not exist\. \(\/nowhere\/plugin\.so\)/m);
  assert.match(stdout, /^engine: auto takes /m);
});

test('Where what auto takes is not installed, gala doctor names an engine that can train', {
  skip: noPlugin,
}, async () => {
  const environment = { PATH: '', ...nothingInstalled, GALA_CACHE: cacheWith('xla-cpu') };
  const { stdout } = await gala(['doctor'], 0, { cwd: temporary, environment });
  assert.match(stdout, /^tensorflow \(cpu\) +not installed/m);
  assert.match(stdout, /^xla \(cpu\) +self-test passed/m);
  assert.match(stdout, /^What auto takes cannot train here\. Name an engine that can: --engine xla$/m);
});

test(
  'gala doctor --deep finds a changed file of an engine, and runs neither that engine nor another that ' + 'loads it',
  async () => {
    const [cache, name] = [temporaryFolder(), engineFolder('', tensorflowCpu)];
    const [from, to] = [join(cacheFolder(), name), join(cache, name)];
    mkdirSync(to, { recursive: true });
    for (const file of readdirSync(from)) symlinkSync(join(from, file), join(to, file));
    const environment = { PATH: '', ...nothingInstalled, GALA_CACHE: cache };
    const licence = join(to, 'LICENSE');
    const text = readFileSync(licence, 'utf8');
    rmSync(licence);
    writeFileSync(licence, text.replace('License', 'Licence'));
    const { stdout } = await gala(['doctor', '--deep'], 5, { cwd: temporary, environment });
    assert.match(stdout, /^tensorflow-cpu-[\d.]+: CHANGED/m);
    assert.match(stdout, /^tensorflow \(cpu\) +changed since it was installed: not tested/m);
    assert.match(
      stdout,
      /^tensorflow-cpu-[\d.]+ was changed in the cache\. To install it again: gala engine install --force$/m,
    );
    writeFileSync(licence, text);
    const whole = await gala(['doctor', '--deep', '--json'], 0, { cwd: temporary, environment });
    assert.deepEqual(
      (JSON.parse(whole.stdout) as { contents: { content: string }[] }).contents.map(({ content }) => content),
      ['unchanged'],
    );
    // Operations as another program would leave them: engine tensorflow loads them.
    const compiler = join(cache, 'c++');
    const script = '#!/bin/sh\nfor target; do :; done\ntest "$1" = --version || echo 1 > "$target"\n';
    writeFileSync(compiler, script, { mode: 0o755 });
    const { folder } = await installOperations({ cache, environment: { ...process.env, CXX: compiler } });
    writeFileSync(join(folder, 'operations-avx2.so'), '2\n');
    const changed = await gala(['doctor', '--deep'], 5, { cwd: temporary, environment });
    assert.match(changed.stdout, /^operations-\d+: CHANGED/m);
    assert.match(changed.stdout, /^tensorflow \(cpu\) +changed since it was installed: not tested/m);
  },
);

test('gala engine list of another cache does not mark its engines as those that auto uses', async () => {
  const listed = async (cache: string) => {
    const { stdout } = await gala(['engine', 'list', '--json', '--cache', cache], 0, { cwd: temporary });
    const engines = JSON.parse(stdout) as { path: string; auto: boolean }[];
    return engines.filter(({ path }) => path.startsWith(cache)).map(({ auto }) => auto);
  };
  assert.deepEqual(await listed(cacheWith('tensorflow-cpu')), [false]);
});

test(
  'gala doctor --json prints one object; without any engine it says so, names the installation and ' + 'exits 5',
  async () => {
    const { stdout } = await gala(['doctor', '--json'], 5, {
      cwd: temporary,
      environment: { PATH: '', ...nothingInstalled },
    });
    const report = JSON.parse(stdout);
    assert.equal(report.can_train, false);
    assert.equal(typeof report.host.cpu, 'string');
    assert.deepEqual(
      report.engines.map(({ engine, device, found }: Record<string, unknown>) => [engine, device, found]),
      [
        ['tensorflow', 'cpu', null],
        ['xla', 'cpu', null],
        ['xla', 'cuda', null],
        ['eager', 'cpu', null],
      ],
    );
    assert.ok(report.advice.some((line: string) => line.endsWith('gala engine install')));
  },
);
