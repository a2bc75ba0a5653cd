/**
 * Keys of other tools (Hydra, MMPretrain, timm, Lightning, released code of papers) with the equivalent key of gala.
 */
import type { ConfigKey } from './checks/checked.js';
import { describeKeys } from './keys.js';
import type { StageConfig } from './schema.js';

/** By the whole key, or else by its last word. */
const keysOfOtherTools: Readonly<Record<string, ConfigKey | keyof StageConfig>> = {
  arch: 'model.backbone',
  architecture: 'model.backbone',
  backbone: 'model.backbone',
  network: 'model.backbone',
  net: 'model.backbone',
  pretrained: 'model.weights',
  checkpoint: 'model.weights',
  criterion: 'loss.name',
  loss_type: 'loss.name',
  lr: 'optim.learning_rate',
  base_lr: 'optim.learning_rate',
  warmup_lr: 'optim.warmup_learning_rate',
  warmup: 'optim.warmup_epochs',
  wd: 'optim.weight_decay',
  optimizer: 'optim',
  'optimizer.type': 'optim.name',
  'optimizer._target_': 'optim.name',
  'optim_wrapper.optimizer.type': 'optim.name',
  opt: 'optim.name',
  trainer: 'train',
  epoch: 'train.epochs',
  max_epochs: 'train.epochs',
  num_epochs: 'train.epochs',
  bs: 'train.batch_size',
  batch: 'train.batch_size',
  samples_per_gpu: 'train.batch_size',
  'train_dataloader.batch_size': 'train.batch_size',
  grad_accum: 'train.accumulate',
  grad_accum_steps: 'train.accumulate',
  accumulate_grad_batches: 'train.accumulate',
  mixup: 'train.mixup_alpha',
  model_ema_decay: 'train.ema_decay',
  dataset: 'data.dataset',
  data_dir: 'data.root',
  data_root: 'data.root',
  imb_factor: 'data.imbalance_factor',
  imbalance: 'data.imbalance_factor',
  img_size: 'data.image_size',
  num_workers: 'data.workers',
  aa: 'data.augment',
  amp: 'precision',
  fp16: 'precision',
  bf16: 'precision',
  accelerator: 'device',
  gpu: 'device',
  gpus: 'devices',
  manual_seed: 'seed',
  random_seed: 'seed',
};

const namesOfExtends: ReadonlySet<string> = new Set(['defaults', '_base_', 'base', 'inherit', 'include', '_target_']);

/**
 * The key of gala for a key of another tool, such as `--max-epochs`, `max_epochs`, `trainer.max_epochs` or
 * `optimizer.weight_decay`.
 */
export function keyOfOtherTool(written: string): string | undefined {
  const key = written.replace(/^-+/, '').replaceAll('-', '_').toLowerCase();
  const [section = '', ...rest] = key.split('.');
  const last = rest.at(-1) ?? section;
  const meant = own(key) ?? own(last);
  if (meant !== undefined || rest.length === 0) return meant;
  const known = describeKeys().map(({ key: name }) => name);
  // The same word in another section has another meaning, such as gamma of a loss and of a schedule.
  const moved = [[own(section), ...rest].join('.'), `${own(section)}.${last}`, last];
  return own(section) === undefined ? undefined : moved.find(name => known.includes(name));
}

function own(key: string): string | undefined {
  return Object.hasOwn(keysOfOtherTools, key) ? keysOfOtherTools[key] : undefined;
}

/** Whether this key names the parent configs in another tool. */
export function isKeyOfParents(key: string): boolean {
  return namesOfExtends.has(key);
}
