/**
 * Two-stage experiments. The maps `stages.representation` and `stages.classifier` change the other keys for the first
 * and the second stage. The first stage is an experiment of its own. The second starts from it, and its numbers are
 * those of the experiment.
 */
import { hasOwnVal, isFolders } from '../data/sets/index.js';
import { isChoice } from './keys.js';
import { at, isNull, keyOrigin, type LocatedMap, merge, type Path, withoutKey } from './located.js';
import type { Problem } from './problem.js';
import type { Config, StageConfig } from './schema.js';
import { nearest, quotedAlternatives } from './suggest.js';

const stageNames = ['representation', 'classifier'] as const;
type StageName = (typeof stageNames)[number];

/** Keys with one value for both stages, which is written at the top level only. */
export const sharedKeys: readonly string[] = [
  'seed',
  'data.dataset',
  'data.root',
  'data.imbalance_factor',
  'data.subset_seed',
  'data.split',
  'data.train_list',
  'data.val_list',
  'data.test_list',
  'model.backbone',
  'engine',
  'precision',
  'threads',
];

/** The complete configs of both stages; undefined if there is no key `stages`, or if it cannot be read. */
export function splitStages(root: LocatedMap, problems: Problem[]): Record<StageName, LocatedMap> | undefined {
  const stages = root.entries.get('stages')?.value;
  if (stages === undefined || isNull(stages)) return undefined;
  const refuse = (where: string, message: string) => problems.push({ where, message });
  if (stages.kind !== 'map') {
    problems.push({
      where: stages.origin,
      message: 'stages must be a map with the keys representation and classifier',
      fatal: true,
    });
    return undefined;
  }
  for (const [name, { keyOrigin: where }] of stages.entries) {
    if (stageNames.some(known => known === name)) continue;
    const near = nearest(name, stageNames);
    const hint =
      near.length > 0 ? `did you mean ${quotedAlternatives(near)}?` : 'the stages are representation and classifier';
    refuse(where, `unknown key "stages.${name}"; ${hint}`);
  }
  const common = withoutKey(root, 'stages');
  const stageOf = (name: StageName): LocatedMap => {
    const written = stages.entries.get(name)?.value;
    const base = name === 'representation' ? withoutKey(common, 'name') : common;
    if (written === undefined || (written.kind === 'scalar' && written.value === null)) return base;
    if (written.kind !== 'map') {
      refuse(written.origin, `stages.${name} must be a map of the keys that are different in this stage`);
      return base;
    }
    for (const key of sharedKeys) {
      const path = key.split('.');
      if (at(written, path) !== undefined)
        refuse(
          keyOrigin(written, path),
          `${key} is the same in both stages; write it at the top level, not in stages.${name}`,
        );
    }
    for (const key of name === 'classifier' ? ['name', 'stages', 'extends'] : ['stages', 'extends']) {
      if (written.entries.has(key)) refuse(keyOrigin(written, [key]), `stages.${name} cannot have the key ${key}`);
    }
    return merge(base, withoutKey(withoutKey(written, 'stages'), 'extends'), isChoice);
  };
  return { representation: stageOf('representation'), classifier: stageOf('classifier') };
}

/**
 * The problem of a second stage whose epoch is selected by images that the first stage was trained on; undefined if
 * there is none. Both stages must hold out the same images, unless the dataset has its own validation split, as a
 * folder may.
 */
export function heldOutProblem(
  first: Omit<StageConfig, 'name'>,
  second: Omit<StageConfig, 'name'>,
): string | undefined {
  const { data, eval: evaluation } = second;
  if (evaluation.select_on !== 'val' || hasOwnVal(data) || isFolders(data.dataset)) return undefined;
  if (first.eval.select_on === 'val' && first.eval.val_fraction === evaluation.val_fraction) return undefined;
  return (
    'eval.select_on is val, but the first stage trains on the images that the second holds out; give both ' +
    'eval.select_on: val and the same eval.val_fraction'
  );
}

/** The config of a two-stage experiment. Without a name, the first stage is called `<experiment>/representation`. */
export function joinStages(
  classifier: StageConfig,
  representation: Omit<StageConfig, 'name'> & { name?: string },
): Config {
  const name = representation.name ?? `${classifier.name}/representation`;
  // Only the first stage begins with the weights file; the second begins with the first.
  const { weights: _, ...model } = classifier.model;
  return { ...classifier, model, stages: { representation: { ...representation, name } } };
}

/**
 * The keys of a config as in a file: at the top the keys of the first stage, and under `stages.classifier` the keys in
 * which the second differs. Keys that only the first stage has are under `stages.representation`: at the top, the
 * second stage would have them too.
 */
export function fileLayout(config: Config): Record<string, unknown> {
  const { stages, name: own, ...second } = config;
  if (stages === undefined) return { name: own, ...second };
  const { name, ...first } = stages.representation;
  const { top, firstOnly, secondOwn } = layoutOf(first, second, []);
  return { name: own, ...top, stages: { representation: { name, ...firstOnly }, classifier: secondOwn } };
}

type Keys = Readonly<Record<string, unknown>>;

function layoutOf(first: Keys, second: Keys, path: Path) {
  const [top, firstOnly, secondOwn]: Record<string, unknown>[] = [{}, {}, {}];
  for (const key of new Set([...Object.keys(first), ...Object.keys(second)])) {
    const here = [...path, key];
    const [one, other] = [first[key], second[key]];
    if (sharedKeys.includes(here.join('.'))) {
      top![key] = other ?? one;
    } else if (isMap(one) && isMap(other) && !(isChoice(here) && one.name !== other.name)) {
      const below = layoutOf(one, other, here);
      for (const [part, values] of [
        [top, below.top],
        [firstOnly, below.firstOnly],
        [secondOwn, below.secondOwn],
      ]) {
        if (Object.keys(values!).length > 0) part![key] = values;
      }
    } else if (other === undefined) {
      firstOnly![key] = one;
    } else {
      if (one !== undefined) top![key] = one;
      if (JSON.stringify(one) !== JSON.stringify(other)) secondOwn![key] = other;
    }
  }
  return { top: top!, firstOnly: firstOnly!, secondOwn: secondOwn! };
}

function isMap(value: unknown): value is Keys {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
