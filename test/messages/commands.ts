/** The command line itself: what the built binary prints. */
import { spawnSync } from 'node:child_process';
import { galaBinary } from '../e2e/gala.js';
import type { Cases, Place } from './catalogue.js';

const command =
  (...args: string[]) =>
  ({ folder }: Place): string => {
    const { stderr, status } = spawnSync(process.execPath, [galaBinary, ...args], {
      cwd: folder,
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, GALA_DATA: undefined, GALA_CACHE: '/nowhere', NODE_TEST_CONTEXT: undefined },
    });
    return `$ gala ${args.join(' ')}\n${stderr}exit:  ${status}\n`;
  };

export const commandCases: Cases = {
  'a misspelt command': command('trian'),
  'a misspelt option': command('train', '--confg', 'fashion_mnist_lt/gala'),
  'an option without its value': command('train', '--config'),
  'a training without a config': command('train'),
  'a seed that is no number': command('train', '--config', 'fashion_mnist_lt/gala', '--seed', 'one'),
  'a run to resume that is none': command('train', '--resume', 'runs'),
  'a run to resume where there is none': command('train', '--resume', '--config', 'fashion_mnist_lt/gala'),
  'two ways to go on': command('train', '--continue', '--resume', '--config', 'fashion_mnist_lt/gala'),
  'CIFAR without its folder': command('train', '--config', 'cifar100_lt/gala_if100'),
  'a batch larger than the training set': command(
    'train',
    '--config',
    'fashion_mnist_lt/gala',
    '--set',
    'train.batch_size=1237',
  ),
  'a plan without what compiles for GPUs': command(
    'bench',
    'plan',
    '--config',
    'fashion_mnist_lt/gala',
    '--target',
    'h200',
  ),
  'a part of CUDA to install without CUDA': command('engine', 'install', '--plan'),
  'a compiler for GPUs of CUDA 12': command('engine', 'install', '--cuda', '12', '--plan'),
  'an evaluation of nothing': command('eval'),
  'an evaluation at a τ that is no number': command('eval', '--run', '.', '--tau', '0,high'),
  'an evaluation of another split': command('eval', '--run', '.', '--split', 'dev'),
  'logits that do not exist': command('eval', '--logits', 'test.safetensors'),
  'a table of nothing': command('table', 'nowhere'),
  'a report of nothing': command('report', 'nowhere'),
  'a reproduction of a table that does not exist': command('reproduce', 'cifar'),
  'a sweep without a config': command('sweep'),
  'a launcher’s option for another launcher': command(
    'sweep',
    '--config',
    'fashion_mnist_lt/gala',
    '--slurm',
    'time=5',
  ),
  'a SLURM option without a value': command(
    'sweep',
    '--config',
    'fashion_mnist_lt/gala',
    '--launcher',
    'slurm',
    '--slurm',
    'time',
  ),
};
