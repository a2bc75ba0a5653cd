/**
 * The experiment config: the single source of truth for its keys, types, ranges and defaults, and for the editor's JSON
 * Schema (`gala config schema`). Keys are snake_case as written in YAML. Every key carries a description: the page
 * docs/configs.md and the editor's hints are made of them.
 */
import { z } from 'zod';
import { imageDatasets } from './imageSets.js';

const fraction = z.number().min(0).max(1);
const wholeNumber = z.number().int().min(0);
const positiveInteger = z.number().int().min(1);

const augmentation = z.enum([
  'random_crop',
  'horizontal_flip',
  'autoaugment_cifar10',
  'cutout',
  'reflect_pad',
  'random_resized_crop',
  'color_jitter',
  'rand_augment',
]);

const listPath = z.string().min(1).optional();

const data = z
  .strictObject({
    dataset: z
      .enum(['cifar100', 'cifar10', 'fashion_mnist_lt', ...imageDatasets])
      .describe('Which dataset to read; see docs/datasets.md.'),
    root: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Folder of the dataset files, relative to the working folder; `--data` and the environment variable GALA_DATA override it. The bundled set needs none.',
      ),
    train_list: listPath.describe(
      '(image sets) List of the training images, `path label` a line; the published one when left out.',
    ),
    val_list: listPath.describe(
      '(image sets) List of the validation images, for select_on: val; without one a part of each class is held out.',
    ),
    test_list: listPath.describe('(image sets) List of the test images.'),
    image_size: positiveInteger
      .max(4096)
      .optional()
      .describe('(image sets) Height and width in pixels of the network’s input; 224 when left out.'),
    short_side: positiveInteger
      .max(4096)
      .optional()
      .describe(
        '(image sets) Shorter side in pixels before the central crop of evaluation; image_size · 256/224 when left out.',
      ),
    verify: z
      .enum(['deep', 'fast'])
      .optional()
      .describe(
        '(image sets) What is checked before the first step: deep (when left out) = every image decodes, remembered until it changes; fast = every file is there.',
      ),
    on_bad_image: z
      .enum(['fail', 'skip'])
      .optional()
      .describe(
        '(image sets) skip leaves training images out that do not decode, counts and names them; fail (when left out) stops. In evaluation it always stops.',
      ),
    imbalance_factor: z
      .number()
      .min(1)
      .default(1)
      .describe(
        'Largest over smallest class of the long-tailed training subset (exponential profile); 1 keeps every image.',
      ),
    subset_seed: wholeNumber
      .default(0)
      .describe('Seed that draws the long-tailed subset; its index hash is recorded with the run.'),
    augment: z.array(augmentation).default([]).describe('Training augmentations on uint8 images, in this order.'),
    sampler: z
      .enum(['shuffled', 'class_aware', 'class_balanced'])
      .default('shuffled')
      .describe(
        'Which images an epoch visits, always as many as the set has: shuffled = each once; class_aware = shuffled rounds over the classes, 4 images of each; class_balanced = a random image of a random class.',
      ),
    workers: wholeNumber
      .max(64)
      .default(1)
      .describe('Worker threads that prepare batches; the numbers do not depend on it. 0 = in the main thread.'),
  })
  .describe('Which images are trained on.');

const model = z
  .strictObject({
    backbone: z
      .enum(['resnet20', 'resnet32', 'resnet44', 'resnet56', 'resnet10', 'resnet50', 'resnet152', 'resnext50_32x4d'])
      .describe(
        'resnet20 to resnet56: CIFAR ResNet (option-A shortcuts); resnet10, resnet50, resnet152, resnext50_32x4d: as torchvision builds them, for large images.',
      ),
    head: z
      .enum(['linear', 'cosine', 'tau_normalized'])
      .default('linear')
      .describe(
        'Classifier on the pooled feature; cosine (weights and features of length 1, no bias) is what LDAM wants; tau_normalized = the first stage’s, its rows divided by their length to the power `tau`, without training.',
      ),
    scale: z.number().gt(0).max(1000).default(30).describe('Logits per cosine of the cosine head.'),
    tau: z
      .number()
      .min(0)
      .max(2)
      .default(1)
      .describe('τ of the tau_normalized head; 0 = the weight as it was trained.'),
    weights: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Weights file to begin with, relative to the working folder: PyTorch’s .pth, .safetensors, a checkpoint of gala; see docs/weights.md.',
      ),
    weights_part: z
      .enum(['all', 'backbone', 'matching'])
      .default('all')
      .describe(
        'What the file must fill: all of the network, its backbone (a new classifier is drawn), or whatever has the same name and shape.',
      ),
  })
  .describe('The network.');

const crossEntropy = z
  .strictObject({ name: z.literal('cross_entropy').describe('Which loss.') })
  .describe('Mean softmax cross-entropy.');
const gala = z
  .strictObject({
    name: z.literal('gala').describe('Which loss.'),
    lambda1: z.number().min(0).max(10).default(1).describe('λ1: weight of log(θ + ε), the positive-gradient margin.'),
    lambda2: z
      .number()
      .min(0)
      .max(10)
      .default(1)
      .describe('λ2: weight of log(φ + ε), the negative-gradient margin of the sample’s class.'),
    variant: z
      .enum(['released', 'paper', 'normalized'])
      .default('released')
      .describe('Which formula of the margins; see docs/method.md.'),
    accumulation: z
      .enum(['released', 'plain'])
      .default('released')
      .describe('How θ and φ add up over steps; see docs/method.md.'),
  })
  .describe('Gradient-aware logit adjustment.');
const labelSmoothing = z
  .strictObject({
    name: z.literal('label_smoothing').describe('Which loss.'),
    epsilon: z.number().min(0).lt(1).default(0.1).describe('ε: share of the target spread over all classes.'),
  })
  .describe('Cross-entropy with smoothed labels.');
const gamma = z.number().min(0).max(10);
const focal = z
  .strictObject({
    name: z.literal('focal').describe('Which loss.'),
    gamma: gamma.default(2).describe('γ: exponent of (1 − p) of the sample’s class.'),
  })
  .describe('Focal loss of the softmax.');
const classBalanced = z
  .strictObject({
    name: z.literal('class_balanced').describe('Which loss.'),
    beta: z.number().min(0).lt(1).default(0.9999).describe('β of the effective number (1 − β^n) / (1 − β).'),
    gamma: gamma.default(0).describe('γ of the focal factor; 0 = plain cross-entropy.'),
    reweight_from: fraction
      .default(0)
      .describe('Fraction of training after which the weights apply (DRW); 1 all before. 0 = from the start.'),
  })
  .describe('Cross-entropy or focal loss weighted by the effective number of samples.');
const ldam = z
  .strictObject({
    name: z.literal('ldam').describe('Which loss.'),
    max_margin: z.number().min(0).max(2).default(0.5).describe('Margin of the rarest class, in cosines.'),
    beta: z.number().min(0).lt(1).default(0.9999).describe('β of the effective number, for the weights of DRW.'),
    reweight_from: fraction
      .default(0.8)
      .describe('Fraction of training after which classes are re-weighted (DRW); 0 = from the start, 1 = never.'),
  })
  .describe('Label-distribution-aware margins on cosine logits, with deferred re-weighting.');
const balancedSoftmax = z
  .strictObject({ name: z.literal('balanced_softmax').describe('Which loss.') })
  .describe('Cross-entropy of the logits + log n.');
const logitAdjustment = z
  .strictObject({
    name: z.literal('logit_adjustment').describe('Which loss.'),
    tau: z.number().min(0).max(10).default(1).describe('τ: weight of the log prior added to the logits in training.'),
  })
  .describe('Cross-entropy of the logits + τ · log prior.');
const loss = z
  .discriminatedUnion('name', [
    crossEntropy,
    labelSmoothing,
    focal,
    classBalanced,
    ldam,
    balancedSoftmax,
    logitAdjustment,
    gala,
  ])
  .describe('The training loss.');

const optim = z
  .strictObject({
    name: z.literal('sgd').default('sgd').describe('Which optimizer.'),
    learning_rate: z.number().min(0).max(1e6).describe('Peak learning rate, reached at the end of the warm-up.'),
    warmup_learning_rate: z.number().min(0).max(1e6).describe('Learning rate of the first epoch.'),
    warmup_epochs: z
      .union([z.literal('auto'), wholeNumber])
      .default('auto')
      .describe(
        'Linear warm-up, then cosine to 0. auto = max(2, ceil(200 / steps per epoch)); 0 or 1 = none, cosine from the first epoch on.',
      ),
    reference_batch_size: positiveInteger
      .max(65_536)
      .optional()
      .describe(
        'Batch size that the learning rates are meant for: both are multiplied by train.batch_size / this. Left out, they are taken as they are.',
      ),
    momentum: z.number().min(0).lt(1).default(0.9).describe('Momentum (PyTorch form).'),
    weight_decay: z
      .number()
      .min(0)
      .max(1)
      .default(5e-4)
      .describe('L2, added to the gradient of every parameter (as PyTorch does).'),
  })
  .describe('The optimizer and its schedule.');

const train = z
  .strictObject({
    epochs: wholeNumber
      .max(100_000)
      .describe(
        'Passes over the training subset; 0 for a stage that trains nothing: τ-normalisation, or weights of a file as they are.',
      ),
    batch_size: positiveInteger
      .max(65_536)
      .default(64)
      .describe('Images per step; the last partial batch of an epoch is dropped.'),
    accumulate: positiveInteger
      .max(65_536)
      .default(1)
      .describe(
        'Micro-batches that a step is made of, for batches that do not fit into the memory; it divides batch_size. See docs/engines.md.',
      ),
    mixup_alpha: z
      .number()
      .min(0)
      .max(100)
      .default(0)
      .describe('α of mixup: images and losses are blended by λ ~ Beta(α, α), one λ a step; 0 = no mixup.'),
    steps_per_call: z
      .union([z.literal('auto'), positiveInteger.max(1_000_000)])
      .default('auto')
      .describe(
        'Steps that the engine does in one call, at most an epoch; signals act between calls. auto = 1 on a CPU, on a GPU an epoch or equal parts of it.',
      ),
    checkpoint_every: z
      .union([z.literal('auto'), positiveInteger.max(100_000)])
      .default('auto')
      .describe(
        'Epochs between writes of the `last` checkpoint; the last epoch always writes it. auto = 1, on a GPU after the first epoch that ends 10 s or more after the last write.',
      ),
  })
  .describe('Length of the training.');

const freeze = z
  .strictObject({
    backbone: z
      .boolean()
      .default(false)
      .describe('Train the classifier alone, anew; the backbone keeps the weights it is given.'),
    batch_stats: z
      .boolean()
      .default(false)
      .describe(
        'With a frozen backbone: normalise by its running statistics, which then stay as they are; false = by those of the batch, which update them.',
      ),
  })
  .describe('What is not trained.');

const stage = z.record(z.string(), z.unknown());
const stages = z
  .strictObject({
    representation: stage
      .optional()
      .describe('Keys that are different in the first stage; its `name` says where its runs are kept and looked for.'),
    classifier: stage
      .optional()
      .describe(
        'Keys that are different in the second stage, which starts from the last epoch of the first and is what the experiment reports.',
      ),
  })
  .describe('Two stages of training; see “Two stages”.');

const evaluation = z
  .strictObject({
    batch_size: positiveInteger.max(65_536).default(500).describe('Images per forward pass of an evaluation.'),
    every: positiveInteger
      .max(100_000)
      .default(1)
      .describe('Epochs between evaluations, until `every_epoch_from`; the last epoch is always evaluated.'),
    every_epoch_from: fraction.default(1).describe('Fraction of training after which every epoch is evaluated.'),
    val_fraction: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.1)
      .describe('Share of each class’s training images held out as `val`; used only with select_on: val.'),
    select_on: z
      .enum(['test', 'val', 'last'])
      .default('test')
      .describe(
        'Split whose plain top-1 chooses the `best` checkpoint (last = no choice, the last epoch); named in every table.',
      ),
    tau: z.number().min(0).max(10).default(1).describe('τ of prediction re-balancing in tables.'),
  })
  .describe('When and on what the model is evaluated.');

// Slash-separated parts that start with a letter, digit or underscore: the name becomes a folder below runs/.
const experimentName = z
  .string()
  .regex(/^\w[\w.-]*(\/\w[\w.-]*)*$/, 'letters, digits, "_", "-" and "." in parts separated by "/"');

export const configSchema = z
  .strictObject({
    name: experimentName
      .optional()
      .describe('Name of the experiment, not inherited by `extends`; the config’s path below configs/ when left out.'),
    seed: wholeNumber.default(0).describe('Seed of initial weights, sampling order and augmentation.'),
    data,
    model,
    loss,
    optim,
    train,
    freeze: freeze.prefault({}),
    eval: evaluation.prefault({}),
    engine: z
      .enum(['auto', 'tensorflow', 'xla', 'eager'])
      .default('auto')
      .describe('Compute engine; see docs/engines.md.'),
    device: z
      .string()
      .regex(/^(auto|cpu|cuda(:\d{1,3})?)$/, 'auto, cpu, cuda, or cuda:N for the N-th GPU (from 0)')
      .default('auto')
      .describe(
        'auto, cpu, cuda or cuda:N (the N-th GPU, from 0). auto = a GPU where one answers and its plugin is installed.',
      ),
    devices: positiveInteger
      .max(64)
      .default(1)
      .describe(
        'Devices that share each batch (engine xla): GPUs of this machine, from `device` on. Batch statistics are those of the whole batch.',
      ),
    precision: z
      .enum(['auto', 'fp32', 'tf32', 'bf16'])
      .default('auto')
      .describe(
        'tf32: engine xla on a GPU. auto = bf16 where the device has it (CPU: avx512_bf16 or amx; GPU: Ampere or newer), else fp32.',
      ),
    threads: z
      .union([z.literal('auto'), positiveInteger.max(1024)])
      .default('auto')
      .describe('Compute threads; results are bit-exact for one count.'),
    stages: stages.optional(),
  })
  .describe('A gala experiment.');

/** A validated config of one training with every default filled in. */
export type StageConfig = Omit<z.output<typeof configSchema>, 'stages'> & { name: string };
/** An experiment: one training, or the second of two, which starts from the first. */
export type Config = StageConfig & { stages?: { representation: StageConfig } };
export type LossConfig = Config['loss'];
export type OptimConfig = Config['optim'];
export type Augmentation = z.output<typeof augmentation>;
