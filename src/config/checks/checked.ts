/** What a rule between keys works with: typed values, where each was written, and how to report. */
import type { Origin } from '../located.js';
import type { StageConfig } from '../schema.js';

type Keys = Omit<StageConfig, 'name'>;
type KeyOf<Section> = Section extends unknown ? keyof Section & string : never;

/**
 * The values of a config, defaults included. A value is undefined where its key has a problem of its own, or has
 * neither a value nor a default: a rule looks for contradictions among the values that are left.
 */
export type Values = {
  readonly [K in keyof Keys]: Keys[K] extends object ? Readonly<Partial<Keys[K]>> : Keys[K] | undefined;
};

/** A dotted key, such as `loss.lambda1`. */
export type ConfigKey = {
  [K in keyof Keys & string]: Keys[K] extends object ? `${K}.${KeyOf<Keys[K]>}` : K;
}[keyof Keys & string];

export interface Checked {
  readonly values: Values;
  /** Where the key's value was written; undefined when it is a default. */
  readonly origin: (key: ConfigKey) => Origin | undefined;
  /** True where a value other than the default was written; in a resolved config every default is written. */
  readonly isChanged: (key: ConfigKey) => boolean;
  /** True for a stage that starts from another. */
  readonly hasFirstStage: boolean;
}

/** Reports a sentence at the place where the key's value was written. */
export type Report = (key: ConfigKey, message: string) => void;

interface Reports {
  /** A contradiction: the config is refused. */
  readonly refuse: Report;
  /** An option that has no effect, or is probably not meant. */
  readonly warn: Report;
}

/** A group of rules about related keys. */
export type Check = (checked: Checked, reports: Reports) => void;
