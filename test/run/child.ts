/** What the run tests start as processes of their own: `node child.js <task> <folder>`. */
import { lockFolder } from '../../src/run/lock.js';
import { createRunFolder } from '../../src/run/runFolder.js';

const [task, folder] = process.argv.slice(2) as [string, string];
const waitForever = () => setInterval(() => undefined, 1000);

if (task === 'create') {
  // All children make their folders together: they wait for the same moment.
  const start = Number(process.argv[4]);
  while (Date.now() < start);
  for (let i = 0; i < 3; i++) console.log(createRunFolder({ output: folder, name: 'set/config', seed: 0 }).directory);
} else if (task === 'lock') {
  try {
    lockFolder(folder);
    console.log('held');
    waitForever();
  } catch (error) {
    console.log(`refused ${(error as Error).message}`);
  }
}
