/** The input and output of a rule between keys: typed values with their origins, and functions that report problems. */
import type { Origin } from '../located.js';
import type { StageConfig } from '../schema.js';

type Keys = Omit<StageConfig, 'name'>;
type KeyOf<Section> = Section extends unknown ? keyof Section & string : never;

/**
 * The values of a config, defaults included. A value is undefined if it is invalid itself, or if its key has neither a
 * value nor a default. Rules look for contradictions among the other values.
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
  /** Where the value of the key was written; undefined for a default. */
  readonly origin: (key: ConfigKey) => Origin | undefined;
  /** True if the key was written with a value other than its default. A resolved config writes all defaults. */
  readonly isChanged: (key: ConfigKey) => boolean;
  /**
   * True if the user wrote the key. The configs of the package also state published values without effect, and a
   * warning about these would be of no use to the user.
   */
  readonly isOwn: (key: ConfigKey) => boolean;
  /** True for the second of two stages. */
  readonly hasFirstStage: boolean;
}

/**
 * Reports a sentence at the place where the value of the key was written, with the `key=value` that cures it where one
 * does.
 */
export type Report = (key: ConfigKey, message: string, cure?: string) => void;

interface Reports {
  /** A contradiction: the config is refused. */
  readonly refuse: Report;
  /** A key that has no effect, or a value that is probably a mistake. */
  readonly warn: Report;
}

/** A group of rules about related keys. */
export type Check = (checked: Checked, reports: Reports) => void;
