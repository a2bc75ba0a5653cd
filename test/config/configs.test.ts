import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { configHash } from '../../src/config/identity.js';
import { schemaAt } from '../../src/config/keys.js';
import { loadConfig } from '../../src/config/load.js';
import { listConfigs } from '../../src/config/locate.js';

const configs = listConfigs();
/** LDAM is run with deferred re-weighting, and its configs say so. */
const nameOf = (loss: string) => (loss === 'ldam' ? 'ldam_drw' : loss);
/** What the configs of two stages train the classifier with. */
const secondStages: Readonly<Record<string, string>> = {
  two_stage: 'gala',
  crt: 'cross_entropy',
  tau_norm: 'cross_entropy',
};
/** The losses of the configs that are named after something else. */
const lossOf: Readonly<Record<string, string>> = { ...secondStages, mixup: 'cross_entropy', distilled: 'gala' };
const losses = schemaAt(['loss', 'name']).flatMap(node => node.const ?? []);

test('the package has a config for every row: every loss, every imbalance factor, the variants', () => {
  const names = configs.map(({ name }) => name);
  const onCifar10 = new Set(names.flatMap(name => /^cifar10_lt\/(.*)_if\d+$/.exec(name)?.[1] ?? []));
  for (const factor of [200, 100, 50, 10]) {
    for (const loss of losses) assert.ok(names.includes(`cifar100_lt/${nameOf(loss)}_if${factor}`), loss);
    for (const word of onCifar10) assert.ok(names.includes(`cifar10_lt/${word}_if${factor}`), word);
  }
  for (const name of ['cifar100_lt/gala_paper_if100', 'cifar100_lt/gala_normalized_if100'])
    assert.ok(names.includes(name));
  for (const name of ['fashion_mnist_lt/gala', 'fashion_mnist_lt/cross_entropy']) assert.ok(names.includes(name));
});

for (const { name, path, summary } of configs) {
  test(`${name} loads without a warning and says what its name says`, () => {
    const { config, warnings } = loadConfig(name);
    assert.deepEqual(warnings, []);
    assert.equal(config.name, name);
    if (/_resnet\d+$/.test(name)) return; // the large sets, below
    const [, dataset, word, variant, factor] = /^(\w+)\/([a-z_]+?)(?:_(paper|normalized))?(?:_if(\d+))?$/.exec(name)!;
    assert.equal(config.data.dataset, dataset === 'fashion_mnist_lt' ? dataset : dataset!.replace('_lt', ''));
    assert.equal(nameOf(config.loss.name), lossOf[word!] ?? word);
    assert.equal(config.distill.teacher !== undefined, word === 'distilled');
    assert.equal(config.stages !== undefined, word === 'distilled' || word! in secondStages);
    const first = config.stages?.representation ?? config;
    assert.equal(first.train.mixup_alpha > 0, word === 'mixup' || word! in secondStages);
    if (factor !== undefined) assert.equal(config.data.imbalance_factor, Number(factor));
    if (config.loss.name === 'gala') assert.equal(config.loss.variant, variant ?? 'released');
  });

  test(`${name} opens with its row, expected value, cost and command`, () => {
    const head = readFileSync(path, 'utf8').split('\n\n')[0]!;
    const factor = /_if(\d+)$/.exec(name)?.[1];
    const isOfFactors = factor !== undefined && basename(path) === `${basename(name).replace(/\d+$/, 'N')}.yaml`;
    if (isOfFactors) {
      const [title, expected] = summary.split(/: (.*)/);
      assert.ok(head.startsWith(`# ${title!.replace(/factor \d+,/, 'factor N,')}\n`));
      const line =
        expected === undefined ? `(?:\\d+, )*${factor}(?:, \\d+)*` : `${factor}: ${expected.replaceAll('.', '\\.')}`;
      assert.match(head, new RegExp(`\n# N = ${line}\n`));
    } else assert.ok(head.startsWith(`# ${summary}\n`));
    assert.match(head, /^# Table row(: | \(N = )/m);
    const flat = head.replaceAll(/\n# */g, ' ');
    assert.match(flat, /% top-1|Expected values|[Nn]o value [^.]* published|Table row: none/);
    assert.match(head, /^# Cost: about|^# Cost: under/m);
    assert.ok(head.includes(`gala train --config ${isOfFactors ? name.replace(/\d+$/, 'N') : name}`));
    assert.match(head, /^# yaml-language-server: \$schema=\.\.\/schema\.json$/m);
  });
}

for (const [name, epochs, batch, rate, decay, tau, first] of [
  ['imagenet_lt/gala_resnet50', 10, 512, 0.12, 5e-4, 1.7, 'imagenet_lt/mixup_resnet50'],
  ['inaturalist2018/gala_resnet50', 30, 512, 0.2, 1e-4, 1.5, 'inaturalist2018/mixup_resnet50'],
  ['places_lt/gala_resnet152', 10, 256, 0.02, 5e-4, 1.4, 'places_lt/mixup_resnet152'],
] as const) {
  test(`${name} is the released second stage after mixup`, () => {
    const { config } = loadConfig(name);
    const { data, loss, optim, train, freeze, eval: evaluation, stages, model } = config;
    assert.deepEqual(
      [data.dataset, train.epochs, train.batch_size, optim.learning_rate, optim.weight_decay, evaluation.tau],
      [name.split('/')[0], epochs, batch, rate, decay, tau],
    );
    assert.deepEqual(loss, { name: 'gala', lambda1: 1, lambda2: 1, variant: 'released', accumulation: 'released' });
    assert.deepEqual(
      [data.sampler, freeze, optim.warmup_epochs, train.mixup_alpha, evaluation.select_on],
      ['class_aware', { backbone: true, batch_stats: false }, 0, 0, 'test'],
    );
    assert.deepEqual(data.augment, [
      'reflect_pad',
      'random_resized_crop',
      'horizontal_flip',
      'color_jitter',
      'rand_augment',
    ]);
    const { representation } = stages!;
    assert.equal(representation.name, first);
    assert.deepEqual(
      [representation.loss.name, representation.train.mixup_alpha, representation.train.batch_size],
      ['cross_entropy', 0.2, 256],
    );
    assert.equal(model.weights, undefined);
    assert.equal(representation.model.weights, name.startsWith('places') ? 'resnet152-394f9c45.pth' : undefined);
  });

  test(`the first stage of ${name} may be a file as it is`, () => {
    const set = ['model.weights=stage1.pth.tar', 'model.weights_part=all', 'stages.representation.train.epochs=0'];
    const { config, warnings } = loadConfig(name, { set });
    assert.deepEqual(warnings, []);
    assert.equal(config.stages!.representation.train.epochs, 0);
    assert.equal(config.stages!.representation.model.weights, 'stage1.pth.tar');
    assert.equal(config.model.weights, undefined);
    assert.equal(config.train.epochs, epochs);
  });
}

test('the CIFAR100-LT configs are the published protocol', () => {
  const { config } = loadConfig('cifar100_lt/gala_if100');
  // A key that is newer than the protocol has a default that changes no number.
  const assertHas = (section: Readonly<Record<string, unknown>>, published: Readonly<Record<string, unknown>>) =>
    assert.deepEqual(Object.fromEntries(Object.keys(published).map(key => [key, section[key]])), published);
  assert.deepEqual(config.data.augment, ['random_crop', 'horizontal_flip', 'autoaugment_cifar10', 'cutout']);
  assertHas(config.optim, {
    name: 'sgd',
    learning_rate: 0.1,
    warmup_learning_rate: 0.05,
    warmup_epochs: 'auto',
    momentum: 0.9,
    beta1: 0.9,
    beta2: 0.999,
    weight_decay: 5e-4,
  });
  assertHas(config.loss, {
    name: 'gala',
    lambda1: 1.2,
    lambda2: 0.9,
    variant: 'released',
    accumulation: 'released',
  });
  assert.equal(config.model.backbone, 'resnet32');
  assert.equal(config.train.epochs, 200);
  assert.equal(config.train.batch_size, 64);
  assertHas(config.eval, {
    batch_size: 500,
    every: 5,
    every_epoch_from: 0.75,
    val_fraction: 0.1,
    select_on: 'test',
    tau: 1,
    groups: { many: 100, few: 20 },
  });
});

test('the first stage of a two-stage config is the very experiment of the config it names', () => {
  for (const { name } of configs) {
    const { stages } = loadConfig(name).config;
    if (stages === undefined) continue;
    const { representation } = stages;
    assert.equal(configHash(representation), configHash(loadConfig(representation.name).config), name);
  }
});
