/**
 * The sweep file: `config`, `set`, `grid`, `list`, `exclude`, `seeds`, `launcher`, `slurm` in YAML; and the flags on
 * top of it.
 */
import { z } from 'zod';
import { at, keyOrigin, plainValue, writtenValue } from '../config/located.js';
import { parseConfigText } from '../config/parse.js';
import { configError, type Problem } from '../config/problem.js';
import { ConfigError } from '../errors.js';
import { reasonOf } from '../io/faults.js';
import { displayPath } from '../io/homePath.js';
import { largestConfig, readRegularText } from '../io/regularFile.js';
import { type Assignments, parseValues, type SweepSpec } from './points.js';

const assignments = z.record(z.string(), z.unknown());

const fileSchema = z.strictObject({
  name: z.string().optional(),
  config: z.string().optional(),
  set: assignments.optional(),
  grid: z.record(z.string(), z.array(z.unknown()).min(1)).optional(),
  list: z.array(assignments).min(1).optional(),
  exclude: z.array(assignments.refine(rule => Object.keys(rule).length > 0, 'expected at least one key')).optional(),
  seeds: z.array(z.number().int().min(0)).min(1).optional(),
  launcher: z.enum(['local', 'slurm']).optional(),
  slurm: assignments.optional(),
});

export interface SweepFile {
  readonly name: string | undefined;
  readonly spec: SweepSpec;
  readonly launcher: 'local' | 'slurm' | undefined;
  readonly slurm: Readonly<Record<string, unknown>>;
}

/** Reads a sweep file. Throws one `ConfigError` that lists its problems with their positions. */
export function readSweepFile(path: string): SweepFile {
  const label = displayPath(path);
  const problems: Problem[] = [];
  const root = parseConfigText(textOf(path), label, problems);
  if (root === undefined || problems.length > 0) throw configError(problems);
  const result = fileSchema.safeParse(plainValue(root));
  if (!result.success) {
    for (const issue of result.error.issues) {
      const place = issue.path.filter(step => typeof step !== 'symbol');
      if (issue.code === 'unrecognized_keys') {
        for (const key of issue.keys) {
          const message = `unknown key "${key}"; a sweep file has ${Object.keys(fileSchema.shape).join(', ')}`;
          problems.push({ where: keyOrigin(root, [...place, key]), message, fatal: true });
        }
      } else {
        const where = at(root, place)?.origin ?? keyOrigin(root, place);
        problems.push({ where, message: `${place.join('.')}: ${issue.message}`, fatal: true });
      }
    }
    throw configError(problems);
  }
  const { name, config, set, grid, list, exclude, seeds, launcher } = result.data;
  const slurm = at(root, ['slurm']);
  return {
    name,
    spec: {
      config,
      set: asYaml(set ?? {}),
      grid: new Map(Object.entries(grid ?? {}).map(([key, values]) => [key, values.map(yamlOf)])),
      list: (list ?? []).map(asYaml),
      exclude: (exclude ?? []).map(asYaml),
      seeds,
    },
    launcher,
    slurm: (slurm === undefined ? {} : writtenValue(slurm)) as Record<string, unknown>,
  };
}

/** The spec of a sweep without a file. */
export const emptySpec: SweepSpec = { set: new Map(), grid: new Map(), list: [], exclude: [] };

/**
 * The spec with assignments `key=value[,value…]`, each in place of every value of this key in the spec. Throws
 * `ConfigError`, also for several values of a key that points of `list` set: these points would lose their value.
 */
export function withAssignments(spec: SweepSpec, assignments: readonly string[]): SweepSpec {
  const [set, grid, list] = [new Map(spec.set), new Map(spec.grid), spec.list.map(point => new Map(point))];
  for (const assignment of assignments) {
    const { key, values } = parseValues(assignment);
    if (values.length > 1 && list.some(point => point.has(key))) {
      throw new ConfigError(`Points of the sweep's list set ${key}; several values cannot take their place.`, {
        where: `--set ${assignment}`,
        next: 'Give one value for all points, or write the values into the list.',
      });
    }
    for (const map of [set, grid, ...list]) map.delete(key);
    if (values.length > 1) grid.set(key, values);
    else set.set(key, values[0]!);
  }
  return { ...spec, set, grid, list };
}

function textOf(path: string): string {
  try {
    return readRegularText(path, largestConfig);
  } catch (cause) {
    throw new ConfigError(`Could not read the sweep file: ${reasonOf(cause)}`, {
      where: path,
      next: 'Give the path of a YAML file with grid: or list:; see docs/sweeps.md.',
      cause,
    });
  }
}

function asYaml(values: Readonly<Record<string, unknown>>): Assignments {
  return new Map(Object.entries(values).map(([key, value]) => [key, yamlOf(value)]));
}

/** JSON, which is YAML too; a plain word has no quotes, so that labels read well. */
function yamlOf(value: unknown): string {
  return typeof value === 'string' && /^[a-z_][\w/.-]*$/i.test(value) && !/^(true|false|null|nan|inf)$/i.test(value)
    ? value
    : JSON.stringify(value);
}
