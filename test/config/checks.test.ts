import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { complaint, configFiles, smallest } from './files.js';

const refused: readonly [set: string[], where: string, message: RegExp][] = [
  [['optim.warmup_epochs=30'], 'optim.warmup_epochs=30', /optim\.warmup_epochs is 30, but train\.epochs is 30;/],
  [
    ['data.imbalance_factor=501'],
    'data.imbalance_factor=501',
    /leaves the last class of cifar100 without an image; it can be at most 500/,
  ],
  [['data.augment=[cutout, cutout]'], 'data.augment=[cutout, cutout]', /lists cutout twice/],
  [
    ['data.dataset=fashion_mnist_lt', 'data.imbalance_factor=100'],
    'data.imbalance_factor=100',
    /fashion_mnist_lt is long-tailed already/,
  ],
  [
    ['data.dataset=fashion_mnist_lt', 'data.augment=[autoaugment_cifar10]'],
    'data.augment=[autoaugment_cifar10]',
    /autoaugment_cifar10, whose operations need colour/,
  ],
  [
    ['data.augment=[random_resized_crop]'],
    'data.augment=[random_resized_crop]',
    /has random_resized_crop, which cuts image files of any size; the images of cifar100 have one size/,
  ],
  [['train.accumulate=7'], 'train.accumulate=7', /train\.accumulate 7 does not divide train\.batch_size 64/],
  [['train.accumulate=2', 'engine=xla', 'devices=2'], 'train.accumulate=2', /train\.accumulate is for one device/],
  [
    ['model.batch_norm_parts=3'],
    'model.batch_norm_parts=3',
    /model\.batch_norm_parts 3 does not divide a batch of 64 into equal parts/,
  ],
  [
    ['model.batch_norm_parts=2', 'engine=xla', 'devices=4'],
    'model.batch_norm_parts=2',
    /model\.batch_norm_parts 2 is no multiple of devices 4/,
  ],
  [['loss={name: ldam}'], 'loss={name: ldam}', /set model\.head to cosine$/],
  [['eval.groups.many=10'], 'eval.groups.many=10', /eval\.groups\.few is 20, above eval\.groups\.many 10/],
  [['data.split.val=0.1'], 'data.split.val=0.1', /data\.split is for image_folder and image_list/],
  [
    ['data={dataset: image_folder, split: {val: 0.5, test: 0.5}}'],
    'data={dataset: image_folder, split: {val: 0.5, test: 0.5}}',
    /data\.split takes 0\.5 \+ 0\.5 of each class away/,
  ],
  [['engine=eager', 'precision=bf16'], 'precision=bf16', /the eager engine computes in fp32/],
  [['loss={name: ldam}', 'model.head=linear'], 'model.head=linear', /set model\.head to cosine$/],
];

for (const [set, where, message] of refused) {
  test(`the contradiction of ${set.join(' and ')} is refused`, t => {
    const found = complaint(configFiles(t, { 'a.yaml': smallest })('a.yaml'), { set });
    assert.equal(found.where, where);
    assert.match(found.message, message);
  });
}

const warned: readonly [set: string[], warning: RegExp][] = [
  [['data.subset_seed=3'], /^data\.subset_seed=3: data\.subset_seed has no effect/],
  [['loss={name: gala, lambda2: 1}'], /^loss=\{.*: loss\.lambda2 has no effect on the gradient/],
  [['model.scale=10'], /model\.scale has no effect: model\.head is linear$/],
  [['optim.beta1=0.8'], /optim\.beta1 has no effect: optim\.name is sgd$/],
  [
    ['optim.name=adamw', 'optim.weight_decay=0.01', 'optim.learning_rate=0.001', 'optim.momentum=0.8'],
    /optim\.momentum has no effect: optim\.name is adamw$/,
  ],
  [
    ['optim.name=adamw', 'optim.learning_rate=0.001'],
    /optim\.weight_decay is 0\.0005, for sgd; for adamw set optim\.weight_decay=0\.01$/,
  ],
  [
    ['optim.name=adamw', 'optim.weight_decay=0.01'],
    /optim\.learning_rate is [\d.]+, for sgd; for adamw set one near 0\.001$/,
  ],
  [['model.weights_part=backbone'], /model\.weights_part has no effect: model\.weights names no file$/],
  [['optim.warmup_learning_rate=0.2'], /the learning rate falls during the warm-up$/],
  [['train.checkpoint_every=31'], /^train\.checkpoint_every=31: /],
  [['eval.every_epoch_from=0.5'], /eval\.every_epoch_from has no effect: eval\.every is 1$/],
  [['eval.every=2', 'eval.every_epoch_from=0'], /eval\.every has no effect: eval\.every_epoch_from is 0/],
  [['eval.every=31'], /only the last epoch is evaluated$/],
  [['eval.val_fraction=0.2'], /eval\.val_fraction has no effect: eval\.select_on is (last|test)$/],
  [['model.tau=0.5'], /model\.tau has no effect: model\.head is linear$/],
  [['eval.tau=0'], /the re-balanced columns equal the plain ones$/],
];

test('a value of the package that has no effect here, or comes too late, is no warning', () => {
  const set = ['train.epochs=2', 'optim.warmup_epochs=1'];
  assert.deepEqual(loadConfig('fashion_mnist_lt/gala', { set }).warnings, []);
});

test('a warning about the head names the head that is there', t => {
  const stages =
    'stages: {classifier: {model: {head: tau_normalized, scale: 10}, train: {epochs: 0}, eval: {select_on: last}}}\n';
  const { warnings } = loadConfig(configFiles(t, { 'a.yaml': smallest + stages })('a.yaml'));
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /model\.scale has no effect: model\.head is tau_normalized$/);
});

for (const [set, warning] of warned) {
  test(`one warning says that ${set.join(' and ')} is without effect or probably not meant`, t => {
    const { warnings } = loadConfig(configFiles(t, { 'a.yaml': smallest })('a.yaml'), { set });
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, warning);
  });
}

test('λ2 gives no warning where it matters', t => {
  const path = configFiles(t, { 'a.yaml': smallest })('a.yaml');
  for (const variant of ['paper', 'normalized']) {
    assert.deepEqual(loadConfig(path, { set: [`loss={name: gala, lambda2: 2, variant: ${variant}}`] }).warnings, []);
  }
});

test('a resolved config gives no warning that its file did not give', t => {
  const sets = [
    ['loss={name: cross_entropy}'],
    ['loss={name: gala, variant: paper}'],
    ['data.dataset=imagenet_lt', 'eval.select_on=val'],
  ];
  for (const set of sets) {
    const { yaml, warnings } = loadConfig(configFiles(t, { 'a.yaml': smallest })('a.yaml'), { set });
    assert.deepEqual(warnings, []);
    assert.deepEqual(
      loadConfig(configFiles(t, { 'resolved.yaml': yaml })('resolved.yaml')).warnings,
      [],
      set.join(' '),
    );
  }
});

test('allowed borders are not refused', t => {
  const path = configFiles(t, { 'a.yaml': smallest })('a.yaml');
  const set = ['optim.warmup_epochs=29', 'data.imbalance_factor=500', 'train.checkpoint_every=30', 'eval.every=30'];
  assert.deepEqual(loadConfig(path, { set }).warnings, []);
});

test('contradictions are reported beside problems of single keys, but not about keys that have one', t => {
  const path = configFiles(t, { 'a.yaml': smallest })('a.yaml');
  const both = complaint(path, { set: ['optim.warmup_epochs=40', 'eval.tau=-1'] });
  assert.match(both.message, /^The config has 2 problems:\n/);
  const one = complaint(path, { set: ['optim.warmup_epochs=40', 'train.epochs=-1'] });
  assert.match(one.message, /^train\.epochs must be a whole number/);
  for (const set of [
    ['engine=tensorflow', 'devices=0'],
    ['engine=eager', 'device=gpu'],
    ['train.accumulate=2', 'devices=0'],
    ['loss={name: ldam}', 'model.head=cosines'],
    ['train.epochs=0', 'model.weights=a.pth', 'eval.select_on=never'],
  ]) {
    const key = set.at(-1)!.split('=')[0]!;
    assert.match(complaint(path, { set }).message, new RegExp(`^${key} must be `), set.join(' '));
  }
});
