/** What the run tests start as processes of their own: `node child.js <task> <folder>`. */
import { setTimeout as sleep } from 'node:timers/promises';
import { lockFolder } from '../../src/io/folderLock.js';
import { waitsFor } from '../../src/io/waiting.js';
import { createRecord } from '../../src/run/record.js';
import { beginRunFolder } from '../../src/run/runFolder.js';
import { startWatchdog } from '../../src/run/watchdog.js';
import { exampleRecord } from './example.js';

const [task, folder] = process.argv.slice(2) as [string, string];
const waitForever = () => setInterval(() => undefined, 1000);

if (task === 'create') {
  // All children make their folders together: they wait for the same moment.
  const start = Number(process.argv[4]);
  while (Date.now() < start);
  const runs = [1, 2, 3].map(() => beginRunFolder({ output: folder, name: 'set/config', seed: 0 }).folder);
  // Without a record they would be removed by the others once this process has ended.
  for (const { directory, record } of runs) {
    createRecord(record, exampleRecord('set/config'));
    console.log(directory);
  }
} else if (task === 'lock') {
  try {
    lockFolder(folder);
    console.log('held');
    waitForever();
  } catch (error) {
    console.log(`refused ${(error as Error).message}`);
  }
} else if (task === 'heldUp') {
  // As in a write that does not return, the main thread stands still, its timers too.
  const watchdog = startWatchdog();
  waitsFor('/disk/last.safetensors to be written');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(process.argv[4]));
  watchdog.stop();
} else if (task === 'goesOn') {
  const watchdog = startWatchdog();
  for (let step = 1; step <= 20; step++) {
    waitsFor(`step ${step}`);
    await sleep(100);
  }
  watchdog.stop();
  await sleep(2000);
}
