/** Chooses an engine and a device for a config and compiles programs with it. */

import { EngineError } from '../errors.js';
import { cacheFolder } from '../io/homePath.js';
import { bf16Pays, instructionSet, usableCores } from '../machine/cpu.js';
import { requireMemory } from '../machine/memory.js';
import { environmentNotes, recordedEnvironment } from './environment.js';
import { askGpuDriver, firstBf16Capability, type GpuAnswer, type GpuDriver } from './gpu.js';
import { compiledFolder } from './install/cache.js';
import { findOperations, lacksOperations, requireTensorFlow } from './install/locate.js';
import type { CompileRequest, Executable, Precision } from './program.js';
import type { EngineConfig } from './schema.js';

/** `cuda:n`: the n-th of the GPUs that CUDA_VISIBLE_DEVICES leaves. */
type Device = 'cpu' | `cuda:${number}`;

export interface EngineSettings {
  readonly engine: 'tensorflow' | 'xla' | 'eager';
  /** Left out: the CPU, or the first device of the plugin that GALA_PJRT_PLUGIN names. */
  readonly device?: Device;
  readonly precision: Precision;
  readonly threads: number;
  /** Devices that share each batch (engine `xla`), from `device` on. */
  readonly devices?: number;
  /** Folder of compiled programs (engine `xla`); left out, nothing is kept. */
  readonly compileCache?: string;
  /** What the user should know about the choice, a sentence each; absent when there is nothing. */
  readonly notes?: readonly string[];
}

type Wishes = Omit<EngineConfig, 'devices'> & Partial<Pick<EngineConfig, 'devices'>>;

/** What the choice depends on; tests put others in their place. */
interface Machine {
  readonly environment: NodeJS.ProcessEnv;
  askGpus(): Promise<GpuAnswer>;
}

const slowNote =
  'gala’s own operations are not installed: with them a network of 3 × 3 convolutions trains up to 2.1 times as ' +
  'fast. Install a C++ compiler, then: gala engine install';

const thisMachine: Machine = { environment: process.env, askGpus: askGpuDriver };

/**
 * Settings with every `auto` decided for this machine: `xla` on the first GPU where one answers and its plugin is
 * installed, else `tensorflow` on the CPU with all cores; bf16 where it is faster on the device than fp32.
 * Throws `EngineError` when the config wants a GPU that is not there.
 */
export async function engineSettings(config: Wishes, machine = thisMachine): Promise<EngineSettings> {
  const { environment } = machine;
  const devices = config.devices ?? 1;
  const shared = devices > 1 ? { devices } : {};
  const threads = config.threads === 'auto' ? usableCores() : config.threads;
  const precisionWhere = (bf16IsFaster: boolean) =>
    config.precision === 'auto' ? (bf16IsFaster ? 'bf16' : 'fp32') : config.precision;
  const notesOf = (engine: EngineSettings['engine'], ...more: (string | undefined)[]) => {
    const notes = [...more.filter(note => note !== undefined), ...environmentNotes(engine, environment)];
    return notes.length > 0 ? { notes } : {};
  };
  const onCpu = (engine: EngineSettings['engine'], note?: string): EngineSettings => {
    if (engine !== 'xla') refuseXlaWishes(config, engine);
    const precision = precisionWhere(engine !== 'eager' && bf16Pays());
    const slow = engine === 'tensorflow' && precision === 'fp32' && lacksOperations(environment);
    return {
      engine,
      ...(engine === 'xla' && { compileCache: compileCacheFolder(environment), ...shared }),
      precision,
      threads,
      ...notesOf(engine, note, slow ? slowNote : undefined),
    };
  };
  const onGpu = ({ gpus }: GpuDriver, ordinal: number): EngineSettings => ({
    engine: 'xla',
    device: `cuda:${ordinal}`,
    ...shared,
    compileCache: compileCacheFolder(environment),
    precision: precisionWhere(gpus[ordinal]!.computeCapability >= firstBf16Capability),
    threads,
    ...notesOf('xla'),
  });

  // The addon of eager chooses its device itself: a GPU where its TensorFlow has one.
  if (config.engine === 'tensorflow' || config.engine === 'eager') return onCpu(config.engine);
  if (config.device === 'cpu') return onCpu(config.engine === 'xla' ? 'xla' : 'tensorflow');
  if (config.device !== 'auto') {
    const driver = await requireGpu(config.device, machine);
    return onGpu(driver, ordinalOf(config.device));
  }
  if (config.engine === 'xla' && environment.GALA_PJRT_PLUGIN) return onCpu('xla');
  const driver = await machine.askGpus();
  if ('missing' in driver) return onCpu(config.engine === 'xla' ? 'xla' : 'tensorflow');
  const { findCudaPlugin } = await import('./pjrt/locate.js');
  if (findCudaPlugin(driver.cuda, environment)) return onGpu(driver, 0);
  return onCpu(
    config.engine === 'xla' ? 'xla' : 'tensorflow',
    `A GPU is here (${driver.gpus[0]!.name}), but XLA's plugin for it is not: this runs on the CPU. For ` +
      'the GPU: gala engine install --cuda',
  );
}

/** Compiles programs that share one state. Throws `EngineError` when no runtime is installed. */
export async function compile(request: CompileRequest, settings: EngineSettings): Promise<Executable> {
  const executable = await compileOn(request, settings);
  const { info } = executable;
  // As the libraries found it: gala's own flags for XLA are among the variables now.
  const environment = recordedEnvironment(info.engine);
  return {
    ...executable,
    info: {
      ...info,
      ...(info.device === 'cpu' && { instructions: instructionSet() }),
      ...(Object.keys(environment).length > 0 && { environment }),
    },
  };
}

/**
 * An engine and what comes after it, for the smallest networks: measured by lowering the limits until a training
 * failed.
 */
const engineNeed = { addresses: 2.1e9, inUse: 140e6 };

async function compileOn(request: CompileRequest, settings: EngineSettings): Promise<Executable> {
  const stateBytes = Object.values(request.state).reduce((sum, { data }) => sum + data.byteLength, 0);
  requireMemory('the engine', {
    addresses: engineNeed.addresses + 2 * stateBytes,
    inUse: engineNeed.inUse + stateBytes,
  });
  const { precision, threads, device, devices = 1, compileCache } = settings;
  const options = { precision, threads, devices, compileCache };
  const printed = process.env.GALA_PRINT_PROGRAMS;
  if (printed) (await import('./trace/print.js')).writePrograms(printed, request, precision);
  if (settings.engine === 'xla') {
    const { requirePlugin, requireCudaPlugin } = await import('./pjrt/locate.js');
    const { loadPlugin } = await import('./pjrt/cApi.js');
    const { compileForPjrt } = await import('./pjrt/executable.js');
    if (device === undefined || device === 'cpu')
      return compileForPjrt(loadPlugin(requirePlugin(), threads), request, options);
    const first = ordinalOf(device);
    const { cuda } = await requireGpu(`cuda:${first + devices - 1}`, thisMachine);
    const client = gpuClientOptions(first, process.env, devices);
    return compileForPjrt(loadPlugin(requireCudaPlugin(cuda), threads), request, { ...options, client });
  }
  if (settings.engine === 'eager') {
    const { requireAddon } = await import('./eager/locate.js');
    const addon = requireAddon();
    const { compileForEager } = await import('./eager/executable.js');
    return compileForEager(request, { addon, precision, threads });
  }
  const libraries = requireTensorFlow();
  const { compileForTensorFlow } = await import('./tensorflow/session.js');
  const operations = precision === 'fp32' ? findOperations() : undefined;
  return compileForTensorFlow(request, { libraries, operations, precision, threads });
}

/** Throws `EngineError` if the chosen engine cannot do what the config asks for: several devices, or tf32. */
function refuseXlaWishes({ devices = 1, precision }: Wishes, engine: string): void {
  const wish = devices > 1 ? `devices: ${devices}` : precision === 'tf32' ? 'precision: tf32' : undefined;
  if (wish === undefined) return;
  throw new EngineError(`${wish} needs engine xla, and gala chose engine ${engine} for this machine.`, {
    where: wish,
    next: 'Set engine to xla, or leave the key out; `gala doctor` shows what this machine has.',
  });
}

/** Ordinal of `cuda:n`; `cuda` is the first. */
function ordinalOf(device: string): number {
  return Number(device.split(':')[1] ?? 0);
}

async function requireGpu(device: string, machine: Machine): Promise<GpuDriver> {
  const driver = await machine.askGpus();
  if ('missing' in driver) {
    throw new EngineError(`No GPU can be used: ${driver.missing}.`, {
      where: `device: ${device}`,
      next: '`gala doctor` shows what was found. To run on the CPU: --device cpu (or device: auto).',
    });
  }
  if (ordinalOf(device) < driver.gpus.length) return driver;
  const found = driver.gpus.map(({ name }, ordinal) => `cuda:${ordinal} ${name}`).join(', ');
  throw new EngineError(`There is no GPU ${ordinalOf(device)}.`, {
    where: `device: ${device}; there are: ${found}`,
    next: 'GPUs are numbered from 0, among those that CUDA_VISIBLE_DEVICES names where it is set.',
  });
}

/**
 * Options of XLA's CUDA client: this GPU, or `devices` from this one on (else it would take memory on all), memory
 * taken as it is needed, and at most GALA_GPU_MEMORY (a fraction, default 0.9) of it. Throws `EngineError`.
 */
export function gpuClientOptions(ordinal: number, environment: NodeJS.ProcessEnv, devices = 1) {
  const setting = environment.GALA_GPU_MEMORY || '0.9';
  const fraction = Number(setting);
  if (!(fraction > 0 && fraction <= 1)) {
    throw new EngineError(`GALA_GPU_MEMORY is '${setting}'.`, {
      where: 'environment',
      next: 'It is the fraction of the GPU’s memory that may be taken: above 0, at most 1.',
    });
  }
  const visible_devices = Array.from({ length: devices }, (_, i) => ordinal + i);
  return { visible_devices, allocator: 'bfc', preallocate: false, memory_fraction: { float: fraction } };
}

/** Where compiled programs are kept. */
export function compileCacheFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return compiledFolder(cacheFolder(undefined, environment));
}
