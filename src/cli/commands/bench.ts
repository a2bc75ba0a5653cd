/** `gala bench train|infer|data`: speed on this machine, one JSON object on stdout. `plan` is in benchPlan.ts. */
import { type Command, Option } from 'commander';
import type { Config } from '../../config/schema.js';
import { printJson } from '../display/output.js';
import { parseCount } from '../options.js';
import { registerBenchPlan } from './benchPlan.js';

interface BenchFlags {
  readonly config: string;
  readonly set?: string[];
  readonly steps: number;
  readonly warmup: number;
  /** Of `bench train` and `bench data`. */
  readonly data?: string;
}

const warmupOption = () => new Option('--warmup <number>', 'steps before them').argParser(parseCount).default(10);

const imagesFrom = 'read these images, files or packed, instead of random ones';

export function registerBenchCommand(program: Command): void {
  const bench = program.command('bench').description('measure speed, as JSON; plan for a GPU');
  registerBenchPlan(bench);
  const measure = (name: string, description: string, run: (flags: BenchFlags) => Promise<object>) =>
    bench
      .command(name)
      .description(description)
      .option('--config <config>', 'whose network, batch size and augmentation to measure', 'cifar100_lt/gala_if100')
      .option('--set <key=value...>', 'override keys, such as --set precision=fp32 threads=1')
      .option('--steps <number>', 'timed steps', parseCount, 50)
      .action(async (flags: BenchFlags) => {
        printJson({ bench: name, config: flags.config, ...(await run(flags)) });
      });

  measure('train', 'train steps: alone, and fed by the data pipeline', async flags => {
    const { benchTraining } = await import('../../bench/training.js');
    return benchTraining(await configOf(flags), flags);
  })
    .addOption(warmupOption())
    .option('--data <dir>', imagesFrom);
  measure('infer', 'forward passes on random images', async flags => {
    const { benchInference } = await import('../../bench/training.js');
    return benchInference(await configOf(flags), flags);
  }).addOption(warmupOption());
  measure('data', 'the data pipeline alone, for a tenth of a second per step', async flags => {
    const [{ benchPipeline }, { engineSettings }, { dataWorkers }] = await Promise.all([
      import('../../bench/data.js'),
      import('../../engine/index.js'),
      import('../../train/calls.js'),
    ]);
    const config = await configOf(flags);
    const { data, train } = config;
    const { engine, device = 'cpu' } = await engineSettings(config);
    const { dataset, augment } = await trainingImages(data, flags.data);
    const speed = await benchPipeline({
      dataset,
      augment,
      batchSize: train.batch_size,
      workers: dataWorkers(data.workers, { engine, device }),
      seconds: flags.steps / 10,
    });
    return { augment, ...speed };
  }).option('--data <dir>', imagesFrom);
}

async function configOf({ config, set }: BenchFlags): Promise<Config> {
  const { loadConfig } = await import('../../config/load.js');
  return loadConfig(config, { ...(set && { set }) }).config;
}

async function trainingImages(config: Config['data'], dataRoot: string | undefined) {
  if (dataRoot !== undefined) {
    const { openDatasets } = await import('../../data/index.js');
    return { dataset: (await openDatasets(config, { dataRoot })).train, augment: config.augment };
  }
  const { syntheticAugment, syntheticDatasets } = await import('../../bench/syntheticData.js');
  return { dataset: syntheticDatasets(config).train, augment: syntheticAugment(config.augment) };
}
