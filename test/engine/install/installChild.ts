/**
 * Run by concurrent.test.ts as a process of its own: installs with the options of its argument, notes each to a line.
 */
import { installEngine } from '../../../src/engine/install/install.js';
import type { InstallOptions } from '../../../src/engine/install/publish.js';

const options = JSON.parse(process.argv[2]!) as InstallOptions;
const note = (line: string) => console.log(line);
const { fresh } = await installEngine({ ...options, listener: { note, start() {}, update() {}, stop() {} } });
console.log(`fresh ${fresh}`);
