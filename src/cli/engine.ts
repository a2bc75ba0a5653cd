/** `gala engine install|list`: fetches the compute engine, shows which ones are there. */
import type { Command } from 'commander';
import type { TensorFlowLocation } from '../engine/install/locate.js';
import { createProgress } from './progress.js';

interface InstallFlags {
  force?: boolean;
  cache?: string;
  from?: string;
  xlaCpu?: boolean;
  eager?: boolean;
}

/** Adds the `engine` command and its sub-commands to the program. */
export function registerEngineCommand(program: Command): void {
  const engine = program.command('engine').description('install and list the engines that do the computing');

  engine
    .command('install')
    .description('download the TensorFlow library into a cache shared by all checkouts (274 MB, 854 MB on disk)')
    .option('--cpu', 'the engine for CPUs (the default)')
    .option('--xla-cpu', 'the XLA plugin for CPUs, for `engine: xla` (63 MB, 259 MB on disk)')
    .option('--eager', 'tfjs-node-gpu, for `engine: eager`: 0.3 MB and a C++ compiler, beside the engine for CPUs')
    .option('--force', 'install again even if it is there')
    .option('--cache <dir>', 'cache folder (default: $GALA_CACHE, else $XDG_CACHE_HOME/gala, else ~/.cache/gala)')
    .option('--from <wheel>', 'install from this wheel file instead of downloading it')
    .action(install);

  engine
    .command('list')
    .description('show the engines found, in the order of preference')
    .option('--json', 'print JSON')
    .option('--cache <dir>', 'cache folder (default as above)')
    .action(list);
}

async function install(flags: InstallFlags): Promise<void> {
  const [{ installEngine }, { installAddon }, { cacheFolder }, { tensorflowCpu, xlaCpu }] = await Promise.all([
    import('../engine/install/install.js'),
    import('../engine/install/addon.js'),
    import('../engine/install/cache.js'),
    import('../engine/install/pin.js'),
  ]);
  const listener = createProgress({ stream: process.stderr });
  const { folder, manifest, fresh } = flags.eager
    ? await installAddon({ ...flags, listener })
    : await installEngine({ ...flags, pin: flags.xlaCpu ? xlaCpu : tensorflowCpu, listener });
  const verb = fresh ? 'Installed' : 'Already installed:';
  process.stdout.write(`${verb} ${manifest.name} ${manifest.version} in ${folder}\n`);
  const cache = cacheFolder(flags.cache);
  if (cache !== cacheFolder()) process.stdout.write(`For gala to find it there, set GALA_CACHE=${cache}\n`);
}

async function list(flags: { json?: boolean; cache?: string }): Promise<void> {
  const { listTensorFlow } = await import('../engine/install/locate.js');
  const found = listTensorFlow(undefined, flags);
  if (flags.json) {
    const engines = found.map((location, index) => ({ engine: 'tensorflow', ...location, auto: index === 0 }));
    process.stdout.write(`${JSON.stringify(engines, null, 2)}\n`);
  } else if (found.length === 0) {
    process.stdout.write('No engine found. Install one with: gala engine install\n');
  } else {
    process.stdout.write(found.map(describe).join(''));
  }
}

function describe(location: TensorFlowLocation, index: number): string {
  const { version, origin, bytes, libraryFolder } = location;
  const used = index === 0 ? '   <- auto uses this one' : '';
  return `tensorflow ${version}   ${Math.round(bytes / 1e6)} MB   ${origin}   ${libraryFolder}${used}\n`;
}
