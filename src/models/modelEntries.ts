/**
 * The names of a state, in memory and in a checkpoint: `backbone.…` and `classifier.…` are the model, named as in the
 * reference code; `momentum.<parameter>` belongs to the optimiser, `loss.<statistic>`, `gradient.<sum>` and
 * `accumulated.<what>` to the training, and `ema.<parameter or statistic>` are averages of the model over the steps
 * (`train.ema_decay`).
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

/** True for state entries that belong to the model: what evaluation and export need. */
export function isModelEntry(name: string): boolean {
  return name.startsWith(backbonePrefix) || name.startsWith(headPrefix);
}

/** The entries of the model in a state, in the state's order. */
export function modelEntries<T>(state: Entries<T>): Record<string, T> {
  return Object.fromEntries(Object.entries(state).filter(([name]) => isModelEntry(name)));
}

/** The model entries of a state by which it is evaluated: the averages where it has them. */
export function evaluatedModel<T>(state: Entries<T>): Record<string, T> {
  return { ...modelEntries(state), ...withoutPrefix(emaPrefix, state) };
}

/** A state whose averages begin anew with its weights: for weights that were not drawn from the seed. */
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

/** Entries under names that begin with `prefix`. */
export function withPrefix<T>(prefix: string, entries: Entries<T>): Record<string, T> {
  return Object.fromEntries(Object.entries(entries).map(([name, value]) => [prefix + name, value]));
}

/** The entries whose names begin with `prefix`, without it. */
export function withoutPrefix<T>(prefix: string, entries: Entries<T>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(entries)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}
