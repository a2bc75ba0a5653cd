/** Rules between the keys of `train`, `optim` and `eval`, and between the engine, its devices and its precision. */
import type { Check } from './checked.js';
import { lossOf } from './effect.js';

export const checkBatches: Check = ({ values }, { refuse, warn }) => {
  const { devices, loss } = values;
  const { batch_size: batch, accumulate } = values.train;
  const difference = lossOf(values)?.inMicroBatches;
  if (batch === undefined || accumulate === undefined || accumulate === 1) return;
  if (batch % accumulate !== 0) {
    refuse(
      'train.accumulate',
      `train.accumulate ${accumulate} does not divide train.batch_size ${batch} into equal micro-batches`,
    );
  } else if (devices !== undefined && devices !== 1) {
    refuse(
      'train.accumulate',
      'train.accumulate is for one device; with several (devices), each takes its share of the batch',
    );
  } else if (difference !== undefined) {
    warn('train.accumulate', `train.accumulate with loss ${loss.name}: ${difference}`);
  }
};

export const checkOptimizer: Check = ({ values: { optim }, isChanged }, { warn }) => {
  const { name, learning_rate: rate } = optim;
  if (name === 'adamw' && !isChanged('optim.weight_decay'))
    warn('optim.weight_decay', 'optim.weight_decay is 0.0005, for sgd; for adamw set optim.weight_decay=0.01');
  if (name === 'adamw' && rate !== undefined && rate >= 0.01)
    warn('optim.learning_rate', `optim.learning_rate is ${rate}, for sgd; for adamw set one near 0.001`);
};

export const checkBatchNorm: Check = ({ values: { model, train, devices } }, { refuse }) => {
  const parts = model.batch_norm_parts;
  const { batch_size: batch, accumulate } = train;
  if (parts === undefined || parts === 1 || batch === undefined || accumulate === undefined) return;
  const rows = batch / accumulate;
  if (rows % parts !== 0) {
    refuse(
      'model.batch_norm_parts',
      `model.batch_norm_parts ${parts} does not divide a batch of ${rows} into equal parts`,
    );
  } else if (devices !== undefined && parts % devices !== 0) {
    refuse(
      'model.batch_norm_parts',
      `model.batch_norm_parts ${parts} is no multiple of devices ${devices}: parts of a batch lie on one device each`,
    );
  }
};

export const checkSchedule: Check = ({ values: { train, optim }, isOwn }, { refuse, warn }) => {
  const { epochs, checkpoint_every: saveEvery } = train;
  const { warmup_epochs: warmup, warmup_learning_rate: start, learning_rate: peak } = optim;
  if (epochs === undefined || epochs === 0) return;
  if (typeof warmup === 'number' && warmup > 1 && warmup >= epochs) {
    refuse(
      'optim.warmup_epochs',
      `optim.warmup_epochs is ${warmup}, but train.epochs is ${epochs}; give at most ${epochs - 1}`,
      `optim.warmup_epochs=${epochs - 1}`,
    );
  }
  const warmsUp = typeof warmup !== 'number' || warmup > 1;
  if (warmsUp && typeof start === 'number' && peak !== undefined && start > peak) {
    warn(
      'optim.warmup_learning_rate',
      `optim.warmup_learning_rate ${start} is above optim.learning_rate ${peak}: ` +
        'the learning rate falls during the warm-up',
    );
  }
  if (typeof saveEvery === 'number' && saveEvery > epochs && isOwn('train.checkpoint_every')) {
    warn(
      'train.checkpoint_every',
      `train.checkpoint_every ${saveEvery} is above train.epochs ${epochs}: ` +
        'a run that is killed starts from the beginning',
    );
  }
};

export const checkEvaluation: Check = ({ values, isOwn }, { warn }) => {
  const { every, every_epoch_from: from, tau } = values.eval;
  const { epochs } = values.train;
  const isLate = every !== undefined && epochs !== undefined && epochs > 0 && every > epochs;
  if (from === 1 && isLate && isOwn('eval.every')) {
    warn('eval.every', `eval.every ${every} is above train.epochs ${epochs}: only the last epoch is evaluated`);
  }
  if (tau === 0) warn('eval.tau', 'eval.tau is 0: the re-balanced columns equal the plain ones');
};

export const checkEngine: Check = ({ values }, { refuse, warn }) => {
  const { engine, device, devices, precision } = values;
  if (device?.startsWith('cuda') && engine === 'tensorflow') {
    refuse('device', `device is ${device}, but engine tensorflow computes on the CPU; GPUs need engine xla (or auto)`);
  }
  if (engine === 'eager' && device !== undefined && device !== 'auto') {
    refuse('device', `device is ${device}, but engine eager chooses its device itself; leave the key out`);
  }
  if (engine === 'eager' && precision === 'bf16') {
    refuse(
      'precision',
      'precision is bf16, but the eager engine computes in fp32; set it to fp32 or auto',
      'precision=auto',
    );
  }
  if (engine === 'tensorflow' || engine === 'eager') {
    if (precision === 'tf32') refuse('precision', `precision is tf32, but only engine xla has it, not ${engine}`);
    if (devices !== undefined && devices !== 1)
      refuse('devices', `devices is ${devices}, but engine ${engine} uses one; several need engine xla`);
  }
  if (devices === undefined || devices === 1) return;
  for (const [key, size, report, consequence] of [
    ['train.batch_size', values.train.batch_size, refuse, 'each device takes an equal part of a batch'],
    [
      'eval.batch_size',
      values.eval.batch_size,
      warn,
      'each device evaluates whole batches, which takes as long as one device',
    ],
  ] as const) {
    if (size !== undefined && size % devices !== 0) {
      report(key, `${key} is ${size}, which ${devices} devices (key devices) do not divide: ${consequence}`);
    }
  }
};
