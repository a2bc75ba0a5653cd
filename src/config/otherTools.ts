/**
 * Keys of other tools (Hydra, MMPretrain, timm, Lightning, released code of papers) with the equivalent key of gala.
 */
import type { ConfigKey } from './checks/checked.js';
import type { StageConfig } from './schema.js';

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
  opt: 'optim.name',
  trainer: 'train',
  epoch: 'train.epochs',
  max_epochs: 'train.epochs',
  num_epochs: 'train.epochs',
  bs: 'train.batch_size',
  batch: 'train.batch_size',
  samples_per_gpu: 'train.batch_size',
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
  gpu: 'device',
  gpus: 'devices',
  manual_seed: 'seed',
  random_seed: 'seed',
};

const namesOfExtends: ReadonlySet<string> = new Set(['defaults', '_base_', 'base', 'inherit', 'include', '_target_']);

/** The key of gala for a key of another tool, such as `--max-epochs`, `max_epochs` or `trainer.max_epochs`. */
export function keyOfOtherTool(written: string): string | undefined {
  const [last = ''] = written.replace(/^-+/, '').replaceAll('-', '_').toLowerCase().split('.').slice(-1);
  return Object.hasOwn(keysOfOtherTools, last) ? keysOfOtherTools[last] : undefined;
}

/** Whether this key names the parent configs in another tool. */
export function isKeyOfParents(key: string): boolean {
  return namesOfExtends.has(key);
}
