/** Loads a config by name or path, checks it, and records the origin of every value. */

import { resolve as resolvePath, sep } from 'node:path';
import type { Correction } from '../errors.js';
import { displayPath } from '../io/homePath.js';
import type { ConfigKey } from './checks/checked.js';
import { checkAcrossKeys } from './checks/index.js';
import { describeKeys, schemaAt } from './keys.js';
import { applyOverrides, type FileLayers, readLayers } from './layers.js';
import { configsFolder, findConfig, nameFromPath } from './locate.js';
import { at, isFromCommand, type LocatedMap, type Origin, withoutNulls } from './located.js';
import { configError, type Problem } from './problem.js';
import { renderConfig } from './render.js';
import type { Config, StageConfig } from './schema.js';
import { heldOutProblem, joinStages, splitStages } from './stages.js';
import { validate } from './validate.js';

export interface ConfigOverrides {
  /** `key.path=value` of each `--set`, the value in YAML. */
  readonly set?: readonly string[];
  /** `--seed`; wins over `--set seed=…`. */
  readonly seed?: number;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Absolute path of the config file. */
  readonly path: string;
  /** Absolute paths of all files read, lowest layer of `extends` first, `path` last. */
  readonly sources: readonly string[];
  /** The complete resolved config as YAML; running it repeats the run. Rendered on first use. */
  readonly yaml: string;
  /** What it was made of, as a comment at the head of `yaml` says. */
  readonly madeOf: string;
  /** Keys without effect and probable mistakes, each `position: sentence`. */
  readonly warnings: readonly string[];
  /** Dotted key → `file:line:col`, `key=value`, `--seed` or `default`. */
  readonly origins: ReadonlyMap<string, string>;
}

/**
 * Reads a config by path, or by name from the package's `configs` folder (`cifar100_lt/gala_if100`), with everything it
 * extends and the overrides of the command line. Throws one `ConfigError` that lists all problems with their positions.
 */
export function loadConfig(nameOrPath: string, overrides: ConfigOverrides = {}): LoadedConfig {
  return openConfig(nameOrPath)(overrides);
}

/** `loadConfig` for many overrides: reads the files once. Throws `ConfigError`, as does the returned function. */
export function openConfig(nameOrPath: string): (overrides: ConfigOverrides) => LoadedConfig {
  const path = findConfig(nameOrPath);
  const problems: Problem[] = [];
  const layers = readLayers(path, problems);
  if (layers === undefined) throw configError(problems);
  return overrides => {
    const resolved = resolve(path, layers, overrides, [...problems]);
    if ('config' in resolved) return resolved;
    const found = withoutRepetitions(resolved.problems);
    const corrections = found.flatMap(({ cure }) => cure ?? []);
    const corrected = { ...overrides, set: correctedSet(overrides.set ?? [], corrections) };
    const isCure = corrections.length === found.length && 'config' in resolve(path, layers, corrected, [...problems]);
    throw configError(found, isCure ? corrections : undefined);
  };
}

function correctedSet(set: readonly string[], corrections: readonly Correction[]): string[] {
  const replaced = set.map(given => corrections.find(({ instead }) => instead === given)?.word ?? given);
  return [...replaced, ...corrections.flatMap(({ instead, word }) => (instead === undefined ? word : []))];
}

function resolve(
  path: string,
  layers: FileLayers,
  overrides: ConfigOverrides,
  problems: Problem[],
): LoadedConfig | { problems: readonly Problem[] } {
  const root = applyOverrides(layers.root, overrides, problems);
  if (problems.some(problem => problem.fatal)) return { problems };

  const stages = splitStages(root, problems);
  if (problems.some(problem => problem.fatal)) return { problems };
  const first = stages && checkStage(stages.representation, false);
  const last = checkStage(stages?.classifier ?? root, stages !== undefined);
  problems.push(...(first?.problems ?? []), ...last.problems);
  const heldOut = first?.config && last.config && heldOutProblem(first.config, last.config);
  if (heldOut) problems.push({ where: last.origin('eval.select_on') ?? displayPath(path), message: heldOut });
  if (last.config === undefined || problems.length > 0) return { problems };

  const named = { ...last.config, name: last.config.name ?? nameFromPath(path) };
  const config = first?.config ? joinStages(named, first.config) : named;
  const origins = new Map([
    ...originsOf((first ?? last).origin, ''),
    ...(first ? originsOf(first.origin, 'stages.representation.') : []),
    ...(first ? originsOf(last.origin, 'stages.classifier.') : []),
  ]);
  if (first)
    origins.set('stages.representation.name', at(root, ['stages', 'representation', 'name'])?.origin ?? 'default');
  if (last.config.name === undefined) origins.set('name', 'path of the file');
  const warnings = [...new Set([...(first?.warnings ?? []), ...last.warnings])];
  const { sources } = layers;
  return withConfig({ path, sources, madeOf: madeOf(sources, overrides), warnings, origins }, config);
}

/** The loaded config with another `config`. */
export function withConfig(loaded: Omit<LoadedConfig, 'config' | 'yaml'>, config: Config): LoadedConfig {
  const { path, sources, madeOf, warnings, origins } = loaded;
  let yaml: string | undefined;
  return {
    config,
    path,
    sources,
    madeOf,
    warnings,
    origins,
    get yaml() {
      yaml ??= renderConfig(
        config,
        `Resolved by gala, every key written: running this file repeats the run. ${madeOf}`,
      );
      return yaml;
    },
  };
}

interface CheckedStage {
  /** Undefined if there is a problem. */
  readonly config: (Omit<StageConfig, 'name'> & { name?: string }) | undefined;
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
  readonly origin: (key: string) => Origin | undefined;
}

function checkStage(written: LocatedMap, hasFirstStage: boolean): CheckedStage {
  const root = withoutNulls(written, path => schemaAt(path).length > 0);
  const { config, problems, values, differsFromDefault } = validate(root);
  const origin = (key: string) => at(root, key.split('.'))?.origin;
  const isChanged = (key: ConfigKey) => origin(key) !== undefined && differsFromDefault(key);
  const isOwn = (key: ConfigKey) => isWrittenByUser(origin(key));
  const across = checkAcrossKeys({ values, origin, isChanged, isOwn, hasFirstStage });
  const { stages: _, ...valid } = config ?? {};
  return {
    config: config && (valid as CheckedStage['config']),
    problems: [...problems, ...across.problems],
    warnings: across.warnings,
    origin,
  };
}

function isWrittenByUser(origin: Origin | undefined): boolean {
  return origin !== undefined && (isFromCommand(origin) || !resolvePath(origin).startsWith(configsFolder + sep));
}

function originsOf(origin: CheckedStage['origin'], prefix: string): [string, string][] {
  return describeKeys().map(({ key }) => [prefix + key, origin(key) ?? 'default']);
}

/** A problem at the top level appears in both stages, but is reported once. */
function withoutRepetitions(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map(problem => [`${problem.where} ${problem.message}`, problem])).values()];
}

function madeOf(sources: readonly string[], overrides: ConfigOverrides): string {
  const parts = [
    ...sources.map(displayPath),
    ...(overrides.set ?? []).map(assignment => `--set ${assignment}`),
    ...(overrides.seed === undefined ? [] : [`--seed ${overrides.seed}`]),
  ];
  return ['Made of, the last one winning:', ...parts.map(part => `  ${part.replaceAll('\n', ' ')}`)].join('\n');
}
