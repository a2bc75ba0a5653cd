/** Loads a config by name or path, checks it, and records the origin of every value. */

import { displayPath } from '../io/homePath.js';
import type { ConfigKey } from './checks/checked.js';
import { checkAcrossKeys } from './checks/index.js';
import { describeKeys, schemaAt } from './keys.js';
import { applyOverrides, type FileLayers, readLayers } from './layers.js';
import { findConfig, nameFromPath } from './locate.js';
import { at, type LocatedMap, type Origin, withoutNulls } from './located.js';
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
  /** Dotted key → `file:line:col`, `--set key=value`, `--seed` or `default`. */
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
  if (layers === undefined) throw configError(displayPath(path), problems);
  return overrides => resolve(path, layers, overrides, [...problems]);
}

function resolve(path: string, layers: FileLayers, overrides: ConfigOverrides, problems: Problem[]): LoadedConfig {
  const root = applyOverrides(layers.root, overrides, problems);
  if (problems.some(problem => problem.fatal)) throw configError(displayPath(path), problems);

  const stages = splitStages(root, problems);
  if (problems.some(problem => problem.fatal)) throw configError(displayPath(path), problems);
  const first = stages && checkStage(stages.representation, false);
  const last = checkStage(stages?.classifier ?? root, stages !== undefined);
  problems.push(...withoutRepetitions([...(first?.problems ?? []), ...last.problems]));
  const heldOut = first?.config && last.config && heldOutProblem(first.config, last.config);
  if (heldOut) problems.push({ where: last.origin('eval.select_on') ?? displayPath(path), message: heldOut });
  if (last.config === undefined || problems.length > 0) throw configError(displayPath(path), problems);

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
  const across = checkAcrossKeys({ values, origin, isChanged, hasFirstStage });
  const { stages: _, ...valid } = config ?? {};
  return {
    config: config && (valid as CheckedStage['config']),
    problems: [...problems, ...across.problems],
    warnings: across.warnings,
    origin,
  };
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
