/** Rules between keys, which a schema of single keys cannot say: contradictions are problems, options without effect are warnings. */
import { resolve, sep } from 'node:path';
import { checkImageSet } from './imageSetChecks.js';
import { configsFolder } from './locate.js';
import type { Origin } from './located.js';
import type { Problem } from './problem.js';

const oneSize: readonly string[] = ['cifar100', 'cifar10', 'fashion_mnist_lt'];
const needColour: readonly unknown[] = ['autoaugment_cifar10', 'color_jitter', 'rand_augment'];
const cutFromFiles: readonly unknown[] = ['reflect_pad', 'random_resized_crop'];

export interface Reader {
  /** The value of a dotted key or its default; undefined when the key has a problem of its own. */
  readonly read: (key: string) => unknown;
  /** Where the key's value was written; undefined when it is a default. */
  readonly origin: (key: string) => Origin | undefined;
  /** True where another value than the default was written; a resolved config has every default written. */
  readonly isChanged: (key: string) => boolean;
  /** True for a stage that starts from another. */
  readonly hasFirstStage: boolean;
}

export type Report = (key: string, message: string) => void;

/** The images of the largest class before the subset is drawn; with a larger imbalance factor the last class has none. */
const imagesPerClass: Readonly<Record<string, number>> = { cifar100: 500, cifar10: 5000 };

/** Problems and warnings (`position: sentence`) of a config whose keys are read by `reader`. */
export function checkAcrossKeys(reader: Reader): { problems: Problem[]; warnings: string[] } {
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const whereOf = (key: string) => reader.origin(key) ?? `default of ${key}`;
  const refuse: Report = (key, message) => problems.push({ where: whereOf(key), message });
  const warn: Report = (key, message) => warnings.push(`${whereOf(key)}: ${message}`);
  checkData(reader, refuse, warn);
  checkModel(reader, refuse, warn);
  checkUntrained(reader, refuse);
  checkImageSet(reader, refuse, warn);
  checkLoss(reader, warn);
  checkFrozen(reader, refuse);
  checkBatches(reader, refuse, warn);
  checkBatchNorm(reader, refuse);
  checkSchedule(reader, refuse, warn);
  checkEvaluation(reader, warn);
  checkEngine(reader, refuse, warn);
  return { problems, warnings };
}

function checkData({ read, isChanged }: Reader, refuse: Report, warn: Report): void {
  const dataset = read('data.dataset');
  const factor = read('data.imbalance_factor');
  const augment = read('data.augment');
  if (dataset === 'fashion_mnist_lt' && typeof factor === 'number' && factor !== 1) {
    refuse(
      'data.imbalance_factor',
      `data.imbalance_factor is ${factor}, but fashion_mnist_lt is long-tailed already (500 → 5 images a class, factor 100) and is used whole; leave the key out`,
    );
  }
  const largest = typeof dataset === 'string' ? imagesPerClass[dataset] : undefined;
  if (largest !== undefined && typeof factor === 'number' && factor > largest) {
    refuse(
      'data.imbalance_factor',
      `data.imbalance_factor ${factor} leaves the last class of ${dataset} without an image; it can be at most ${largest}`,
    );
  }
  if (factor === 1 && isChanged('data.subset_seed')) {
    warn('data.subset_seed', 'data.subset_seed has no effect: data.imbalance_factor is 1, every image is kept');
  }
  if (!Array.isArray(augment)) return;
  const coloured = augment.find(name => needColour.includes(name));
  if (dataset === 'fashion_mnist_lt' && coloured !== undefined) {
    refuse(
      'data.augment',
      `data.augment has ${coloured}, whose operations need colour, but the images of fashion_mnist_lt are gray`,
    );
  }
  checkCropping(augment, String(dataset), refuse);
  const repeated = augment.find((name, index) => augment.indexOf(name) !== index);
  if (repeated !== undefined) refuse('data.augment', `data.augment lists ${repeated} twice`);
}

/** Images of any size are cut to the network's size first of all. */
function checkCropping(augment: readonly unknown[], dataset: string, refuse: Report): void {
  const cuts = augment.filter(name => cutFromFiles.includes(name));
  if (cuts.length === 0) return;
  if (oneSize.includes(dataset)) {
    refuse(
      'data.augment',
      `data.augment has ${cuts[0]}, which cuts image files of any size; the images of ${dataset} have one size`,
    );
  } else if (cuts.at(-1) !== 'random_resized_crop' || cuts.some((name, i) => augment[i] !== name)) {
    refuse(
      'data.augment',
      `data.augment has ${cuts.join(' and ')}, but must begin with random_resized_crop, or with reflect_pad and then random_resized_crop`,
    );
  }
}

function checkModel({ read, origin, isChanged }: Reader, refuse: Report, warn: Report): void {
  const head = read('model.head');
  const isCosine = head === 'cosine';
  if (!isCosine && isChanged('model.scale')) warn('model.scale', `model.scale has no effect: model.head is ${head}`);
  if (!isCosine && read('loss.name') === 'ldam') {
    const message = 'loss.name is ldam, whose margins are measured in cosines; set model.head to cosine';
    refuse(origin('model.head') === undefined ? 'loss.name' : 'model.head', message);
  }
  if (head !== 'tau_normalized' && isChanged('model.tau'))
    warn('model.tau', `model.tau has no effect: model.head is ${head}`);
  if (isChanged('model.weights_part') && read('model.weights') === undefined)
    warn('model.weights_part', 'model.weights_part has no effect: model.weights names no file');
}

/** Without epochs there must be something to evaluate: a τ-normalised classifier, or the weights of a file. */
function checkUntrained({ read, hasFirstStage }: Reader, refuse: Report): void {
  const isTauNormalized = read('model.head') === 'tau_normalized';
  const epochs = read('train.epochs');
  if (!isTauNormalized) {
    if (epochs !== 0) return;
    if (hasFirstStage || read('model.weights') === undefined)
      refuse('train.epochs', 'train.epochs is 0, but model.head is to be trained; give at least 1');
    else refuseChoice(read, refuse);
    return;
  }
  if (!hasFirstStage)
    refuse('model.head', 'model.head tau_normalized is made of a trained classifier; give a first stage (stages)');
  if (typeof epochs === 'number' && epochs > 0)
    refuse('train.epochs', 'train.epochs must be 0 with model.head tau_normalized, which trains nothing');
  refuseChoice(read, refuse);
}

function refuseChoice(read: Reader['read'], refuse: Report): void {
  if (read('eval.select_on') === 'last') return;
  refuse('eval.select_on', 'eval.select_on must be last where train.epochs is 0: there are no epochs to choose from');
}

function checkLoss({ read, origin }: Reader, warn: Report): void {
  const written = origin('loss.lambda2');
  // The configs of the package state the published λ2 for the record and explain this in their comments.
  if (written === undefined || isInPackage(written)) return;
  if (read('loss.name') === 'gala' && read('loss.variant') === 'released') {
    warn(
      'loss.lambda2',
      'loss.lambda2 has no effect on the gradient: in the variant released it shifts all logits of a row by one number; see docs/method.md',
    );
  }
}

function isInPackage(origin: Origin): boolean {
  return !origin.startsWith('--') && resolve(origin).startsWith(configsFolder + sep);
}

function checkFrozen({ read, hasFirstStage }: Reader, refuse: Report): void {
  if (read('freeze.backbone') === true) {
    if (hasFirstStage || read('model.weights') !== undefined) return;
    refuse(
      'freeze.backbone',
      'freeze.backbone is true, but the backbone has no weights to keep: it would stay as it was drawn; give a first stage (stages) or a file (model.weights)',
    );
  } else if (read('freeze.batch_stats') === true) {
    refuse('freeze.batch_stats', 'freeze.batch_stats wants a frozen backbone; set freeze.backbone to true');
  }
}

function checkBatches({ read }: Reader, refuse: Report, warn: Report): void {
  const [batch, accumulate] = [read('train.batch_size'), read('train.accumulate')];
  if (typeof batch !== 'number' || typeof accumulate !== 'number' || accumulate === 1) return;
  if (batch % accumulate !== 0) {
    refuse(
      'train.accumulate',
      `train.accumulate ${accumulate} does not divide train.batch_size ${batch} into equal micro-batches`,
    );
  } else if (read('devices') !== 1) {
    refuse(
      'train.accumulate',
      'train.accumulate is for one device; with several (devices), each takes its share of the batch',
    );
  } else if (read('loss.name') === 'ldam') {
    warn(
      'train.accumulate',
      'train.accumulate with loss ldam: the weighted mean of DRW is taken over each micro-batch, not over the batch',
    );
  }
}

function checkBatchNorm({ read }: Reader, refuse: Report): void {
  const [parts, batch, accumulate] = [
    read('model.batch_norm_parts'),
    read('train.batch_size'),
    read('train.accumulate'),
  ];
  const devices = read('devices');
  if (typeof parts !== 'number' || parts === 1 || typeof batch !== 'number' || typeof accumulate !== 'number') return;
  const rows = batch / accumulate;
  if (rows % parts !== 0) {
    refuse(
      'model.batch_norm_parts',
      `model.batch_norm_parts ${parts} does not divide a batch of ${rows} into equal parts`,
    );
  } else if (typeof devices === 'number' && parts % devices !== 0) {
    refuse(
      'model.batch_norm_parts',
      `model.batch_norm_parts ${parts} is no multiple of devices ${devices}: parts of a batch lie on one device each`,
    );
  }
}

function checkSchedule({ read }: Reader, refuse: Report, warn: Report): void {
  const epochs = read('train.epochs');
  const warmup = read('optim.warmup_epochs');
  const [start, peak] = [read('optim.warmup_learning_rate'), read('optim.learning_rate')];
  const saveEvery = read('train.checkpoint_every');
  if (typeof epochs !== 'number' || epochs === 0) return;
  if (typeof warmup === 'number' && warmup > 1 && warmup >= epochs) {
    refuse(
      'optim.warmup_epochs',
      `optim.warmup_epochs is ${warmup}, but there are only ${epochs} epochs (train.epochs); it must be less`,
    );
  }
  if (warmup === 'auto' && epochs <= 2) {
    warn(
      'train.epochs',
      `train.epochs is ${epochs}: the warm-up takes at least 2 epochs, the learning rate never decays`,
    );
  }
  const warmsUp = typeof warmup !== 'number' || warmup > 1;
  if (warmsUp && typeof start === 'number' && typeof peak === 'number' && start > peak) {
    warn(
      'optim.warmup_learning_rate',
      `optim.warmup_learning_rate ${start} is above optim.learning_rate ${peak}: the learning rate falls during the warm-up`,
    );
  }
  if (typeof saveEvery === 'number' && saveEvery > epochs) {
    warn(
      'train.checkpoint_every',
      `train.checkpoint_every ${saveEvery} is above train.epochs ${epochs}: a run that is killed starts from the beginning`,
    );
  }
}

function checkEvaluation({ read, isChanged }: Reader, warn: Report): void {
  const [every, from, epochs] = [read('eval.every'), read('eval.every_epoch_from'), read('train.epochs')];
  if (every === 1 && isChanged('eval.every_epoch_from')) {
    warn('eval.every_epoch_from', 'eval.every_epoch_from has no effect: eval.every is 1');
  }
  if (from === 0 && typeof every === 'number' && every > 1) {
    warn('eval.every', 'eval.every has no effect: eval.every_epoch_from is 0, every epoch is evaluated');
  }
  if (from === 1 && typeof every === 'number' && typeof epochs === 'number' && epochs > 0 && every > epochs) {
    warn('eval.every', `eval.every ${every} is above train.epochs ${epochs}: only the last epoch is evaluated`);
  }
  if (isChanged('eval.val_fraction') && read('eval.select_on') !== 'val') {
    warn('eval.val_fraction', `eval.val_fraction has no effect: eval.select_on is ${read('eval.select_on')}`);
  }
  if (read('eval.tau') === 0) {
    warn('eval.tau', 'eval.tau is 0: the re-balanced columns equal the plain ones');
  }
}

function checkEngine({ read }: Reader, refuse: Report, warn: Report): void {
  const [engine, device] = [read('engine'), read('device')];
  const wantsGpu = typeof device === 'string' && device.startsWith('cuda');
  if (wantsGpu && engine === 'tensorflow') {
    refuse('device', `device is ${device}, but engine tensorflow computes on the CPU; GPUs need engine xla (or auto)`);
  }
  if (engine === 'eager' && device !== 'auto') {
    refuse('device', `device is ${device}, but engine eager chooses its device itself; leave the key out`);
  }
  if (engine === 'eager' && read('precision') === 'bf16') {
    refuse('precision', 'precision is bf16, but the eager engine computes in fp32; set it to fp32 or auto');
  }
  const [devices, precision] = [read('devices'), read('precision')];
  if (engine === 'tensorflow' || engine === 'eager') {
    if (precision === 'tf32') refuse('precision', `precision is tf32, but only engine xla has it, not ${engine}`);
    if (devices !== 1)
      refuse('devices', `devices is ${devices}, but engine ${engine} uses one; several need engine xla`);
  }
  if (typeof devices !== 'number' || devices === 1) return;
  for (const [key, report, consequence] of [
    ['train.batch_size', refuse, 'each device takes an equal part of a batch'],
    ['eval.batch_size', warn, 'each device evaluates whole batches, which takes as long as one device'],
  ] as const) {
    const size = read(key);
    if (typeof size === 'number' && size % devices !== 0) {
      report(key, `${key} is ${size}, which ${devices} devices (key devices) do not divide: ${consequence}`);
    }
  }
}
