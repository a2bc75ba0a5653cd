/** XLA's flags for NVIDIA GPUs. A plugin reads them from XLA_FLAGS alone, when it makes a client or compiles for the first time. */

/**
 * First version of the PJRT API (0.x) whose plugins are known to have the flags of `choices`, that of jax-cuda13-pjrt 0.10.2: XLA ends
 * the process at a flag or a value that it does not know.
 */
const firstMinor = 112;

const choices = {
  // CUDA graphs: XLA records library calls, fusions and copies by itself, convolutions only when asked. Without them a
  // network is cut into pieces at every convolution, each launched by the host.
  xla_gpu_enable_command_buffer: '+CONVOLUTION',
  // No kernels that add with atomics in an order of their own, such as some of cuDNN's filter gradients: a run is to give the same
  // bits again. Autotuning stays on among the others.
  xla_gpu_exclude_nondeterministic_ops: 'true',
} as const;

/** XLA_FLAGS for a CUDA plugin of the API version 0.`minor`: what the user set, and gala's choices where the user named none. */
export function cudaXlaFlags(set: string | undefined, minor: number): string | undefined {
  return minor < firstMinor ? set : withFlags(set, choices);
}

/** Adds `--name=value` for the names that `set` does not have. */
export function withFlags(set: string | undefined, flags: Readonly<Record<string, string>>): string {
  const given = (set ?? '').split(/\s+/).filter(flag => flag !== '');
  const named = new Set(given.map(flag => flag.replace(/^--?/, '').split('=', 1)[0]));
  const added = Object.entries(flags)
    .filter(([name]) => !named.has(name))
    .map(([name, value]) => `--${name}=${value}`);
  return [...given, ...added].join(' ');
}
