/** All cases, by the room that finds the fault. */
import type { Cases } from './catalogue.js';
import { commandCases } from './commands.js';
import { configCases } from './configs.js';
import { dataCases } from './data.js';
import { engineCases } from './engine.js';
import { imageCases } from './images.js';
import { resultCases } from './results.js';
import { runCases } from './runs.js';
import { storageCases } from './storage.js';
import { sweepCases } from './sweeps.js';

export const casesByRoom: Readonly<Record<string, Cases>> = {
  commands: commandCases,
  configs: configCases,
  data: dataCases,
  engine: engineCases,
  images: imageCases,
  results: resultCases,
  runs: runCases,
  storage: storageCases,
  sweeps: sweepCases,
};
