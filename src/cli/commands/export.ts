/** `gala export`: the network of a run for other programs, as safetensors or ONNX. */
import { extname } from 'node:path';
import { type Command, Option } from 'commander';
import { ConfigError } from '../../errors.js';
import { shellWord } from '../../io/shellWord.js';
import type { OnnxInput } from '../../train/exportOnnx.js';
import { addRunsOption, checkpointOption, runArgument, runOption, wantedRun } from '../options.js';

const formats = ['safetensors', 'onnx'] as const;
type Format = (typeof formats)[number];

interface ExportFlags {
  readonly run?: string;
  readonly runs: string;
  readonly checkpoint?: string;
  readonly output: string;
  readonly format?: Format;
  readonly input?: OnnxInput;
}

export function registerExportCommand(program: Command): void {
  addRunsOption(program.command('export'))
    .description('write the network of a run as safetensors with PyTorch’s names and layouts, or as ONNX')
    .addArgument(runArgument())
    .addOption(runOption())
    .addOption(checkpointOption())
    .requiredOption('--output <file>', 'the file to write, such as model.safetensors or model.onnx')
    .addOption(new Option('--format <format>', 'default: by the ending of --output, else safetensors').choices(formats))
    .addOption(
      new Option(
        '--input <type>',
        'of ONNX: float32, normalised images NCHW (the default), or uint8, pixels NHWC that are normalised inside',
      ).choices(['float32', 'uint8']),
    )
    .action(async (word: string | undefined, flags: ExportFlags) => {
      const run = wantedRun(word, flags);
      const format = formatOf(flags);
      if (format !== 'onnx' && flags.input !== undefined) {
        throw new ConfigError('--input is for ONNX; safetensors holds weights, which take no input.', {
          where: `--input ${flags.input}`,
          next: 'Leave --input out, or add --format onnx.',
        });
      }
      const { runFolderOf } = await import('../../run/namedRun.js');
      const { checkpoint, epoch, step, tensors, bytes } = await write(
        { ...flags, run: runFolderOf(run, flags.runs) },
        format,
      );
      const when = `epoch ${epoch}${step > 0 ? ` and ${step} steps` : ''}`;
      process.stderr.write(
        `Written to ${flags.output}: ${tensors} tensors, ${(bytes / 1e6).toFixed(1)} MB, of checkpoint ` +
          `${checkpoint} (${when})\n`,
      );
    });
}

async function write(flags: ExportFlags & { run: string }, format: Format) {
  if (format === 'safetensors') return (await import('../../train/exportWeights.js')).exportWeights(flags);
  const { exportOnnx } = await import('../../train/exportOnnx.js');
  return exportOnnx({ ...flags, input: flags.input ?? 'float32' });
}

/** By --format and the ending of --output, which must agree: a file is called what it is. Throws `ConfigError`. */
function formatOf({ output, format }: ExportFlags): Format {
  const ending = extname(output).slice(1).toLowerCase();
  const named = formats.find(known => known === ending);
  if (ending === '' || (named !== undefined && named === (format ?? named))) return format ?? named ?? 'safetensors';
  const wanted = format ?? 'safetensors';
  const reader = wanted === 'safetensors' ? '; PyTorch reads it with safetensors.torch.load_file' : '';
  const other = `${output.slice(0, -ending.length)}${wanted}`;
  throw new ConfigError(
    named === undefined
      ? `gala writes .safetensors and .onnx, not .${ending}.`
      : `The ending .${ending} is not that of --format ${format}.`,
    {
      where: output,
      next: `Name it ${shellWord(other)}${reader}.`,
    },
  );
}
