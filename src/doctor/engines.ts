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
  /** The command that installs it; absent where it is installed or cannot be used here. */
  readonly install?: string;
  /** Settings for its self-test; absent where the engine was not found. */
  readonly settings?: EngineSettings;
}

interface KnownEngine {
  readonly engine: FoundEngine['engine'];
  readonly device: 'cpu' | 'cuda';
  readonly install: string;
  /** Throws `GalaError` with the reason where an installed engine cannot be used. */
  find(gpu: GpuAnswer): FoundEngine | undefined;
}

const knownEngines: readonly KnownEngine[] = [
  { engine: 'tensorflow', device: 'cpu', install: 'gala engine install', find: () => foundTensorFlow() },
  { engine: 'xla', device: 'cpu', install: 'gala engine install --xla-cpu', find: () => foundXlaCpu() },
  {
    engine: 'xla',
    device: 'cuda',
    install: 'gala engine install --cuda',
    find: gpu => ('missing' in gpu ? undefined : foundXlaCuda(gpu.cuda)),
  },
  { engine: 'eager', device: 'cpu', install: 'gala engine install --eager', find: () => foundEager() },
];

export async function findEngines(gpu: GpuAnswer): Promise<EngineReport[]> {
  const reports: EngineReport[] = [];
  for (const { engine, device, install, find } of knownEngines) {
    if (device === 'cuda' && 'missing' in gpu) {
      reports.push({ engine, device, found: null, fault: 'there is no GPU' });
      continue;
    }
    try {
      const found = find(gpu) ?? null;
      const wished = engine === 'eager' ? 'auto' : device; // eager chooses its device itself
      const settings = await engineSettings({ engine, device: wished, precision: 'auto', threads: 'auto' });
      reports.push(found ? { engine, device, found, settings } : { engine, device, found, install });
    } catch (error) {
      reports.push({ engine, device, found: null, fault: faultOf(error), install });
    }
  }
  return reports;
}

function faultOf(error: unknown): string {
  const message = (error as Error).message;
  return error instanceof GalaError && error.where !== undefined ? `${message} (${error.where})` : message;
}
