/** XLA's flags for NVIDIA GPUs. A plugin reads them only from XLA_FLAGS, at its first client or compilation. */
import { EngineError } from '../../errors.js';
import { reasonOf } from '../../io/faults.js';
import { largestText, readRegularText } from '../../io/regularFile.js';

/**
 * First version of the PJRT API (0.x) whose plugins are known to have the flags below: jax-cuda13-pjrt 0.10.2. XLA ends
 * the process at a flag or a value that it does not know.
 */
const firstMinor = 112;

const choices = {
  // CUDA graphs: by default XLA records library calls, fusions and copies, but not convolutions. Then every convolution
  // ends a graph, and the host launches many small ones.
  xla_gpu_enable_command_buffer: '+CONVOLUTION',
  // Excludes kernels that add in a changing order (atomics), such as some of cuDNN's filter gradients: runs must repeat
  // to the bit. Autotuning chooses among the other kernels.
  xla_gpu_exclude_nondeterministic_ops: 'true',
} as const;

/** XLA_FLAGS for a CUDA plugin with API version 0.`minor`: the user's flags, and gala's choices for all others. */
export function cudaXlaFlags(set: string | undefined, minor: number): string | undefined {
  return minor < firstMinor ? set : withFlags(set, choices);
}

/**
 * The text `set` of XLA_FLAGS, with `--name=value` added for each flag that it does not have. Values with white space
 * are quoted, because XLA stops reading at the first word that is not a flag. `set` may also be the path of a file with
 * flags; then the result has the file's text. Throws `EngineError` where the file cannot be read.
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
