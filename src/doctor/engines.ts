/** Reports for every engine of gala where it was found on this machine, or how to install it. */
import { type FoundEngine, foundEager, foundTensorFlow, foundXlaCpu, foundXlaCuda } from '../engine/found.js';
import type { GpuAnswer } from '../engine/gpu.js';
import { type EngineSettings, engineSettings } from '../engine/index.js';
import { GalaError } from '../errors.js';

export interface EngineReport {
  readonly engine: string;
  readonly device: 'cpu' | 'cuda';
  readonly found: FoundEngine | null;
  /** Why the engine cannot be used here. */
  readonly fault?: string;
  /** The command that installs it; absent where it is installed, and for a GPU that is missing. */
  readonly install?: string;
  /** Settings for its self-test; absent where the engine was not found. */
  readonly settings?: EngineSettings;
}

/** Reports on tensorflow, xla on the CPU, xla on the GPU, and eager. */
export async function findEngines(gpu: GpuAnswer): Promise<EngineReport[]> {
  return [
    await reportOn('tensorflow', 'cpu', 'gala engine install', () => foundTensorFlow()),
    await reportOn('xla', 'cpu', 'gala engine install --xla-cpu', () => foundXlaCpu()),
    'missing' in gpu
      ? { engine: 'xla', device: 'cuda', found: null, fault: 'there is no GPU' }
      : await reportOn('xla', 'cuda', 'gala engine install --cuda', () => foundXlaCuda(gpu.cuda)),
    await reportOn('eager', 'cpu', 'gala engine install --eager', () => foundEager()),
  ];
}

/** `find` throws `GalaError` with the reason where an installed engine cannot be used. */
async function reportOn(
  engine: FoundEngine['engine'],
  device: FoundEngine['device'],
  install: string,
  find: () => FoundEngine | undefined,
): Promise<EngineReport> {
  try {
    const found = find();
    const wished = engine === 'eager' ? 'auto' : device; // eager chooses its device itself
    const settings = await engineSettings({ engine, device: wished, precision: 'auto', threads: 'auto' });
    return found ? { engine, device, found, settings } : { engine, device, found: null, install };
  } catch (error) {
    return { engine, device, found: null, fault: faultOf(error), install };
  }
}

function faultOf(error: unknown): string {
  const message = (error as Error).message;
  return error instanceof GalaError && error.where !== undefined ? `${message} (${error.where})` : message;
}
