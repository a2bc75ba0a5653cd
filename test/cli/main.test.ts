import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';

const root = resolve(import.meta.dirname, '../../..');
const binary = join(root, 'bin', 'gala.mjs');

interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs the built binary with an empty cache and a PATH without python3. */
function gala(folder: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Outcome {
  return spawnSync(process.execPath, [binary, ...args], {
    cwd: folder,
    env: { PATH: folder, HOME: folder, GALA_CACHE: join(folder, 'cache'), ...environment },
    encoding: 'utf8',
  });
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'gala-cli-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('--version prints the version of package.json, --help the commands; both exit 0', t => {
  const folder = temporaryFolder(t);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const asked = gala(folder, ['--version']);
  assert.deepEqual([asked.status, asked.stdout, asked.stderr], [0, `${version}\n`, '']);
  const help = gala(folder, ['--help']);
  assert.equal(help.status, 0);
  for (const command of ['engine', 'config']) assert.match(help.stdout, new RegExp(`^  ${command} `, 'm'));
});

test('usage errors exit 2 and suggest what was meant', t => {
  const folder = temporaryFolder(t);
  const command = gala(folder, ['engin']);
  assert.equal(command.status, 2);
  assert.match(command.stderr, /unknown command 'engin'\n\(Did you mean engine\?\)/);
  const nested = gala(folder, ['engine', 'lst']);
  assert.equal(nested.status, 2);
  assert.match(nested.stderr, /\(Did you mean list\?\)/);
  const option = gala(folder, ['engine', 'list', '--jsn']);
  assert.equal(option.status, 2);
  assert.match(option.stderr, /\(Did you mean --json\?\)/);
  assert.equal(gala(folder, []).status, 2);
});

test('a typed error is three lines on stderr without a stack, and its exit code; --debug adds the stack', t => {
  const folder = temporaryFolder(t);
  const environment = { GALA_TENSORFLOW: folder };
  const plain = gala(folder, ['engine', 'list'], environment);
  assert.equal(plain.status, 5);
  assert.equal(plain.stdout, '');
  assert.match(plain.stderr, /^error: .*GALA_TENSORFLOW\.\nwhere: .*\nnext: {2}.*gala engine install\n$/);
  for (const args of [
    ['--debug', 'engine', 'list'],
    ['engine', 'list', '--debug'],
  ]) {
    const debug = gala(folder, args, environment);
    assert.equal(debug.status, 5);
    assert.match(debug.stderr, /\nEngineError: .*\n {4}at /);
  }
});

test('engine install without python3 exits 5 and says what to install', t => {
  const folder = temporaryFolder(t);
  const { status, stderr } = gala(folder, ['engine', 'install']);
  assert.equal(status, 5);
  assert.match(stderr, /there is no python3/);
  assert.match(stderr, /apt install python3 python3-pip/);
});

test('engine install refuses a wheel file that is not the pinned one', t => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'some.whl'), 'PK');
  const { status, stderr } = gala(folder, ['engine', 'install', '--from', 'some.whl']);
  assert.equal(status, 5);
  assert.match(stderr, /sha256 [0-9a-f]{64}, expected 2b847d21/);
});

test('engine list prints what it found, for people and as JSON', t => {
  const folder = temporaryFolder(t);
  const libraries = join(folder, 'tensorflow');
  mkdirSync(libraries);
  for (const name of ['libtensorflow_framework.so.2', 'libtensorflow_cc.so.2'])
    writeFileSync(join(libraries, name), '12345');
  writeFileSync(join(folder, 'plugin.so'), '123');
  const environment = { GALA_TENSORFLOW: libraries, GALA_PJRT_PLUGIN: join(folder, 'plugin.so') };
  const text = gala(folder, ['engine', 'list'], environment);
  assert.equal(text.status, 0);
  assert.match(text.stdout, /^tensorflow \(cpu\) unknown .*explicit .*auto uses this one\n/);
  const json = gala(folder, ['engine', 'list', '--json'], environment);
  const [first, ...others] = JSON.parse(json.stdout) as Record<string, unknown>[];
  assert.equal(others.filter(({ engine }) => engine === 'xla').length, 1, 'one plugin is listed once');
  assert.deepEqual(first, {
    engine: 'tensorflow',
    device: 'cpu',
    version: 'unknown',
    origin: 'explicit',
    path: libraries,
    bytes: 10,
    auto: true,
  });
});

test('a reader that goes away is no error', () => {
  const pipe = `"${process.execPath}" "${binary}" --help | true; echo "status \${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', pipe], { encoding: 'utf8' });
  assert.deepEqual([stdout, stderr], ['status 0\n', '']);
});
