// Runs one stage: stage.mjs NAME HOME OUT NOTES SECONDS. Each result is written to the file NOTES at once.
import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { compileCacheFolder } from '../../dist/src/engine/index.js';
import { kernels, steps } from './correctness.mjs';
import { onCpu, python } from './machine.mjs';
import { explain, large, look, variants } from './speed.mjs';
import { again, train } from './training.mjs';

const [name, home, out, notes, seconds] = process.argv.slice(2);
const ends = performance.now() + 1000 * Number(seconds);
const stage = join(home, 'stage');
const device = onCpu ? 'cpu' : 'cuda:0';
const found = {};
const note = result => {
  Object.assign(found, result);
  writeFileSync(notes, JSON.stringify(found));
};
const check = {
  ...{ home, out, stage, onCpu, device, python },
  gala: join(stage, 'gala'),
  plugin: process.env.GALA_PJRT_PLUGIN,
  // With the cache of compiled programs: bits repeat as long as the cache has the program (docs/engines.md)
  engine: { engine: 'xla', device, threads: availableParallelism(), compileCache: compileCacheFolder() },
  /** Seconds left, less a reserve for the end. */
  left: () => (ends - performance.now()) / 1000 - 3,
};
try {
  note(await { look, kernels, steps, train, explain, large, variants, again }[name](check, note));
} catch (error) {
  note({ ok: false, error: `${error.message}`.slice(-2000) });
  process.stdout.write(`${name} failed: ${error.message}\n`);
}
