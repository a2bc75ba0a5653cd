/**
 * XLA's flags for NVIDIA GPUs. A plugin reads them from XLA_FLAGS alone, when it makes a client or compiles for the
 * first time.
 */
import { EngineError } from '../../errors.js';
import { reasonOf } from '../../io/faults.js';
import { largestText, readRegularText } from '../../io/regularFile.js';

/**
 * First version of the PJRT API (0.x) whose plugins are known to have the flags of `choices`, that of jax-cuda13-pjrt
 * 0.10.2: XLA ends the process at a flag or a value that it does not know.
 */
const firstMinor = 112;

const choices = {
  // CUDA graphs: XLA records library calls, fusions and copies by itself, convolutions only when asked. Without them a
  // network is cut into pieces at every convolution, each launched by the host.
  xla_gpu_enable_command_buffer: '+CONVOLUTION',
  // No kernels that add with atomics in an order of their own, such as some of cuDNN's filter gradients: a run is to
  // give the same bits again. Autotuning stays on among the others.
  xla_gpu_exclude_nondeterministic_ops: 'true',
} as const;

/**
 * XLA_FLAGS for a CUDA plugin of the API version 0.`minor`: what the user set, and gala's choices where the user named
 * none.
 */
export function cudaXlaFlags(set: string | undefined, minor: number): string | undefined {
  return minor < firstMinor ? set : withFlags(set, choices);
}

/**
 * `set` with `--name=value` for the names that it does not have. Values with white space are quoted, for XLA reads no
 * further than the first word that is no flag. `set` may name a file of flags, as XLA allows; then its text takes its
 * place. Throws `EngineError` where that file cannot be read.
 */
export function withFlags(set: string | undefined, flags: Readonly<Record<string, string>>): string {
  const given = textOf((set ?? '').trim());
  const named = new Set(given.split(/\s+/).map(flag => flag.replace(/^--?/, '').split('=', 1)[0]));
  const added = Object.entries(flags)
    .filter(([name]) => !named.has(name))
    .map(([name, value]) => `--${name}=${/\s/.test(value) ? JSON.stringify(value) : value}`);
  return [given, ...added].filter(text => text !== '').join(' ');
}

function textOf(set: string): string {
  if (set === '' || set.startsWith('-')) return set;
  try {
    return readRegularText(set, largestText).trim();
  } catch (cause) {
    throw new EngineError(`XLA_FLAGS names a file that cannot be read: ${reasonOf(cause)}`, {
      where: set,
      next: 'Set XLA_FLAGS to flags that begin with --, or to a readable file of such flags, or leave it out.',
      cause,
    });
  }
}
