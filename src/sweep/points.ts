/** The experiments of a sweep: (grid + list) × seeds, less the excluded ones, each a checked config. */
import { isSeq, type Node, parseDocument } from 'yaml';
import { configHash } from '../config/identity.js';
import { type LoadedConfig, openConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import { resolveForSeed } from '../config/seeds.js';
import { ConfigError } from '../errors.js';

/** Dotted key → value as YAML text; the key `config` names the config instead of setting a key in it. */
export type Assignments = ReadonlyMap<string, string>;

export interface SweepSpec {
  /** The config of every point that does not name another. */
  readonly config?: string | undefined;
  /** Set in every point. */
  readonly set: Assignments;
  /** Every combination of these is a point. */
  readonly grid: ReadonlyMap<string, readonly string[]>;
  /** Further points. */
  readonly list: readonly Assignments[];
  /** A point is left out where its resolved config has all values of one of these. */
  readonly exclude: readonly Assignments[];
  /** Every point is run with each of these seeds, which also draw the long-tailed subset, as in `gala reproduce`. */
  readonly seeds?: readonly number[] | undefined;
}

export interface Point {
  /**
   * The values that tell it from the others, such as `loss.lambda1=1.2`; empty where nothing but config or seed varies.
   */
  readonly label: string;
  readonly loaded: LoadedConfig;
  readonly hash: string;
}

export interface Points {
  readonly points: readonly Point[];
  /** Sentences about merged points, rules without effect, and warnings of the configs. */
  readonly notes: readonly string[];
}

const mostPoints = 10_000;

/** All points of a sweep: first the grid, then the list; seeds vary fastest. Throws `ConfigError`. */
export function expandPoints(spec: SweepSpec): Points {
  const notes: string[] = [];
  const seeds = spec.seeds ?? [undefined];
  const runs = (gridSize(spec) + spec.list.length) * seeds.length;
  if (runs > mostPoints) {
    throw new ConfigError(`The sweep has ${runs} runs, more than ${mostPoints}.`, {
      where: [...spec.grid].map(([key, values]) => `${key}: ${values.length} values`).join(', '),
      next: 'Vary fewer keys, or split it into several sweeps.',
    });
  }
  const combinations = [...gridOf(spec), ...spec.list];
  const varying = varyingKeys(combinations);
  const used = new Set<Assignments>();
  const points = new Map<string, Point>();
  const opened = new Map<string, ReturnType<typeof openConfig>>();
  for (const combination of combinations) {
    for (const seed of seeds) {
      const assigned = new Map([...spec.set, ...combination]);
      refuseTwoSeeds(assigned, seed);
      let loaded: LoadedConfig | undefined;
      const load = () => {
        loaded ??= loadPoint(spec, assigned, seed, opened);
        return loaded;
      };
      const excluded = spec.exclude.find(rule => matches(rule, assigned, seed, load));
      if (excluded) {
        used.add(excluded);
        continue;
      }
      const label = varying.flatMap(key => (combination.has(key) ? `${key}=${combination.get(key)}` : []));
      const point = { label: label.join(' '), loaded: load(), hash: configHash(load().config) };
      const identity = `${point.loaded.config.name} ${point.hash}`;
      const before = points.get(identity);
      if (before) notes.push(runOnce(point, before));
      else points.set(identity, point);
    }
  }
  for (const rule of spec.exclude) if (!used.has(rule)) notes.push(`exclude {${textOf(rule)}} leaves nothing out.`);
  if (points.size === 0) {
    throw new ConfigError('The sweep has no runs: everything is excluded.', {
      where: 'exclude',
      next: 'Make the rules of exclude narrower.',
    });
  }
  return { points: [...points.values()], notes: [...new Set([...notes, ...warningsOf([...points.values()])])] };
}

/** `cifar100_lt/gala_if100 loss.lambda1=1.2, seed 0`. `config` is the name of the config. */
export function describeRun({ config, label, seed }: { config: string; label: string; seed: number }): string {
  return `${config}${label && ` ${label}`}, seed ${seed}`;
}

function runOnce(point: Point, before: Point): string {
  const [described, same] = [describePoint(point), describePoint(before)];
  return described === same
    ? `${described} is in the sweep twice: run once.`
    : `${described} is the same experiment as ${same}: run once.`;
}

function describePoint({ loaded: { config }, label }: Point): string {
  return describeRun({ config: config.name, label, seed: config.seed });
}

/**
 * The values of `--set key=value[,value…]`: the text is split where a YAML list would be, so that `[a, b]` and
 * `{name: gala}` are one value each. Throws `ConfigError`.
 */
export function parseValues(assignment: string): { key: string; values: string[] } {
  const equals = assignment.indexOf('=');
  const key = assignment.slice(0, Math.max(0, equals)).trim();
  const text = `[${assignment.slice(equals + 1)}]`;
  const document = parseDocument(text, { version: '1.2', prettyErrors: false });
  const items = isSeq<Node>(document.contents) ? document.contents.items : [];
  const values = items.map(({ range }) => (range ? text.slice(range[0], range[1]) : ''));
  if (key !== '' && document.errors.length === 0 && values.length > 0 && values.every(value => value !== '')) {
    return { key, values };
  }
  throw new ConfigError('--set wants key=value, or key=value,value,… to vary it.', {
    where: `--set ${assignment}`,
    next: 'Such as --set loss.lambda1=1.0,1.2; values are YAML, so a list of lists is [a],[a,b].',
  });
}

/** The number of combinations of the grid, counted before they take memory. */
function gridSize({ grid, list }: SweepSpec): number {
  if (grid.size === 0) return list.length > 0 ? 0 : 1;
  return [...grid.values()].reduce((product, values) => product * values.length, 1);
}

function gridOf({ grid, list }: SweepSpec): Assignments[] {
  if (grid.size === 0) return list.length > 0 ? [] : [new Map()];
  return [...grid].reduce<Map<string, string>[]>(
    (points, [key, values]) => points.flatMap(point => values.map(value => new Map(point).set(key, value))),
    [new Map()],
  );
}

function loadPoint(
  spec: SweepSpec,
  assigned: Assignments,
  seed: number | undefined,
  opened: Map<string, ReturnType<typeof openConfig>>,
): LoadedConfig {
  const named = assigned.get('config');
  const config = named === undefined ? spec.config : String(parsed(named));
  if (config === undefined) {
    throw new ConfigError('A point of the sweep has no config.', {
      where: textOf(assigned) || 'gala sweep',
      next: 'Give --config NAME, or `config:` in the sweep file; `gala config list` shows the names.',
    });
  }
  const set = [...assigned].filter(([key]) => key !== 'config').map(([key, value]) => `${key}=${value}`);
  const resolve = opened.get(config) ?? openConfig(config);
  opened.set(config, resolve);
  return seed === undefined ? resolve({ set }) : resolveForSeed(resolve, seed, set);
}

function refuseTwoSeeds(assigned: Assignments, seed: number | undefined): void {
  if (seed === undefined || !assigned.has('seed')) return;
  throw new ConfigError('The seed is given twice: by seeds, and as the key seed.', {
    where: textOf(assigned),
    next: 'Keep seeds (which also draws the long-tailed subset), or the key seed (which does not).',
  });
}

/** Whether a point has all values of a rule. Its config is loaded only for keys that the point does not assign. */
function matches(
  rule: Assignments,
  assigned: Assignments,
  seed: number | undefined,
  load: () => LoadedConfig,
): boolean {
  const keys = [...rule.keys()].sort((a, b) => Number(assigned.has(b)) - Number(assigned.has(a)));
  return keys.every(key => {
    const wanted = parsed(rule.get(key)!);
    const given = assigned.get(key);
    if (given !== undefined) return same(parsed(given), wanted);
    if (key === 'seed' && seed !== undefined) return same(seed, wanted);
    return same(key === 'config' ? load().config.name : valueAt(load().config, key), wanted);
  });
}

function valueAt(config: Config, key: string): unknown {
  return key.split('.').reduce<unknown>((map, step) => (map as Record<string, unknown> | undefined)?.[step], config);
}

function varyingKeys(combinations: readonly Assignments[]): string[] {
  const keys = [...new Set(combinations.flatMap(combination => [...combination.keys()]))];
  return keys
    .filter(key => key !== 'config' && key !== 'seed')
    .filter(key => new Set(combinations.map(combination => combination.get(key))).size > 1);
}

function warningsOf(points: readonly Point[]): string[] {
  return points.flatMap(({ loaded }) => loaded.warnings.map(warning => `Warning: ${warning}`));
}

function textOf(assignments: Assignments): string {
  return [...assignments].map(([key, value]) => `${key}: ${value}`).join(', ');
}

function parsed(yaml: string): unknown {
  return parseDocument(yaml, { version: '1.2' }).toJS();
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
