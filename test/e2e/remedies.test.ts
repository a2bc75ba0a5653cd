/**
 * Every command that a message recommends, run as the message says with its placeholders filled in, gets further than
 * the error that recommends it. Nothing is downloaded, installed or trained here: there is
 * no Python, no network and no engine, and a command that asks for one of these has got further.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { createProgram } from '../../src/cli/program.js';
import { configHash } from '../../src/config/identity.js';
import { loadConfig } from '../../src/config/load.js';
import { createSweep, draftSweep } from '../../src/sweep/manifest.js';
import { expandPoints } from '../../src/sweep/points.js';
import { casesByRoom } from '../messages/cases.js';
import { messagesOf } from '../messages/catalogue.js';
import { recommendedByMessages } from '../messages/recommended.js';
import { writeExampleRun } from '../report/exampleRuns.js';
import { temporaryFolder } from '../temporaryFolder.js';
import { galaBinary } from './gala.js';
import { writeSmallSet } from './smallSet.js';

const temporary = temporaryFolder();
const at = (name: string) => join(temporary, name);
const names = createProgram().commands.map(command => command.name());

const messages = [];
for (const cases of Object.values(casesByRoom)) messages.push(...(await messagesOf(cases, at('cases'))));
const recommendations = recommendedByMessages(messages, names);
const runs = { interrupted: '', finished: '' };

before(() => {
  mkdirSync(temporary, { recursive: true });
  writeSmallSet(at('set'));
  writeFileSync(at('engine.whl'), 'no wheel');
  runs.finished = writeRun('finished');
  runs.interrupted = writeRun('interrupted');
  const { points } = expandPoints({
    config: 'fashion_mnist_lt/gala',
    set: new Map(),
    grid: new Map(),
    list: [],
    exclude: [],
  });
  const sweep = draftSweep({ name: 'lambda1', output: temporary, launcher: { name: 'local', slots: 1 }, points });
  createSweep(sweep, points);
});

/** A run of cifar100_lt/gala_if100 with its config. */
function writeRun(status: 'finished' | 'interrupted'): string {
  const { directory, record, config } = writeExampleRun(at('runs'), { name: 'cifar100_lt/gala_if100' });
  const loaded = loadConfig('cifar100_lt/gala_if100');
  writeFileSync(config, loaded.yaml);
  const before = JSON.parse(readFileSync(record, 'utf8')) as object;
  writeFileSync(
    record,
    JSON.stringify({ ...before, status, config: loaded.config, config_hash: configHash(loaded.config) }),
  );
  return directory;
}

/** A placeholder of the messages → what a reader would put there; the first rule that fits. */
const fillIns: readonly (readonly [RegExp, () => string])[] = [
  [/(?<=--resume )\S+/g, () => runs.interrupted],
  [/(?<=--run |results add )\S+/g, () => runs.finished],
  [/(?<=--logits )FILE/g, () => join(runs.finished, 'logits/test-best.safetensors')],
  [/(?<=data download \w+ --data )DIR/g, () => at('downloads')],
  [/(?<=--data )DIR/g, () => at('set')],
  [/(?<=--cache )DIR/g, () => at('cache')],
  [/(?<=--weights )\S+/g, () => join(runs.finished, 'checkpoints/best.safetensors')],
  [/(?<=--config )(CONFIG|C)\b/g, () => 'fashion_mnist_lt/gala'],
  [/FILE\.whl/g, () => at('engine.whl')],
];

function filledIn(command: string): string[] {
  return fillIns.reduce((text, [pattern, value]) => text.replaceAll(pattern, value), command).split(' ');
}

/** Ends the process where it would use the network. */
const offline = 'data:text/javascript,globalThis.fetch=()=>{console.error("network");process.exit(0)}';

function ranAs(command: string): Promise<{ code: number; stderr: string }> {
  const { HOME } = process.env;
  const environment = { HOME, PATH: at('no-programs'), GALA_CACHE: at('no-cache') };
  const args = ['--import', offline, galaBinary, ...filledIn(command)];
  return new Promise(done => {
    execFile(process.execPath, args, { cwd: temporary, env: environment, timeout: 60_000 }, (error, _, stderr) =>
      done({ code: error === null ? 0 : Number(error.code ?? -1), stderr }),
    );
  });
}

for (const { command, error, where } of recommendations) {
  test(`\`gala ${command}\` gets further than the error that recommends it (${where})`, async () => {
    const { code, stderr } = await ranAs(command);
    assert.ok(code >= 0, stderr);
    assert.notEqual(code, 2, stderr);
    assert.ok(error === '' || !stderr.includes(error), stderr);
  });
}
