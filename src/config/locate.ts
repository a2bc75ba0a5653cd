/** Where config files are: by path, or by name in the package's `configs` folder. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { ConfigError } from '../errors.js';
import { diskFault } from '../io/faults.js';
import { displayPath, withHome } from '../io/homePath.js';
import { shellWord } from '../io/shellWord.js';
import { asNamePart } from './experimentName.js';
import { isFactorFile, listedFactors, replaceN, sourceOf } from './factorFiles.js';
import { editDistance, nearest } from './suggest.js';

/** Most configs that an error names. */
const listedAtMost = 8;

/** The package's `configs` folder; this file runs from `dist/src/config`. */
export const configsFolder = resolve(import.meta.dirname, '../../../configs');

export interface NamedConfig {
  /** Such as `cifar100_lt/gala_if100`. */
  readonly name: string;
  readonly path: string;
  /** First line of the comment at the file's head. */
  readonly summary: string;
}

/** The configs of the package that can be run, by name; without recipes, which are parts of configs. */
export function listConfigs(): NamedConfig[] {
  return namesIn(configsFolder)
    .filter(name => name.includes('/') && !name.startsWith('recipes/'))
    .map(name => {
      const { file, imbalanceFactor } = sourceOf(join(configsFolder, `${name}.yaml`))!;
      const text = readFileSync(file, 'utf8');
      return { name, path: file, summary: summaryOf(text, imbalanceFactor) };
    });
}

/**
 * Absolute path of the config given as a path (with or without `.yaml`) or as a name in the package's `configs` folder.
 * Throws `ConfigError` with near names when there is none.
 */
export function findConfig(nameOrPath: string): string {
  const found = firstFile(candidates(process.cwd(), nameOrPath));
  if (found !== undefined && isFactorFile(found)) throw factorWanted(nameOrPath);
  if (found !== undefined && basename(found) !== 'run.json') return found;
  const given = plainName(nameOrPath);
  const folder = [resolve(nameOrPath), join(configsFolder, given)].find(path => stat(path)?.isDirectory());
  const run = found === undefined ? folder : dirname(found);
  if (run !== undefined && stat(join(run, 'run.json'))?.isFile()) {
    const path = shellWord(displayPath(run));
    throw new ConfigError('This is a run, not a config.', {
      where: displayPath(run),
      next: `Go on with it: gala train --resume ${path}; or begin anew: gala train ${path}/config.yaml`,
    });
  }
  if (folder !== undefined) {
    const inside = namesIn(folder, `${folder}${sep}`.startsWith(configsFolder + sep)).map(name =>
      join(nameOrPath, name),
    );
    const more = inside.length > listedAtMost ? ` and ${inside.length - listedAtMost} more (gala config list)` : '';
    const names = `${inside.slice(0, listedAtMost).join(', ')}${more}`;
    throw new ConfigError(
      `"${nameOrPath}" is a folder${inside.length > 0 ? ` with the configs ${names}` : ' without configs'}`,
      { where: displayPath(folder), next: 'Give one config; `gala config list` shows all, each with what it is.' },
    );
  }
  const near = [...nearFiles(nameOrPath), ...nearNames(given)].slice(0, 3);
  throw new ConfigError(
    `There is no config "${nameOrPath}"${near.length > 0 ? `; did you mean ${near.join(' or ')}?` : ''}`,
    {
      where: nameOrPath,
      next: 'List the configs with `gala config list`, or give the path of a YAML file.',
    },
  );
}

function factorWanted(nameOrPath: string): ConfigError {
  return new ConfigError(`"${nameOrPath}" is the config of several imbalance factors, and you must choose one`, {
    where: nameOrPath,
    next: `Write a number for N, such as ${replaceN(nameOrPath.replace(/\.ya?ml$/, ''), 100)}.`,
  });
}

/**
 * The file that `extends: parent` means in a file of `folder`: a path relative to `folder`, else a name in the
 * package's configs.
 */
export function findParent(parent: string, folder: string): string | undefined {
  return firstFile(candidates(folder, parent));
}

/** At most three names in the package's configs, recipes included, with a spelling near to `parent`. */
export function nearParents(parent: string): string[] {
  return nearest(plainName(parent), namesIn(configsFolder));
}

/**
 * Name of an experiment without the key `name`: the path below the last folder `configs`, else the file's base name.
 */
export function nameFromPath(path: string): string {
  const parts = path.replace(/\.ya?ml$/, '').split(sep);
  const configs = parts.lastIndexOf('configs', parts.length - 2);
  const below = configs === -1 ? parts.slice(-1) : parts.slice(configs + 1);
  return below.map(asNamePart).join('/');
}

function candidates(folder: string, nameOrPath: string): string[] {
  const named = join(configsFolder, plainName(nameOrPath));
  const inPackage = named.startsWith(configsFolder + sep) ? [`${named}.yaml`] : [];
  return [...['', '.yaml', '.yml'].map(extension => resolve(folder, withHome(nameOrPath) + extension)), ...inPackage];
}

function plainName(nameOrPath: string): string {
  return nameOrPath.replace(/^(\.\/)?(configs\/)?/, '').replace(/\.ya?ml$/, '');
}

/** YAML files in the folder of the path with a name near to its own. */
function nearFiles(path: string): string[] {
  const folder = dirname(withHome(path));
  if (!stat(folder)?.isDirectory()) return [];
  const files = readdirSync(folder).filter(file => /\.ya?ml$/.test(file));
  const stem = (file: string) => file.replace(/\.ya?ml$/, '');
  const near = nearest(stem(basename(path)), files.map(stem));
  return files.filter(file => near.includes(stem(file))).map(file => join(folder, file));
}

function nearNames(given: string): string[] {
  const names = namesIn(configsFolder).filter(name => name.includes('/'));
  const sameBase = names.filter(name => basename(name) === basename(given));
  const sameFolder = names.filter(name => name.split('/')[0] === given.split('/')[0]);
  const near = new Set([...sameBase, ...nearest(given, names)]);
  if (near.size === 0) {
    const byBase = (name: string) => editDistance(basename(name), basename(given));
    for (const name of sameFolder.sort((a, b) => byBase(a) - byBase(b))) near.add(name);
  }
  return [...near].slice(0, 3);
}

/** Names of the configs in a folder. Only the package's folder is read recursively: another may hold a whole disk. */
function namesIn(folder: string, recursive = true): string[] {
  return filesIn(folder, recursive)
    .filter(file => /\.ya?ml$/.test(file))
    .flatMap(file => {
      const name = file
        .replace(/\.ya?ml$/, '')
        .split(sep)
        .join('/');
      return isFactorFile(name) ? namesOfFactors(name, join(folder, file)) : [name];
    })
    .sort();
}

function filesIn(folder: string, recursive: boolean): string[] {
  try {
    return readdirSync(folder, { recursive, encoding: 'utf8' });
  } catch (error) {
    throw diskFault('Could not list the folder', folder, error);
  }
}

function namesOfFactors(name: string, path: string): string[] {
  return listedFactors(readFileSync(path, 'utf8')).map(({ factor }) => replaceN(name, factor));
}

/** The first line of the comment at the head of the file, with the note on the imbalance factor. */
function summaryOf(text: string, factor: number | undefined): string {
  const first = headComment(text);
  if (factor === undefined) return first;
  const note = listedFactors(text).find(listed => Number(listed.factor) === factor)?.note;
  return `${replaceN(first, factor)}${note === undefined ? '' : `: ${note}`}`;
}

function headComment(text: string): string {
  const line = text.split('\n').find(candidate => candidate.startsWith('# ') && !candidate.includes('$schema='));
  return line?.slice(2).trim() ?? '';
}

function firstFile(paths: readonly string[]): string | undefined {
  return paths.find(path => sourceOf(path) !== undefined);
}

function stat(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined; // no file can have this name (too long, a null byte), or its folder may not be read
  }
}
