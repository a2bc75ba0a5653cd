/** `gala export`: the network of a run as safetensors for PyTorch. */
import type { Command } from 'commander';

interface ExportFlags {
  readonly run: string;
  readonly checkpoint?: string;
  readonly output: string;
}

export function registerExportCommand(program: Command): void {
  program
    .command('export')
    .description('write the network of a run as safetensors with PyTorch’s names and layouts')
    .requiredOption('--run <dir>', 'a run folder')
    .option('--checkpoint <which>', 'best, last or a checkpoint file (default: best where there is one)')
    .requiredOption('--output <file>', 'the file to write, such as model.safetensors')
    .action(async (flags: ExportFlags) => {
      const { exportWeights } = await import('../../train/exportWeights.js');
      const { checkpoint, epoch, step, tensors, bytes } = exportWeights(flags);
      const when = `epoch ${epoch}${step > 0 ? ` and ${step} steps` : ''}`;
      process.stderr.write(
        `Written to ${flags.output}: ${tensors} tensors, ${(bytes / 1e6).toFixed(1)} MB, of checkpoint ${checkpoint} (${when})\n`,
      );
    });
}
