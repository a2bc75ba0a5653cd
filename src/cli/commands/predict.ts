/** `gala predict`: class names and probabilities of images without labels, by the network of a run. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ConfigError } from '../../errors.js';
import { shellWord } from '../../io/shellWord.js';
import type { PredictionRequest } from '../../predict/predict.js';
import type { TrainedNetwork } from '../../train/trainedNetwork.js';
import { createProgress } from '../display/progress.js';
import { CommandExit } from '../failure.js';
import {
  addRunsOption,
  checkpointOption,
  deviceOption,
  type EngineFlags,
  endingOf,
  engineOption,
  engineOverrides,
  parseCount,
  refuseUnused,
  runOption,
} from '../options.js';

interface PredictFlags extends EngineFlags {
  readonly run?: string;
  readonly checkpoint?: string;
  readonly top: number;
  /** `true` where the flag has no number. */
  readonly rebalance?: number | true;
  readonly mass: 'run' | 'images';
  readonly output?: string;
  readonly quiet?: boolean;
}

const dataErrorExitCode = 4;
/** Images that cannot be read and are named; the rest is counted. */
const mostSkippedShown = 5;

export function registerPredictCommand(program: Command): void {
  addRunsOption(program.command('predict'))
    .description('class names and probabilities of images without labels; exit 4 when one cannot be read')
    .argument(
      '<RUN image...>',
      'the run, unless --run names it; images, folders of images, lists with a path on each line',
    )
    .addOption(runOption())
    .addOption(checkpointOption())
    .option('--top <number>', 'classes listed for each image, the most probable first', parseCount, 5)
    .option(
      '--rebalance [tau]',
      're-balance the probabilities with strength τ (default: eval.tau of the run)',
      parseTau,
    )
    .addOption(
      new Option(
        '--mass <of>',
        'what --rebalance takes the mass of the classes from: the test images of the run, or the given images',
      )
        .choices(['run', 'images'])
        .default('run'),
    )
    .option('--output <file>', 'write a .csv or .json file instead of printing')
    .addOption(engineOption())
    .addOption(deviceOption())
    .option('--quiet', 'no progress')
    .action(async (words: string[], { runs, ...options }: PredictFlags & { runs: string }, command: Command) => {
      if (options.rebalance === undefined) refuseUnused(command, ['mass'], 'without --rebalance');
      const [named, ...given] = options.run === undefined ? words : [options.run, ...words];
      if (given.length === 0) {
        throw new ConfigError('Give a run, and images after it.', {
          where: `only ${named} is given`,
          next: `gala predict latest ${shellWord(named!)}, or another run: \`gala runs list\` shows them.`,
        });
      }
      const { runFolderOf } = await import('../../run/namedRun.js');
      const flags = { ...options, run: runFolderOf(named!, runs) };
      const ending =
        flags.output === undefined ? undefined : endingOf(flags.output, ['predictions.csv', 'predictions.json']);
      const { imagePaths } = await import('../../predict/imagePaths.js');
      const { readTrainedNetwork } = await import('../../train/trainedNetwork.js');
      const { predictImages } = await import('../../predict/predict.js');
      const { predictionCsv, predictionJson, predictionText } = await import('../../predict/predictionText.js');
      const images = imagePaths(given);
      const trained = readTrainedNetwork(flags.run, flags.checkpoint, engineOverrides(flags));
      const rebalancing = await rebalancingOf(flags, trained);
      const progress = createProgress({ quiet: flags.quiet ?? false });
      const shown = (done: number) => ({ images: `${done}/${images.length}` });
      progress.start(images.length, shown(0));
      const predictions = await predictImages({
        trained,
        images,
        top: flags.top,
        rebalancing,
        onProgress: done => progress.update(done, shown(done)),
      }).finally(() => progress.stop());

      const report = { predictions, trained, rebalancing };
      if (ending === undefined) process.stdout.write(predictionText(report));
      else {
        const { writeFileAtomic } = await import('../../io/atomicFile.js');
        writeFileAtomic(flags.output!, ending === '.csv' ? predictionCsv(report) : predictionJson(report));
        process.stderr.write(`Written to ${flags.output}: ${predictions.images.length} images\n`);
      }
      const { unreadable } = predictions;
      if (unreadable.length === 0) return;
      for (const { image, reason } of unreadable.slice(0, mostSkippedShown))
        process.stderr.write(`skipped: ${image}: ${reason}\n`);
      const more = unreadable.length - mostSkippedShown;
      if (more > 0) process.stderr.write(`skipped: ${more} more\n`);
      process.stderr.write(`${unreadable.length} of ${images.length} images could not be read.\n`);
      throw new CommandExit(dataErrorExitCode);
    });
}

async function rebalancingOf(
  flags: PredictFlags & { run: string },
  trained: TrainedNetwork,
): Promise<PredictionRequest['rebalancing']> {
  if (flags.rebalance === undefined) return undefined;
  const tau = flags.rebalance === true ? trained.config.eval.tau : flags.rebalance;
  if (flags.mass === 'images') return { tau };
  const { testLogitsOf } = await import('../../train/trainedNetwork.js');
  const stored = testLogitsOf(trained);
  if (stored === undefined) {
    throw new ConfigError(
      'The run keeps no test logits of this checkpoint, from which --rebalance takes the mass of the classes.',
      {
        where: trained.folder.logits,
        next:
          `Make them with gala eval --run ${shellWord(flags.run)}, or take the mass of the given images with ` +
          '--mass images.',
      },
    );
  }
  const { predictedMass } = await import('../../eval/rebalance.js');
  return { tau, mass: predictedMass(stored.logits, stored.classNames.length) };
}

function parseTau(text: string): number {
  const tau = Number(text);
  if (text.trim() !== '' && tau >= 0 && tau <= 1000) return tau;
  throw new InvalidArgumentError(
    `It must be a number from 0 to 1000. Before images, write it out: --rebalance 1 ${shellWord(text)}`,
  );
}
