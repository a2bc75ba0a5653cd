/** `gala doctor` as a user runs it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { gala } from './gala.js';

const temporary = temporaryFolder();
const nothingInstalled = { GALA_CACHE: '/nowhere', GALA_TENSORFLOW: '', GALA_PJRT_PLUGIN: '', VIRTUAL_ENV: '' };

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
  assert.match(stdout, /^xla \(cpu\) +FAILED: The PJRT plugin is not there\. \(\/nowhere\/plugin\.so\)/m);
  assert.match(stdout, /^engine: auto takes /m);
});

test('gala doctor --json prints one object; without any engine it says so, names the installation and exits 5', async () => {
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
});
