/** The run folder that a user names by a path, by the name of a config or by `latest`. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isExperimentName } from '../config/experimentName.js';
import { configOf } from '../config/identity.js';
import { settingsBesideName } from '../config/namedConfig.js';
import { nearest } from '../config/suggest.js';
import { StorageError } from '../errors.js';
import { displayPath } from '../io/homePath.js';
import { indentedLines } from '../io/visibleText.js';
import { wrapped } from '../tables/format.js';
import { type FoundRun, latestFirst, openRunStore, type RunStore, runFoldersBelow } from './runStore.js';

const latestWord = 'latest';

/** `read` takes a finished run before others; `resume` takes only a run that can be resumed. */
type Purpose = 'read' | 'resume';

/**
 * The run folder that `text` names: its path; `latest`, the run below `runs` that was started last; or the name of a
 * config, whose last run is taken. `onChosen` gets a run that was not given by its path. Throws `StorageError` where
 * there is no such run; for a folder of runs, the error lists some of them.
 */
export function runFolderOf(
  text: string,
  runs: string,
  purpose: Purpose = 'read',
  onChosen: (run: FoundRun) => void = sayChosen,
): string {
  if (existsSync(join(text, 'run.json'))) return text;
  const store = openRunStore(runs);
  if (!existsSync(text) && text !== latestWord && !isExperimentName(text)) throw noSuchRun(text, store);
  const named = text === latestWord ? store.all() : isExperimentName(text) ? store.ofName(text) : [];
  const [chosen] = ranked(named, purpose);
  if (chosen) {
    onChosen(chosen);
    return chosen.directory;
  }
  if (named.length > 0) throw nothingToResume(text, named);
  if (text !== latestWord && existsSync(text)) throw notARun(text);
  throw noSuchRun(text, store);
}

/** The run that was started last among those that can be resumed; undefined where there is none. */
export function latestUnfinished(runs: readonly FoundRun[]): FoundRun | undefined {
  return ranked(runs, 'resume')[0];
}

/**
 * The folder of the runs of a config, or the run folder of `latest`; any other text is a path and stays as it is. A
 * path with runs comes before a config of the same name; a folder without runs, where the images of a config may lie,
 * does not.
 */
export function runsAtName(text: string, runs: string): string {
  const ofName = join(runs, text);
  if (isExperimentName(text) && existsSync(ofName) && !(existsSync(text) && runFoldersBelow(text).length > 0))
    return ofName;
  return text === latestWord && !existsSync(text) ? runFolderOf(text, runs) : text;
}

function ranked(runs: readonly FoundRun[], purpose: Purpose): FoundRun[] {
  const all = latestFirst(runs);
  if (purpose === 'resume') return all.filter(({ state }) => state === 'resumable');
  return [...all.filter(({ state }) => state === 'finished'), ...all.filter(({ state }) => state !== 'finished')];
}

function sayChosen({ directory, record }: FoundRun): void {
  const settings = settingsBesideName(configOf(record)).map(([key, value]) => `${key}=${value}`);
  const beside = settings.length === 0 ? [] : [`with ${settings.join(' ')}`];
  process.stderr.write(`${indentedLines(wrapped([`Run: ${displayPath(directory)}`, ...beside].join(', '), 78))}\n`);
}

/** The error for a path that is not a run folder; for a folder of runs it lists them. */
function notARun(path: string): StorageError {
  const isFolder = statSync(path).isDirectory();
  const below = isFolder ? runFoldersBelow(path) : [];
  if (below.length === 0) {
    return new StorageError(isFolder ? 'This is not a run folder: it has no run.json.' : 'This is not a run folder.', {
      where: path,
      next: 'Give the folder named after time and seed, such as runs/cifar100_lt/gala_if100/20260102-030405-0.',
    });
  }
  return new StorageError(
    `This is not a run folder, but a folder of ${below.length === 1 ? 'one run' : `${below.length} runs`}.`,
    {
      where: path,
      next: `Give one of them: ${listed(below)}`,
    },
  );
}

const mostListed = 5;

/** The last of the paths, which are sorted by time within a config. */
function listed(paths: readonly string[]): string {
  const shown = paths.slice(-mostListed).map(displayPath);
  return [...shown, ...(paths.length > mostListed ? [`… (${paths.length} in all)`] : [])].join(', ');
}

function nothingToResume(text: string, runs: readonly FoundRun[]): StorageError {
  const busy = runs.filter(({ state }) => state === 'in progress');
  const states = busy.length > 0 ? 'finished, diverged or in progress' : 'finished or diverged';
  return new StorageError(`There is no unfinished run of ${text}.`, {
    where: listed(runs.map(({ directory }) => directory)),
    next: `They are ${states}: train without --resume.`,
  });
}

function noSuchRun(text: string, store: RunStore): StorageError {
  const all = store.all();
  const where = text === latestWord || isExperimentName(text) ? store.folder : text;
  if (all.length === 0) {
    return new StorageError(
      `There is no run ${JSON.stringify(text)}: no such folder, and no run below ${store.folder}.`,
      {
        where,
        next: 'Give a run folder, or the folder of runs with --runs DIR.',
      },
    );
  }
  const names = [...new Set(all.map(({ record }) => record.name))];
  const near = nearest(text, names);
  const hint = near.length > 0 ? ` Did you mean ${near.join(' or ')}?` : '';
  return new StorageError(`There is no run ${JSON.stringify(text)}.${hint}`, {
    where,
    next: 'Give a run folder, the name of a config that was trained, or latest; `gala runs list` shows the runs.',
  });
}
