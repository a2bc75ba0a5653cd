/**
 * What tables say of finished runs, remembered in the cache folder: logits are read once, not at every table. A result
 * counts as long as no file that it came from was changed.
 */
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { writeFileAtomic } from '../io/atomicFile.js';
import { sha256 } from '../io/hash.js';
import { cacheFolder } from '../io/homePath.js';
import { makeFolderBelow } from '../io/makeFolder.js';
import { describeVersions } from '../run/host.js';
import { readRunResult } from './fromRun.js';
import type { RunResult } from './record.js';

/** Another number where the same files give other results. */
const format = 1;

const { gala } = describeVersions();

const sources = ['run.json', 'metrics.jsonl', 'logits/test-best.safetensors', 'logits/test-last.safetensors'];

interface Remembered {
  readonly stamp: string;
  readonly result: RunResult;
}

export interface RememberedResults {
  /** As `readRunResult`, and throws as it. */
  resultOf(directory: string): RunResult;
  /** Writes down what was read. A cache that cannot be written costs time only. */
  save(): void;
}

/** One file of the cache for the runs of each folder. */
export function rememberedResults(environment: NodeJS.ProcessEnv = process.env): RememberedResults {
  const folders = new Map<string, { readonly runs: Map<string, Remembered>; changed: boolean }>();
  const open = (parent: string) => {
    const known = folders.get(parent) ?? { runs: recall(parent, environment), changed: false };
    folders.set(parent, known);
    return known;
  };
  return {
    resultOf: directory => {
      const run = resolve(directory);
      const folder = open(dirname(run));
      const stamp = stampOf(run);
      const before = folder.runs.get(run);
      if (before?.stamp === stamp) return before.result;
      const { result } = readRunResult(run);
      folder.runs.set(run, { stamp, result });
      folder.changed = true;
      return result;
    },
    save: () => {
      for (const [parent, { runs, changed }] of folders) if (changed) remember(parent, runs, environment);
    },
  };
}

function stampOf(run: string): string {
  const stamps = sources.map(name => {
    const stats = statSync(join(run, name), { throwIfNoEntry: false, bigint: true });
    return stats ? `${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}` : '';
  });
  return [format, gala, ...stamps].join(', ');
}

function recall(parent: string, environment: NodeJS.ProcessEnv): Map<string, Remembered> {
  try {
    return new Map(JSON.parse(readFileSync(pathOf(parent, environment), 'utf8')) as [string, Remembered][]);
  } catch {
    return new Map(); // read from the runs again
  }
}

function remember(parent: string, runs: ReadonlyMap<string, Remembered>, environment: NodeJS.ProcessEnv): void {
  const there = [...runs].filter(([run]) => statSync(run, { throwIfNoEntry: false }) !== undefined);
  try {
    makeFolderBelow(cacheFolder(undefined, environment), 'tables');
    writeFileAtomic(pathOf(parent, environment), JSON.stringify(there));
  } catch {
    // a full or foreign disk: the next table reads the logits again
  }
}

function pathOf(parent: string, environment: NodeJS.ProcessEnv): string {
  return join(cacheFolder(undefined, environment), 'tables', `${sha256(parent)}.json`);
}
