/** Runs of one experiment together: the rows of an accuracy table. */
import { configOf, differingKeys, identityValues, inOrder, typedValue } from '../config/identity.js';
import { keysBesideName, keysOfARun, withSettings } from '../config/namedConfig.js';
import { processesOf, processFacts, valuesOf } from '../run/processes.js';
import type { RunResult } from './record.js';

/** The facts that tell experiments apart. */
export type Experiment = Pick<RunResult, 'name' | 'config' | 'seeds'> & {
  readonly weights?: { readonly sha256: string } | undefined;
};

export interface ResultGroup<Result extends Experiment = RunResult> {
  /** Name of the config with `labelSettings`: `gala_if100 (train.epochs=30)`. */
  readonly label: string;
  readonly name: string;
  /** `settings`, and the keys that differ from the config of that name. */
  readonly labelSettings: ReadonlyMap<string, string>;
  /**
   * The keys in which experiments of one name differ, with the values as they are typed after --set; `(none)` for a key
   * that the config lacks.
   */
  readonly settings: ReadonlyMap<string, string>;
  /** By seed. */
  readonly results: readonly Result[];
}

/**
 * Groups runs by name and by every key of the config that decides the numbers, except seeds, precision and engine, in
 * order of first appearance. So no mean is taken over different experiments.
 */
export function groupResults<Result extends Experiment>(results: readonly Result[]): ResultGroup<Result>[] {
  const groups = new Map<string, { name: string; values: Map<string, string>; results: Result[] }>();
  for (const result of results) {
    const values = experimentOf(result);
    const key = [result.name, ...Array.from(values, ([key, value]) => `${key}=${value}`)].join('\n');
    const group = groups.get(key) ?? { name: result.name, values, results: [] };
    group.results.push(result);
    groups.set(key, group);
  }
  const byName = new Map<string, ReadonlyMap<string, string>[]>();
  for (const { name, values } of groups.values()) {
    const others = byName.get(name);
    if (others) others.push(values);
    else byName.set(name, [values]);
  }
  const differing = new Map([...byName].map(([name, all]) => [name, differingKeys(all)]));
  return [...groups.values()].map(({ name, values, results }) => {
    const typed = (keys: readonly string[]) => new Map(keys.map(key => [key, typedValue(values.get(key))]));
    const own = differing.get(name)!;
    const labelSettings = typed(inOrder([...keysBesideName(configOf(results[0]!)), ...own]));
    return {
      label: withSettings(name, labelSettings),
      name,
      labelSettings,
      settings: typed(own),
      results: [...results].sort((a, b) => a.seeds.run - b.seeds.run || a.seeds.subset - b.seeds.subset),
    };
  });
}

/**
 * Facts in which the runs of a group differ besides their seed, such as `precision: bf16, fp32`, and facts that changed
 * within a run, at a resume or between its stages: `precision: bf16, bf16 then fp32`, or
 * `precision: bf16 then fp32 in each`.
 */
export function differencesWithin(results: readonly RunResult[]): string[] {
  const facts: readonly (readonly [name: string, of: (result: RunResult) => string[]])[] = [
    ['training data', ({ train }) => [short(train.fingerprint)]],
    ['training subset', result => [subsetOf(result)]],
    ['test data', ({ test }) => [short(test.fingerprint)]],
    ...processFacts.map(([name, of]) => [name, (result: RunResult) => valuesOf(processesOf(result), of)] as const),
  ];
  const differing = facts.flatMap(([name, of]) => {
    const values = [...new Set(results.map(result => of(result).join(' then ')))];
    if (values.length > 1) return [`${name}: ${values.join(', ')}`];
    const isOne = results.every(result => of(result).length === 1);
    return isOne ? [] : [`${name}: ${values[0]}${results.length > 1 ? ' in each' : ''}`];
  });
  const seeds = results.map(result => `seed ${result.seeds.run}, ${subsetOf(result)}`);
  const isRepeated = new Set(seeds).size < seeds.length;
  return isRepeated ? ['seed: the same one more than once, which makes the spread too small', ...differing] : differing;
}

function experimentOf(result: Experiment): Map<string, string> {
  const values = new Map([...identityValues(configOf(result))].filter(([key]) => !keysOfARun.has(key)));
  // Two files may have one name.
  if (result.weights) values.set('sha256 of the weights', short(result.weights.sha256));
  return values;
}

/** Without an imbalance factor the subset's seed draws nothing. */
function subsetOf(result: RunResult): string {
  const { imbalance_factor } = configOf(result).data;
  return `${imbalance_factor > 1 ? `seed ${result.seeds.subset} ` : ''}(sha256 ${short(result.train.index_hash)})`;
}

function short(hash: string): string {
  return hash.slice(0, 8);
}
