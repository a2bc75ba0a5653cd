/** Chooses an engine for a config and compiles programs with it. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Config } from '../config/schema.js';
import { requireTensorFlow } from './install/locate.js';
import type { CompileRequest, Executable } from './program.js';

export interface EngineSettings {
  readonly engine: Config['engine'];
  readonly precision: 'fp32' | 'bf16';
  readonly threads: number;
}

/** Settings with every `auto` decided for this machine: all cores, bf16 where engine and CPU compute it natively. */
export function engineSettings(config: Pick<Config, 'engine' | 'precision' | 'threads'>): EngineSettings {
  return {
    engine: config.engine,
    precision:
      config.precision === 'auto' ? (config.engine !== 'eager' && cpuHasBf16() ? 'bf16' : 'fp32') : config.precision,
    threads: config.threads === 'auto' ? availableParallelism() : config.threads,
  };
}

/** Compiles programs that share one state. Throws `EngineError` when no runtime is installed. */
export async function compile(request: CompileRequest, settings: EngineSettings): Promise<Executable> {
  if (settings.engine === 'xla') {
    const { requirePlugin } = await import('./pjrt/locate.js');
    const plugin = requirePlugin();
    const { compileForPjrt } = await import('./pjrt/executable.js');
    return compileForPjrt(request, { plugin, precision: settings.precision, threads: settings.threads });
  }
  if (settings.engine === 'eager') {
    const { requireAddon } = await import('./eager/locate.js');
    const addon = requireAddon();
    const { compileForEager } = await import('./eager/executable.js');
    return compileForEager(request, { addon, precision: settings.precision, threads: settings.threads });
  }
  const libraries = requireTensorFlow();
  const { compileForTensorFlow } = await import('./tensorflow/session.js');
  return compileForTensorFlow(request, { libraries, precision: settings.precision, threads: settings.threads });
}

/** True where the CPU multiplies bfloat16 natively; elsewhere bf16 is emulated and slower than fp32. */
export function cpuHasBf16(): boolean {
  try {
    return /\b(avx512_bf16|amx_bf16)\b/.test(readFileSync('/proc/cpuinfo', 'latin1'));
  } catch {
    return false;
  }
}
