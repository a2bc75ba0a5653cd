import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { Command } from 'commander';
import { parse } from 'yaml';
import { registerConfigCommand } from '../../src/cli/commands/config.js';
import { configHash } from '../../src/config/identity.js';
import { configFileSchemaText } from '../../src/config/jsonSchema.js';
import { loadConfig } from '../../src/config/load.js';
import { listConfigs } from '../../src/config/locate.js';
import { renderEffective } from '../../src/config/render.js';
import { ConfigError } from '../../src/errors.js';
import { galaBinary } from '../e2e/gala.js';
import { configFiles } from './files.js';

/** What `gala config …` writes to stdout and stderr. */
async function gala(...words: string[]): Promise<{ out: string; err: string }> {
  const program = new Command('gala').exitOverride();
  registerConfigCommand(program);
  const [writeOut, writeErr] = [process.stdout.write, process.stderr.write];
  let [out, err] = ['', ''];
  process.stdout.write = text => {
    out += text;
    return true;
  };
  process.stderr.write = text => {
    err += text;
    return true;
  };
  try {
    await program.parseAsync(words, { from: 'user' });
  } finally {
    process.stdout.write = writeOut;
    process.stderr.write = writeErr;
  }
  return { out, err };
}

test('show prints the resolved config, overrides included, and warnings beside it', async () => {
  const { out, err } = await gala(
    'config',
    'show',
    'cifar10_lt/gala_if10',
    '--set',
    'eval.tau=0',
    'threads=2',
    '--seed',
    '5',
  );
  const { yaml, madeOf } = loadConfig('cifar10_lt/gala_if10', { set: ['eval.tau=0', 'threads=2'], seed: 5 });
  assert.ok(out.includes(madeOf.replaceAll('\n', '\n# ')));
  assert.deepEqual(
    keysOf(out).filter(key => !keysOf(yaml).includes(key)),
    [],
  );
  assert.match(out, /^seed: 5$/m);
  assert.equal(err, 'Warning: eval.tau=0: eval.tau is 0: the re-balanced columns equal the plain ones\n');
});

test('show --origin puts behind every value where it was written', async () => {
  const { out } = await gala(
    'config',
    'show',
    'cifar100_lt/gala_if100',
    '--origin',
    '--set',
    'train.epochs=3',
    '--seed',
    '5',
  );
  assert.match(out, /^ {2}lambda1: 1\.2 # \S*cifar100_lt\/gala_ifN\.yaml:\d+:12$/m);
  assert.match(out, /^ {2}augment: \[random_crop, .*\] # \S*recipes\/cifar_resnet32\.yaml:\d+:\d+$/m);
  assert.match(out, /^ {2}epochs: 3 # train\.epochs=3$/m);
  assert.match(out, /^seed: 5 # --seed$/m);
  assert.match(out, /^threads: auto # default$/m);
  const values = out.split('\n').filter(line => /^\s*\w+: \S/.test(line));
  assert.ok(values.length > 20 && values.every(line => /# \S/.test(line)));
});

/** The keys of a config as YAML, dotted. */
function keysOf(yaml: string): string[] {
  const below = (map: object, prefix: string): string[] =>
    Object.entries(map).flatMap(([key, value]) =>
      value !== null && typeof value === 'object' && !Array.isArray(value)
        ? below(value as object, `${prefix}${key}.`)
        : [prefix + key],
    );
  return below(parse(yaml) as object, '');
}

const neverOfSgd = ['optim.beta1', 'optim.beta2'];
const ofDistillation = ['distill.seeds', 'distill.weight', 'distill.temperature'];
const shown: readonly [config: string, set: string[], leftOut: string[], comments: RegExp[]][] = [
  [
    'cifar100_lt/gala_if100',
    [],
    [
      'model.scale',
      'model.tau',
      'model.weights_part',
      ...neverOfSgd,
      ...ofDistillation,
      'freeze.batch_stats',
      'eval.val_fraction',
    ],
    [/# normalisation: \{mean: \[0\.4914, 0\.4822, 0\.4465\]/, /lambda2: 0\.9 # has no effect on the gradient/],
  ],
  [
    'cifar100_lt/ldam_drw_if100',
    ['optim.name=adamw', 'optim.weight_decay=0.01', 'optim.learning_rate=0.001', 'eval.select_on=val'],
    ['model.tau', 'model.weights_part', 'optim.momentum', ...ofDistillation, 'freeze.batch_stats'],
    [],
  ],
  [
    'imagenet_lt/mixup_resnet50',
    [],
    [
      ...['data.subset_seed', 'model.scale', 'model.tau', 'model.weights_part', ...neverOfSgd, ...ofDistillation],
      ...['freeze.batch_stats', 'eval.val_fraction'],
    ],
    [
      /# image_size: 224\n {2}# short_side: 256\n {2}# verify: deep\n {2}# on_bad_image: fail\n/,
      /warmup_learning_rate: 0\.1 # has no effect: optim\.warmup_epochs is 0\n/,
    ],
  ],
  [
    'imagenet_lt/mixup_resnet50',
    ['data.image_size=112', 'eval.every=1', 'optim.warmup_learning_rate=auto'],
    [
      ...['data.subset_seed', 'model.scale', 'model.tau', 'model.weights_part', 'optim.warmup_learning_rate'],
      ...[...neverOfSgd, ...ofDistillation, 'freeze.batch_stats', 'eval.every_epoch_from', 'eval.val_fraction'],
    ],
    [/workers: auto\n {2}# short_side: 128\n/],
  ],
  [
    'cifar100_lt/two_stage_if100',
    [],
    [
      ...['model.scale', 'model.tau', 'model.weights_part', ...neverOfSgd, ...ofDistillation, 'eval.val_fraction'],
      'stages.classifier.loss.lambda2',
    ],
    [/every_epoch_from: 1 # has no effect: eval\.every is 1\n/],
  ],
  [
    'cifar100_lt/tau_norm_if100',
    [],
    ['model.scale', 'model.weights_part', ...neverOfSgd, ...ofDistillation, 'freeze.batch_stats', 'eval.val_fraction'],
    [/augment: \[\] # has no effect: train\.epochs is 0\n/],
  ],
];

for (const [config, set, leftOut, comments] of shown) {
  test(`show ${[config, ...set].join(' ')} has the keys with an effect, and its text is the same experiment`, t => {
    const out = execFileSync(process.execPath, [galaBinary, 'config', 'show', config, ...set], { encoding: 'utf8' });
    const keys = keysOf(out);
    const original = loadConfig(config, { set });
    assert.deepEqual(
      keysOf(original.yaml).filter(key => !keys.includes(key)),
      leftOut,
    );
    for (const comment of comments) assert.match(out, comment);
    const again = loadConfig(configFiles(t, { 'shown.yaml': out })('shown.yaml'));
    assert.equal(configHash(again.config), configHash(original.config));
  });
}

test('the text of show is the same experiment, for every config of the package', t => {
  for (const { name } of listConfigs()) {
    const { config, madeOf } = loadConfig(name);
    const path = configFiles(t, { 'shown.yaml': renderEffective(config, madeOf) })('shown.yaml');
    assert.equal(configHash(loadConfig(path).config), configHash(config), name);
  }
});

test('list, keys and schema print to stdout', async () => {
  assert.match(
    (await gala('config', 'list')).out,
    /CIFAR100-LT\n( {2}.+\n)* {2}cifar100_lt\/gala_if100 +imbalance factor 100, GALA: 52\.1 %/m,
  );
  assert.match(
    (await gala('config', 'keys')).out,
    /^loss\.lambda1 \(of gala\)\n {4}a number from 0 to 10; default 1\n {4}λ1: /m,
  );
  assert.equal((await gala('config', 'schema')).out, configFileSchemaText());
});

test('keys can be chosen by section or word, and no line of the listing is wider than 100 columns', async () => {
  const headings = async (word: string) => (await gala('config', 'keys', word)).out.match(/^\S.*$/gm);
  assert.deepEqual(await headings('freeze'), ['freeze.backbone', 'freeze.batch_stats']);
  assert.ok((await headings('mixup'))?.includes('train.mixup_alpha'));
  for (const word of ['lr', 'optimizer.lr']) assert.deepEqual(await headings(word), ['optim.learning_rate'], word);
  assert.deepEqual(await headings('trainer'), await headings('train'));
  await assert.rejects(gala('config', 'keys', 'qwertyuiop'), ConfigError);
  for (const line of (await gala('config', 'keys')).out.split('\n')) assert.ok(line.length <= 100, line);
});

test('problems of the config reach the caller as ConfigError with exit code 2', async () => {
  await assert.rejects(gala('config', 'show', 'nowhere/nothing'), (error: unknown) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.exitCode, 2);
    return true;
  });
});
