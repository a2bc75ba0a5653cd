/** The run folder that a user names by a path, by the name of a config or by `latest`. */
import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isExperimentName } from '../config/experimentName.js';
import { configOf } from '../config/identity.js';
import { settingsBesideName } from '../config/namedConfig.js';
import { nearest } from '../config/suggest.js';
import { StorageError } from '../errors.js';
import { describeHolder, liveHolderOf } from '../io/folderLock.js';
import { displayPath } from '../io/homePath.js';
import { indentedLines } from '../io/visibleText.js';
import { wrapped } from '../tables/format.js';
import { type FoundRun, latestFirst, openRunStore, type RunStore, runFoldersBelow } from './runStore.js';

const latestWord = 'latest';

/** `read` takes a finished run before others; `resume` takes only a run that can be resumed. */
type Purpose = 'read' | 'resume';

/**
 * The run folder that `text` names: its path; `latest`, the run below `runs` that was started last; or the name of a
 * config, of whose runs the latest is taken. To read, a finished run has priority over later unfinished ones.
 * `onChosen` gets a run that was not given by its path. Throws `StorageError` where there is no such run; for a folder
 * of runs, the error lists some of them.
 */
export function runFolderOf(
  given: string,
  runs: string,
  purpose: Purpose = 'read',
  onChosen: (run: FoundRun) => void = sayChosen,
): string {
  const text = withoutSlash(given);
  if (existsSync(join(text, 'run.json'))) return text;
  const store = openRunStore(runs);
  if (!existsSync(text) && text !== latestWord && !isExperimentName(text)) throw noSuchRun(text, store);
  const named = text === latestWord ? store.all() : isExperimentName(text) ? store.ofName(text) : [];
  const [chosen] = ranked(named, purpose);
  if (chosen) {
    onChosen(chosen);
    return chosen.directory;
  }
  if (named.length > 0) throw nothingToResume(text, named, runs);
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
 * does not. Throws as `runFolderOf`.
 */
export function runsAtName(given: string, runs: string): string {
  const text = withoutSlash(given);
  const ofName = join(runs, text);
  if (isExperimentName(text) && existsSync(ofName) && !(existsSync(text) && runFoldersBelow(text).length > 0))
    return ofName;
  return existsSync(text) ? text : runFolderOf(text, runs);
}

/** Completion in a shell ends the name of a folder with a slash. */
export function withoutSlash(path: string): string {
  return path.replace(/(?<=[^/])\/+$/, '');
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
  const runs = below.length === 1 ? 'one run' : `${below.length} runs`;
  return new StorageError(`This is not a run folder, but a folder of ${runs}; one run is wanted here.`, {
    where: path,
    next: `Give ${below.length === 1 ? 'it' : 'one of them'}: ${listed(below)}`,
  });
}

const mostListed = 5;

/** The last of the paths, which are sorted by time within a config. */
function listed(paths: readonly string[]): string {
  const shown = paths.slice(-mostListed).map(displayPath);
  return [...shown, ...(paths.length > mostListed ? [`… (${paths.length} in all)`] : [])].join(', ');
}

/**
 * The error of `--resume` where none of these runs can go on. It names a run in progress and its process. `name` is
 * what the runs have in common: the name of a config, or `latest`; undefined for all runs of `folder`.
 */
export function nothingToResume(name: string | undefined, runs: readonly FoundRun[], folder: string): StorageError {
  const ofName = name === undefined ? '' : ` of ${name}`;
  const busy = latestFirst(runs).find(({ state }) => state === 'in progress')?.directory;
  if (busy === undefined) {
    return new StorageError(`There is no unfinished run${ofName}.`, {
      where: runs.length === 0 ? folder : listed(runs.map(({ directory }) => directory)),
      next: 'Train without --resume, or name a run folder: --resume DIR.',
    });
  }
  const holder = liveHolderOf(busy);
  return new StorageError(`The unfinished run${ofName} is in progress${holder ? `: ${describeHolder(holder)}` : ''}.`, {
    where: displayPath(busy),
    next: holder
      ? `Wait for its end, or stop it (kill ${holder.pid}${holder.place}; it saves first) and resume it then.`
      : 'It has just ended: give the same command again.',
  });
}

/** The error for a text that means no run below `runs`; it names those of nearly this name. */
function noSuchRun(text: string, { folder, all }: RunStore): StorageError {
  const names = [...new Set(all().map(({ record }) => record.name))];
  const near = [...names, latestWord].filter(name => nearest(text, [name, basename(name)]).length > 0).slice(0, 3);
  const hint = near.length > 0 && names.length > 0 ? ` Did you mean ${near.join(' or ')}?` : '';
  const none = names.length === 0 ? `, and none at all below ${folder}` : '';
  return new StorageError(`There is no run ${JSON.stringify(text)}${none}.${hint}`, {
    where: isExperimentName(text) ? folder : text,
    next:
      names.length === 0
        ? 'Give a run folder, or the folder of runs with --runs DIR.'
        : 'Give a run folder, the name of a config that was trained, or latest; `gala runs list` shows the runs.',
  });
}
