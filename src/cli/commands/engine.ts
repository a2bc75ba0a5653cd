/** `gala engine install|list|remove`: fetches, shows and removes compute engines. */
import { type Command, Option } from 'commander';
import type { FoundEngine } from '../../engine/found.js';
import type { WheelPin } from '../../engine/install/pin.js';
import type { InstallOptions } from '../../engine/install/publish.js';
import { ConfigError, GalaError } from '../../errors.js';
import { shellWord } from '../../io/shellWord.js';
import { printJson } from '../display/output.js';
import { createProgress } from '../display/progress.js';

interface InstallFlags {
  force?: boolean;
  cache?: string;
  from?: string;
  xlaCpu?: boolean;
  eager?: boolean;
  cuda?: string | true;
  systemCuda?: boolean;
  plan?: boolean;
}

/** Adds the `engine` command and its sub-commands to the program. */
export function registerEngineCommand(program: Command): void {
  const engine = program.command('engine').description('install, list and remove the engines that do the computing');

  engine
    .command('install')
    .description('download the TensorFlow library into a cache shared by all checkouts (274 MB, 854 MB on disk)')
    .option('--cpu', 'the engine for CPUs (the default)')
    .option('--xla-cpu', 'the XLA plugin for CPUs, for `engine: xla` (63 MB, 259 MB on disk)')
    .addOption(
      new Option(
        '--cuda [version]',
        'the XLA plugin for NVIDIA GPUs, with the parts of CUDA it needs: 13 (1.3 GB, 2.0 GB on disk) or 12 ' +
          '(1.9 GB, 3.0 GB on disk); chosen by the driver when left out',
      ).conflicts(['cpu', 'xlaCpu', 'eager']),
    )
    .option(
      '--system-cuda',
      'with --cuda: the plugin alone (124 or 174 MB), CUDA and cuDNN 9 being installed system-wide',
    )
    .addOption(
      new Option(
        '--plan',
        'with --cuda: only what `gala bench plan` compiles with (230 MB, 485 MB on disk), on a machine ' +
          'without a GPU too',
      ).conflicts(['systemCuda']),
    )
    .option('--eager', 'tfjs-node-gpu, for `engine: eager`: 0.3 MB and a C++ compiler, beside the engine for CPUs')
    .option('--force', 'install again even if it is there')
    .option('--cache <dir>', 'cache folder (default: $GALA_CACHE, else $XDG_CACHE_HOME/gala, else ~/.cache/gala)')
    .option('--from <wheel>', 'install from this wheel file, or (--cuda) a folder of wheels, instead of downloading')
    .action(install);

  engine
    .command('list')
    .description('show the engines found, in the order of preference')
    .option('--json', 'print JSON')
    .option('--cache <dir>', 'cache folder (default as above)')
    .action(list);

  engine
    .command('remove')
    .description('remove engines from the cache, or `compiled`: the programs that engine xla has compiled')
    .argument('[name...]', 'names of `gala engine list`, with or without version')
    .option('--all', 'everything')
    .option('--cache <dir>', 'cache folder (default as above)')
    .action(remove);
}

async function install(flags: InstallFlags): Promise<void> {
  const [{ installEngine }, { installAddon }, { cacheFolder }, { tensorflowCpu, xlaCpu }] = await Promise.all([
    import('../../engine/install/install.js'),
    import('../../engine/install/addon.js'),
    import('../../io/homePath.js'),
    import('../../engine/install/pin.js'),
  ]);
  const listener = createProgress();
  const lone = flags.systemCuda ? '--system-cuda' : flags.plan ? '--plan' : undefined;
  if (lone !== undefined && flags.cuda === undefined) {
    throw new ConfigError(`${lone} says which parts of CUDA are installed.`, {
      where: 'gala engine install',
      next: 'Give --cuda as well.',
    });
  }
  if (flags.cuda === true && !flags.plan && !flags.force && (await tellPluginOfPython())) return;
  const pin = flags.cuda === undefined ? (flags.xlaCpu ? xlaCpu : tensorflowCpu) : await cudaPin(flags.cuda, flags);
  const { folder, manifest, fresh } = flags.eager
    ? await installAddon({ ...flags, listener })
    : await installEngine({ ...flags, pin, listener });
  const verb = fresh ? 'Installed' : 'Already installed:';
  process.stdout.write(`${verb} ${manifest.name} ${manifest.version} in ${folder}\n`);
  if (pin === tensorflowCpu) await compileOperations({ ...flags, listener });
  const cache = cacheFolder(flags.cache);
  if (cache !== cacheFolder()) process.stdout.write(`For gala to find it there, set GALA_CACHE=${shellWord(cache)}\n`);
}

/** Compiles gala's operations where there is a compiler; TensorFlow has its own, so a failure is only told. */
async function compileOperations(options: InstallOptions): Promise<void> {
  const [{ installOperations }, { operationsLibrary }] = await Promise.all([
    import('../../engine/install/operations.js'),
    import('../../engine/install/locate.js'),
  ]);
  if (operationsLibrary() === undefined) return;
  try {
    const { folder, fresh } = await installOperations(options);
    if (fresh) process.stdout.write(`Compiled gala’s operations in ${folder}\n`);
  } catch (error) {
    if (!(error instanceof GalaError)) throw error;
    const lines = ['gala’s own operations are not installed:', error.message, error.where, error.next];
    process.stdout.write(`${lines.filter(line => line !== undefined).join('\n')}\n`);
  }
}

/** The pinned plugin for the given version of CUDA, else for the driver. Throws `EngineError`, `ConfigError`. */
async function cudaPin(version: string | true, { systemCuda, plan }: InstallFlags): Promise<WheelPin> {
  const [{ cudaCompiler, cudaFor, cudaPins }, { askGpuDriver }] = await Promise.all([
    import('../../engine/install/cuda.js'),
    import('../../engine/gpu.js'),
  ]);
  if (version !== true && version !== '12' && version !== '13') {
    throw new ConfigError(`There is no plugin for --cuda ${version}.`, {
      where: 'gala engine install',
      next: 'Give --cuda 13 (drivers from 580 on), --cuda 12 (from 525 on), or --cuda alone, which asks the driver.',
    });
  }
  if (plan) {
    if (version !== '12') return cudaCompiler;
    throw new ConfigError('--plan goes with CUDA 13 only, which compiles for every GPU from Turing on.', {
      where: 'gala engine install --cuda 12',
      next: 'gala engine install --cuda 13 --plan',
    });
  }
  const pin = cudaPins[version === true ? cudaFor(await askGpuDriver()) : (Number(version) as 12 | 13)];
  return systemCuda ? { ...pin, companions: [] } : pin;
}

/** True where JAX in a Python environment has the same plugin, so that no download is needed; prints where. */
async function tellPluginOfPython(): Promise<boolean> {
  const [{ findCudaPlugin }, { askGpuDriver }] = await Promise.all([
    import('../../engine/pjrt/locate.js'),
    import('../../engine/gpu.js'),
  ]);
  const driver = await askGpuDriver();
  const found = 'missing' in driver ? undefined : findCudaPlugin(driver.cuda);
  if (found?.origin !== 'python') return false;
  process.stdout.write(
    `A Python environment has XLA's CUDA plugin ${found.version}, and gala uses it: ${found.path}\nFor a ` +
      `copy of gala's own: gala engine install --cuda --force\n`,
  );
  return true;
}

async function list(flags: { json?: boolean; cache?: string }): Promise<void> {
  const [{ everyEngine }, { cacheFolder }, { cachedItems }, { engineSettings }, { cacheWarning }] = await Promise.all([
    import('../../engine/found.js'),
    import('../../io/homePath.js'),
    import('../../engine/install/remove.js'),
    import('../../engine/index.js'),
    import('../../engine/install/cacheAccess.js'),
  ]);
  const cache = cacheFolder(flags.cache);
  const foundWith = (folder: string) => everyEngine({ ...process.env, GALA_CACHE: folder });
  const found = foundWith(cache);
  const auto = await engineSettings({ engine: 'auto', device: 'auto', precision: 'auto', threads: 'auto' });
  const usual = cacheFolder();
  const taken = (cache === usual ? found : foundWith(usual)).find(
    ({ engine, device }) => engine === auto.engine && device === (auto.device === undefined ? 'cpu' : 'cuda'),
  );
  const used = found.find(({ engine, path }) => engine === taken?.engine && path === taken.path);
  if (flags.json) {
    printJson(
      found.map(engine => ({ ...engine, auto: engine === used })),
      2,
    );
    return;
  }
  if (found.length === 0) process.stdout.write('No engine found. Install one with: gala engine install\n');
  process.stdout.write(found.map(engine => describe(engine, engine === used)).join(''));
  const items = cachedItems(cache);
  if (items.length === 0) return;
  const warning = cacheWarning(cache);
  const lines = items.map(({ name, bytes }) => `  ${name}   ${megabytes(bytes)}\n`);
  process.stdout.write(`In the cache ${cache} (gala engine remove NAME):\n${lines.join('')}`);
  if (warning !== undefined) process.stderr.write(`Warning: ${warning}\n`);
}

function describe({ engine, device, version, origin, path, bytes }: FoundEngine, isUsed: boolean): string {
  const used = isUsed ? '   <- auto uses this one' : '';
  return `${engine} (${device}) ${version}   ${megabytes(bytes)}   ${origin}   ${path}${used}\n`;
}

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;

async function remove(names: string[], flags: { all?: boolean; cache?: string }): Promise<void> {
  const [{ cachedItems, removeFromCache }, { cacheFolder }] = await Promise.all([
    import('../../engine/install/remove.js'),
    import('../../io/homePath.js'),
  ]);
  const cache = cacheFolder(flags.cache);
  const chosen = flags.all ? cachedItems(cache).map(({ name }) => name) : names;
  if (chosen.length === 0 && !flags.all) {
    throw new ConfigError('Nothing is named to be removed.', {
      where: 'gala engine remove',
      next: `In the cache are: ${
        cachedItems(cache)
          .map(({ name }) => name)
          .join(', ') || 'no engines'
      }. Name some, or give --all.`,
    });
  }
  const removed = await removeFromCache(cache, chosen, holder =>
    process.stderr.write(`An installation is at work (${holder}); waiting for it …\n`),
  );
  for (const { name, path, bytes, left } of removed) {
    process.stdout.write(`Removed ${name} (${megabytes(bytes)})\n`);
    if (left > 0)
      process.stderr.write(`Left in ${path}: ${left} files that gala's list of the engine does not name.\n`);
  }
  if (removed.length === 0) process.stdout.write(`There is nothing in ${cache}\n`);
}
