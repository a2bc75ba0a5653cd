/** Keys without effect in a config: gala warns about a written one, and `gala config show` leaves them out. */
import { hasOwnVal, isImageFiles } from '../../data/sets/index.js';
import { losses } from '../../losses/index.js';
import type { LossDefinition } from '../../losses/loss.js';
import type { Check, ConfigKey, Values } from './checked.js';

/** The definition of the loss that a config names. */
export function lossOf({ loss }: Values): LossDefinition | undefined {
  return loss.name && losses[loss.name];
}

export const checkEffect: Check = ({ values, isOwn, isChanged }, { warn }) => {
  for (const [key, what] of withoutEffect(values)) if (isChanged(key)) warn(key, `${key} ${what}`);
  for (const [key, what] of lossWithoutEffect(values)) if (isOwn(key)) warn(key, `${key} ${what}`);
};

/** Every key without effect, and the rest of the sentence that begins with it. */
export function allWithoutEffect(values: Values): ReadonlyMap<ConfigKey, string> {
  return new Map([...untrained(values), ...unused(values), ...lossWithoutEffect(values), ...withoutEffect(values)]);
}

type Reasons = [key: ConfigKey, what: string][];

function withoutEffect({ data, model, optim, distill, eval: evaluation }: Values): Reasons {
  const found: Reasons = [];
  const note = (key: ConfigKey, reason: string) => found.push([key, `has no effect: ${reason}`]);
  const { dataset } = data;
  const drawsPart = evaluation.select_on === 'val' || (data.split?.val ?? 0) + (data.split?.test ?? 0) > 0;
  if (data.imbalance_factor === 1 && !drawsPart)
    note('data.subset_seed', 'data.imbalance_factor is 1, every image is kept');
  if (dataset !== undefined && !isImageFiles(dataset))
    for (const key of ofImageFiles) note(`data.${key}`, `${dataset} is no set of image files`);
  const { head } = model;
  if (head !== undefined && head !== 'cosine') note('model.scale', `model.head is ${head}`);
  if (head !== undefined && head !== 'tau_normalized') note('model.tau', `model.head is ${head}`);
  if (model.weights === undefined) note('model.weights_part', 'model.weights names no file');
  if (distill.teacher === undefined)
    for (const key of ['seeds', 'weight', 'temperature'] as const)
      note(`distill.${key}`, 'distill.teacher names no config');
  if (optim.name !== undefined)
    for (const key of optim.name === 'adamw' ? (['momentum'] as const) : (['beta1', 'beta2'] as const))
      note(`optim.${key}`, `optim.name is ${optim.name}`);
  if (evaluation.every === 1) note('eval.every_epoch_from', 'eval.every is 1');
  else if (evaluation.every_epoch_from === 0)
    note('eval.every', 'eval.every_epoch_from is 0, every epoch is evaluated');
  if (evaluation.select_on !== 'val') note('eval.val_fraction', `eval.select_on is ${evaluation.select_on}`);
  else if (dataset !== undefined && hasOwnVal({ dataset, val_list: data.val_list, split: data.split }))
    note('eval.val_fraction', `${dataset} has a validation split of its own`);
  return found;
}

const ofImageFiles = [
  'train_list',
  'val_list',
  'test_list',
  'image_size',
  'short_side',
  'verify',
  'on_bad_image',
] as const;

function lossWithoutEffect(values: Values): Reasons {
  const reasons = lossOf(values)?.withoutEffect?.(values.loss) ?? {};
  return Object.entries(reasons).map(([name, what]) => [`loss.${name}` as ConfigKey, what!]);
}

/** Keys without a warning: for example, a config without warm-up may keep the learning rate of the warm-up. */
function unused({ optim, freeze }: Values): Reasons {
  const found: Reasons = [];
  const warmup = optim.warmup_epochs;
  if (typeof warmup === 'number' && warmup <= 1)
    found.push(['optim.warmup_learning_rate', `has no effect: optim.warmup_epochs is ${warmup}`]);
  if (freeze.backbone === false) found.push(['freeze.batch_stats', 'has no effect: freeze.backbone is false']);
  return found;
}

/** Without a warning too, because a second stage that trains nothing has many of these keys from the first stage. */
function untrained({ loss, optim, train, freeze }: Values): Reasons {
  if (train.epochs !== 0) return [];
  const keys = [
    ...[
      'data.augment',
      'data.sampler',
      'data.workers',
      'model.batch_norm_parts',
      'eval.every',
      'eval.every_epoch_from',
    ],
    ...Object.entries({ loss, optim, train, freeze }).flatMap(([section, values]) =>
      Object.keys(values).map(key => `${section}.${key}`),
    ),
  ].filter(key => key !== 'train.epochs');
  return keys.map(key => [key as ConfigKey, 'has no effect: train.epochs is 0']);
}
