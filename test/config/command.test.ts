import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { registerConfigCommand } from '../../src/cli/commands/config.js';
import { configFileSchemaText } from '../../src/config/jsonSchema.js';
import { loadConfig } from '../../src/config/load.js';
import { ConfigError } from '../../src/errors.js';

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
  assert.equal(out, loadConfig('cifar10_lt/gala_if10', { set: ['eval.tau=0', 'threads=2'], seed: 5 }).yaml);
  assert.match(out, /^seed: 5$/m);
  assert.equal(err, 'Warning: --set eval.tau=0: eval.tau is 0: the re-balanced columns equal the plain ones\n');
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
  assert.match(out, /^ {2}epochs: 3 # --set train\.epochs=3$/m);
  assert.match(out, /^seed: 5 # --seed$/m);
  assert.match(out, /^threads: auto # default$/m);
  const values = out.split('\n').filter(line => /^\s*\w+: \S/.test(line));
  assert.ok(values.length > 20 && values.every(line => /# \S/.test(line)));
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
