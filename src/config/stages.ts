/**
 * Two-stage experiments: the maps `stages.representation` and `stages.classifier` lie on top of the other keys, each
 * for its own stage. The classifier stage is the experiment, whose numbers are reported; the other is an experiment of
 * its own that it starts from.
 */
import { hasOwnVal, isFolders } from '../data/sets/index.js';
import { isChoice } from './keys.js';
import { at, isNull, keyOrigin, type LocatedMap, merge, type Path } from './located.js';
import type { Problem } from './problem.js';
import type { Config, StageConfig } from './schema.js';
import { nearest, quotedAlternatives } from './suggest.js';

const stageNames = ['representation', 'classifier'] as const;
type StageName = (typeof stageNames)[number];

/** Keys that both stages have in common: they are written at the top level only. */
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

/**
 * The two complete configs in a root with `stages`; undefined without, or with a problem that leaves nothing to check.
 */
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
  const entries = new Map(root.entries);
  entries.delete('stages');
  const common: LocatedMap = { ...root, entries };
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
 * What is wrong with an epoch of the second stage that held-out images choose: the first stage must hold out the same
 * ones, or the backbone was trained on them. Undefined where nothing is. A folder of images may have a validation split
 * of its own.
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

/** The config of a two-stage experiment; a first stage without a name goes by that of the whole and its own. */
export function joinStages(
  classifier: StageConfig,
  representation: Omit<StageConfig, 'name'> & { name?: string },
): Config {
  const name = representation.name ?? `${classifier.name}/representation`;
  // A weights file is what the first stage begins with; the second begins with the first.
  const { weights: _, ...model } = classifier.model;
  return { ...classifier, model, stages: { representation: { ...representation, name } } };
}

/**
 * The keys of a config as its file has them: those of the first stage at the top, under `stages.classifier` those in
 * which the second differs. What only the first stage has stands under `stages.representation`, for at the top the
 * second would have it too.
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

function withoutKey(map: LocatedMap, key: string): LocatedMap {
  const entries = new Map(map.entries);
  entries.delete(key);
  return { ...map, entries };
}
