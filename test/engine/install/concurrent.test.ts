import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { installedManifest } from '../../../src/engine/install/cache.js';
import { installEngine } from '../../../src/engine/install/install.js';
import type { InstallOptions } from '../../../src/engine/install/publish.js';
import { downloadCalls, fakePython, linux, temporaryFolder, writeFakeWheel } from './fakeWheel.js';

interface Child {
  readonly process: ChildProcess;
  /** Resolves when the child has printed the text. */
  says(text: string): Promise<void>;
  output(): string;
}

function startInstallation(options: InstallOptions): Child {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'installChild.js'), JSON.stringify(options)]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const says = async (text: string) => {
    while (!output.includes(text)) {
      assert.equal(child.exitCode, null, `the child ended without saying "${text}":\n${output}`);
      await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
    }
  };
  return { process: child, says, output: () => output };
}

async function appears(folder: string, name: string): Promise<void> {
  const watcher = watch(folder);
  try {
    while (!existsSync(join(folder, name))) await once(watcher, 'change');
  } finally {
    watcher.close();
  }
}

test('of two installations at once one works; the other says that it waits, and finds the engine installed', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const wait = `while [ ! -e ${folder}/go ]; do /bin/sleep 0.05; done`;
  const download = `: > ${folder}/started; ${wait}; /bin/cp ${wheel} "$dest"`;
  const environment = fakePython(folder, download);
  const options = { pin, cache: join(folder, 'cache'), environment, platform: linux };

  const first = startInstallation(options);
  await appears(folder, 'started');
  const second = startInstallation(options);
  await second.says(`Another installation is at work (process ${first.process.pid}); waiting`);
  assert.equal(installedManifest(options.cache, pin), undefined);
  writeFileSync(join(folder, 'go'), '');
  await Promise.all([once(first.process, 'close'), once(second.process, 'close')]);

  assert.match(first.output(), /fresh true/);
  assert.match(second.output(), /fresh false/);
  assert.equal(downloadCalls(environment).length, 1);
  assert.notEqual(installedManifest(options.cache, pin), undefined);
});

test('a killed installation leaves no engine, keeps no lock, and the next one cleans up and installs', async t => {
  const folder = temporaryFolder(t);
  const { wheel, pin } = writeFakeWheel(folder);
  const cache = join(folder, 'cache');
  const download =
    `printf half > "$dest"/${pin.wheel}; printf $$ > ${folder}/pid.new; /bin/mv ${folder}/pid.new ` +
    `${folder}/pid; exec /bin/sleep 60`;
  const environment = fakePython(folder, download);

  const child = startInstallation({ pin, cache, environment, platform: linux });
  await appears(folder, 'pid');
  const orphan = Number(readFileSync(join(folder, 'pid'), 'utf8'));
  t.after(() => process.kill(orphan));
  child.process.kill('SIGKILL');
  await once(child.process, 'exit');

  assert.equal(installedManifest(cache, pin), undefined);
  assert.equal(readdirSync(join(cache, 'engines')).filter(name => name.startsWith('.staging-')).length, 1);
  const { fresh } = await installEngine({ pin, cache, from: wheel, platform: linux });
  assert.equal(fresh, true);
  assert.deepEqual(readdirSync(join(cache, 'engines')).sort(), ['tiny-engine-1.0.0']);
});
