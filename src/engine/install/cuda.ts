/** Chooses the CUDA version for a machine's driver and GPUs, and with it XLA's plugin. */
import { EngineError } from '../../errors.js';
import type { GpuAnswer } from '../gpu.js';
import type { CudaMajor } from '../pjrt/cudaLibraries.js';
import { xlaCuda12, xlaCuda13 } from './cudaPins.js';
import type { WheelPin } from './pin.js';

export const cudaPins: Readonly<Record<CudaMajor, WheelPin>> = { 12: xlaCuda12, 13: xlaCuda13 };

const { companions: partsOfCuda13, ...plugin13 } = xlaCuda13;
const part = (name: string) => partsOfCuda13!.find(wheel => wheel.name === name)!;

/**
 * The tools of `gala bench plan`, which compile for a GPU on a machine without GPU: ptxas, libdevice and XLA's plugin
 * for CUDA 13. Without the other parts of CUDA they run no program, so they are not an engine.
 */
export const cudaCompiler: WheelPin = { ...part('nvidia-cuda-nvcc'), companions: [plugin13, part('nvidia-nvvm')] };

/** CUDA 13 has no code for GPUs before Turing. */
const firstCapabilityOfCuda13 = 7.5;

/**
 * CUDA's major version for a driver. A driver runs every CUDA up to its own version, and also later minor versions of
 * its own major version (NVIDIA's minor-version compatibility). Throws `EngineError` without a GPU, and for a driver
 * older than CUDA 12.
 */
export function cudaFor(answer: GpuAnswer): CudaMajor {
  if ('missing' in answer) {
    throw new EngineError(`No GPU can be used here: ${answer.missing}.`, {
      where: 'gala engine install --cuda',
      next:
        'Give the CUDA version of the machine that will use this cache: --cuda 13 (drivers from 580 on) or --cuda 12 ' +
        '(from 525 on).',
    });
  }
  const { cuda, version, gpus } = answer;
  if (cuda < 12) {
    throw new EngineError(`The GPU's driver runs CUDA up to ${cuda.toFixed(1)}; XLA's plugin needs CUDA 12 or 13.`, {
      where: `driver ${version ?? 'of unknown version'}, ${gpus[0]!.name}`,
      next: 'Update the NVIDIA driver to 525 or newer, or train with `engine: eager` (docs/engines.md).',
    });
  }
  const oldest = Math.min(...gpus.map(({ computeCapability }) => computeCapability));
  return cuda >= 13 && oldest >= firstCapabilityOfCuda13 ? 13 : 12;
}
