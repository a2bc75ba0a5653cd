/** The layers of a config, lowest first: the files of `extends`, the file itself, `--set`, `--seed`. */
import { dirname } from 'node:path';
import { reasonOf } from '../io/faults.js';
import { displayPath } from '../io/homePath.js';
import { largestConfig, readRegularFile } from '../io/regularFile.js';
import { sourceOf, withFactor } from './factorFiles.js';
import { isChoice } from './keys.js';
import { findParent, nearParents } from './locate.js';
import { type Located, type LocatedEntry, type LocatedMap, merge, type Origin, withoutKey } from './located.js';
import { parseConfigText, parseSetValue } from './parse.js';
import type { Problem } from './problem.js';
import { quotedAlternatives } from './suggest.js';

/** Most files of one config; a file that is extended twice counts twice. A few lines could otherwise read millions. */
const maxFiles = 100;

export interface FileLayers {
  readonly root: LocatedMap;
  /** Absolute paths of the files, lowest layer first, each once. */
  readonly sources: readonly string[];
}

/** The file at `path`, merged over all files that it extends. Undefined if a problem prevents reading. */
export function readLayers(path: string, problems: Problem[]): FileLayers | undefined {
  const sources = new Set<string>();
  const root = readFile(path, [], { sources, count: 0 }, problems);
  return root === undefined ? undefined : { root, sources: [...sources] };
}

/** `root` with the assignments of `--set` on top (the last of equal keys wins), and then `--seed`. */
export function applyOverrides(
  root: LocatedMap,
  overrides: { readonly set?: readonly string[]; readonly seed?: number },
  problems: Problem[],
): LocatedMap {
  let layer: LocatedMap = { kind: 'map', origin: root.origin, entries: new Map() };
  for (const assignment of overrides.set ?? []) {
    const one = readAssignment(assignment, root.origin, problems);
    if (one !== undefined) layer = merge(layer, one, () => false);
  }
  if (overrides.seed !== undefined) {
    const seed: Located = { kind: 'scalar', origin: '--seed', value: overrides.seed };
    layer = { ...layer, entries: new Map(layer.entries).set('seed', { keyOrigin: '--seed', value: seed }) };
  }
  return merge(root, layer, isChoice);
}

interface FilesRead {
  readonly sources: Set<string>;
  /** Files read so far; a file that is read again counts again. */
  count: number;
}

function readFile(
  path: string,
  chain: readonly string[],
  read: FilesRead,
  problems: Problem[],
): LocatedMap | undefined {
  const { file, imbalanceFactor } = sourceOf(path) ?? { file: path };
  const label = displayPath(file);
  const text = readText(file, problems);
  const own = text === undefined ? undefined : parseConfigText(text, label, problems);
  if (own === undefined) return undefined;
  const { parents, rest } = splitExtends(withFactor(own, label, imbalanceFactor), problems);
  const here = [...chain, path];
  let below: LocatedMap | undefined;
  let isReadable = true;
  for (const parent of parents) {
    const parentPath = findParent(parent.name, dirname(path));
    if (parentPath === undefined) {
      const near = nearParents(parent.name);
      const meant = near.length > 0 ? `; did you mean ${quotedAlternatives(near)}?` : '';
      const message =
        `extends names "${parent.name}", which is neither a file beside this one nor a config of the ` +
        `package${meant}`;
      const next =
        near.length === 1
          ? `Write extends: ${near[0]}.`
          : 'Write the path of a file, from the folder of this one, or a name of `gala config list`.';
      problems.push({ where: parent.origin, message, next, fatal: true });
      isReadable = false;
    } else if (here.includes(parentPath)) {
      const cycle = [...here.slice(here.indexOf(parentPath)), parentPath].map(displayPath).join(' → ');
      problems.push({ where: parent.origin, message: `extends goes in a circle: ${cycle}`, fatal: true });
      isReadable = false;
    } else if (++read.count >= maxFiles) {
      if (read.count === maxFiles) {
        const message = `extends reads more than ${maxFiles} files, one that is named twice counted twice`;
        problems.push({ where: parent.origin, message, fatal: true });
      }
      isReadable = false;
    } else {
      const layer = readFile(parentPath, here, read, problems);
      if (layer === undefined) isReadable = false;
      else below = below === undefined ? layer : merge(below, layer, isChoice);
    }
  }
  read.sources.add(file);
  if (!isReadable) return undefined;
  // A config that extends another is another experiment, so it does not inherit the name.
  return below === undefined ? rest : merge(withoutKey(below, 'name'), rest, isChoice);
}

function readText(path: string, problems: Problem[]): string | undefined {
  const refuse = (message: string): undefined => {
    problems.push({ where: displayPath(path), message, next: 'Give a YAML file in UTF-8.', fatal: true });
    return undefined;
  };
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readRegularFile(path, largestConfig));
  } catch (error) {
    if (error instanceof TypeError) return refuse('the file is not UTF-8 text');
    return refuse(`the file cannot be read: ${reasonOf(error)}`);
  }
}

function splitExtends(
  own: LocatedMap,
  problems: Problem[],
): { parents: { name: string; origin: Origin }[]; rest: LocatedMap } {
  const written = own.entries.get('extends')?.value;
  const names = written === undefined ? [] : written.kind === 'list' ? written.items : [written];
  const parents = names.flatMap(name => {
    if (name.kind === 'scalar' && typeof name.value === 'string' && name.value !== '') {
      return { name: name.value, origin: name.origin };
    }
    problems.push({
      where: name.origin,
      message: 'extends must be a path or name of a config, or a list of them',
      fatal: true,
    });
    return [];
  });
  return { parents, rest: withoutKey(own, 'extends') };
}

function readAssignment(assignment: string, rootOrigin: Origin, problems: Problem[]): LocatedMap | undefined {
  const origin = assignment;
  const refuse = (message: string, where = origin): undefined => {
    problems.push({ where, message });
    return undefined;
  };
  const equals = assignment.indexOf('=');
  const keys = assignment.slice(0, Math.max(equals, 0)).trim().split('.');
  if (equals === -1 || keys.some(key => key === '')) {
    return refuse('--set needs key.path=value, such as loss.lambda1=1.2', `--set ${assignment}`);
  }
  if (keys[0] === 'extends') return refuse('extends is read from files only; put it in a config file');
  const value = parseSetValue(assignment.slice(equals + 1), origin, problems);
  if (value === undefined) return undefined;
  return keys.reduceRight<Located>((inner, key, depth) => {
    const entry: LocatedEntry = { keyOrigin: origin, value: inner };
    // Missing keys are reported at the position of the file, not of the override.
    return { kind: 'map', origin: depth === 0 ? rootOrigin : origin, entries: new Map([[key, entry]]) };
  }, value) as LocatedMap;
}
