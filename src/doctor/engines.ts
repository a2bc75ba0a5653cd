/** Every engine that gala knows, where it was found on this machine, and what to run where it was not. */
import { type FoundEngine, foundEager, foundTensorFlow, foundXlaCpu, foundXlaCuda } from '../engine/found.js';
import type { GpuAnswer } from '../engine/gpu.js';
import { type EngineSettings, engineSettings } from '../engine/index.js';
import { GalaError } from '../errors.js';

export interface EngineReport {
  readonly engine: string;
  readonly device: 'cpu' | 'cuda';
  readonly found: FoundEngine | null;
  /** Why it cannot be used here. */
  readonly fault?: string;
  /** The command that brings it, where that would help on this machine. */
  readonly install?: string;
  /** What it is tested with; absent where it was not found. */
  readonly settings?: EngineSettings;
}

/** An engine that gala can use: how it is found, how it is asked for, how it is installed. */
interface KnownEngine {
  readonly engine: FoundEngine['engine'];
  readonly device: 'cpu' | 'cuda';
  readonly install: string;
  /** Throws `GalaError` where it can never be used on this machine, with the reason. */
  find(gpu: GpuAnswer): FoundEngine | undefined;
}

/** All of them: another engine is one more entry here. */
const knownEngines: readonly KnownEngine[] = [
  { engine: 'tensorflow', device: 'cpu', install: 'gala engine install', find: () => foundTensorFlow()[0] },
  { engine: 'xla', device: 'cpu', install: 'gala engine install --xla-cpu', find: () => foundXlaCpu()[0] },
  {
    engine: 'xla',
    device: 'cuda',
    install: 'gala engine install --cuda',
    find: gpu => ('missing' in gpu ? undefined : foundXlaCuda(gpu.cuda)[0]),
  },
  { engine: 'eager', device: 'cpu', install: 'gala engine install --eager', find: () => foundEager()[0] },
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
