/**
 * The names of the entries of a state, in memory and in a checkpoint: `backbone.…` and `classifier.…` are the
 * model, named as in the reference code; `momentum.…` belongs to the optimizer; `loss.…` are the statistics of the
 * loss, `gradient.…` the gradient record, `accumulated.…` the sums over micro-batches;
 * `ema.<parameter or statistic>` are the averages of the model over the steps (`train.ema_decay`);
 * `teacher.<place in distill.seeds>.…` are the models of the teachers.
 */
import type { HostTensors } from '../tensor.js';

export const backbonePrefix = 'backbone.';
export const headPrefix = 'classifier.';
export const momentumPrefix = 'momentum.';
export const lossPrefix = 'loss.';
export const gradientPrefix = 'gradient.';
export const accumulatedPrefix = 'accumulated.';
export const emaPrefix = 'ema.';

type Entries<T> = Readonly<Record<string, T>>;

/** True for the state entries of the model, which evaluation and export need. */
export function isModelEntry(name: string): boolean {
  return name.startsWith(backbonePrefix) || name.startsWith(headPrefix);
}

/** The entries of the model, in the order of the state. */
export function modelEntries<T>(state: Entries<T>): Record<string, T> {
  return Object.fromEntries(Object.entries(state).filter(([name]) => isModelEntry(name)));
}

/** The model that evaluates a state: the averages if the state has them. */
export function evaluatedModel<T>(state: Entries<T>): Record<string, T> {
  return { ...modelEntries(state), ...withoutPrefix(emaPrefix, state) };
}

/** The state with its averages set to its weights, for weights that were not drawn from the seed. */
export function withFreshAverages(state: HostTensors): HostTensors {
  const averaged = Object.keys(withoutPrefix(emaPrefix, state));
  return { ...state, ...withPrefix(emaPrefix, Object.fromEntries(averaged.map(name => [name, state[name]!]))) };
}

/** Parameters of the model by their full names; batch statistics by their names inside the backbone. */
export function splitModel<T>(state: Entries<T>): { parameters: Record<string, T>; statistics: Record<string, T> } {
  const isStatistic = (name: string) => /\.running_(mean|var)$/.test(name);
  const parameters = Object.entries(modelEntries(state)).filter(([name]) => !isStatistic(name));
  const statistics = Object.entries(withoutPrefix(backbonePrefix, state)).filter(([name]) => isStatistic(name));
  return { parameters: Object.fromEntries(parameters), statistics: Object.fromEntries(statistics) };
}

/** The entries with `prefix` put before their names. */
export function withPrefix<T>(prefix: string, entries: Entries<T>): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).map(([name, value]) => [prefix + name, value]));
}

/** The entries whose names begin with `prefix`; the prefix is removed. */
export function withoutPrefix<T>(prefix: string, entries: Entries<T>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(entries)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}
