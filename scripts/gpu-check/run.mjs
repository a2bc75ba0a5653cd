// The stages of scripts/gpu-check.sh on the GPU machine: run.mjs HOME OUT [STAGE…]. Every result goes to summary.json at once, so
// that what a time limit cuts off keeps what was measured before; a stage that runs again begins anew. Exit code 1 when a check failed.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { kernels, steps } from './correctness.mjs';
import { flags, large, speed } from './speed.mjs';
import { train } from './training.mjs';

const [home, out, ...wanted] = process.argv.slice(2);
const stages = { kernels, steps, speed, flags, large, train };
const names = wanted.length > 0 ? wanted : Object.keys(stages);
const unknown = names.find(name => !(name in stages));
if (unknown !== undefined) {
  process.stderr.write(`error: there is no stage ${unknown}\nnext:  ${Object.keys(stages).join(', ')}\n`);
  process.exit(2);
}

const onCpu = process.env.GPU_CHECK_DEVICE === 'cpu';
const device = onCpu ? 'cpu' : 'cuda:0';
const stage = join(home, 'stage');
process.env.GALA_CACHE = join(home, 'cache');
process.env.GALA_DATA = join(stage, 'cifar-100-binary');
mkdirSync(out, { recursive: true });

const summary = read(join(home, 'summary.json')) ?? {};
/** Merges a result into a stage's and keeps the summary. */
const note = (name, result) => {
  summary[name] = { ...summary[name], ...result };
  const path = join(home, 'summary.json');
  writeFileSync(path, `${JSON.stringify(summary, null, 2)}\n`);
  if (out !== home) copyFileSync(path, join(out, 'summary.json'));
};

const { compileCacheFolder } = await import('../../dist/src/engine/index.js');
const python = process.env.GPU_CHECK_PYTHON ?? 'python3';
const machine = await describeMachine().catch(({ message, next }) => {
  process.stderr.write(`error: ${message}\n${next === undefined ? '' : `next:  ${next}\n`}`);
  process.exit(5);
});
// For this process and those that it starts: none of them has to ask Python again
if (machine.plugin !== undefined) process.env.GALA_PJRT_PLUGIN = machine.plugin;
note('machine', machine);
process.stdout.write(`${machine.gpu ?? 'no GPU'}, ${machine.cores} cores, plugin ${machine.plugin}\n`);
const check = {
  home,
  stage,
  gala: join(stage, 'gala'),
  onCpu,
  device,
  plugin: machine.plugin,
  python,
  // With the cache of compiled programs, for bits repeat as long as it has the program (docs/engines.md)
  engine: { engine: 'xla', device, threads: availableParallelism(), compileCache: compileCacheFolder() },
};
let failed = false;
for (const name of names) {
  process.stdout.write(`\n== ${name}\n`);
  const started = performance.now();
  summary[name] = {};
  try {
    const { ok } = await stages[name](check, result => note(name, result));
    note(name, { ok });
    failed ||= !ok;
  } catch (error) {
    note(name, { ok: false, error: `${error.message}`.slice(-2000) });
    process.stdout.write(`${name} failed: ${error.message}\n`);
    failed = true;
  }
  note(name, { seconds: Math.round((performance.now() - started) / 100) / 10 });
}
process.stdout.write(`\n${names.map(name => `${name}: ${summary[name].ok ? 'ok' : 'NOT OK'}`).join(', ')}\n`);
process.stdout.write(`summary: ${join(out, 'summary.json')}\n`);
process.exit(failed ? 1 : 0);

/** What the figures are of. Exits where the GPU or its plugin is missing. */
async function describeMachine() {
  const { findPlugin, requireCudaPlugin } = await import('../../dist/src/engine/pjrt/locate.js');
  const { askGpuDriver } = await import('../../dist/src/engine/gpu.js');
  const { XLA_FLAGS = null } = process.env;
  const common = {
    date: new Date().toISOString(),
    cpu: cpus()[0].model,
    cores: availableParallelism(),
    node: process.version,
    xla_flags_set: XLA_FLAGS,
  };
  if (onCpu) return { ...common, plugin: findPlugin()?.path };
  const driver = await askGpuDriver();
  if ('missing' in driver) {
    process.stderr.write(
      `error: no GPU can be used: ${driver.missing}\nnext:  GPU_CHECK_DEVICE=cpu tries it without\n`,
    );
    process.exit(5);
  }
  const found = pluginOfPython();
  if (found !== undefined) process.env.GALA_PJRT_PLUGIN ??= found;
  const { path, version, libraries, cudaFolder } = requireCudaPlugin(driver.cuda);
  const [gpu] = driver.gpus;
  return {
    ...common,
    gpu: gpu.name,
    driver: driver.version,
    cuda: driver.cuda,
    compute_capability: gpu.computeCapability,
    plugin: path,
    plugin_version: version,
    cuda_libraries: libraries?.length,
    cuda_folder: cudaFolder,
  };
}

/** JAX's plugin for CUDA 13, else 12, where this Python would import it from: gala itself asks `python3` alone, and no longer than 10 seconds. */
function pluginOfPython() {
  const question =
    'import importlib.util as u; s = u.find_spec("jax_plugins"); print(*(s.submodule_search_locations if s else ()), sep="\\n")';
  const folders = (spawnSync(python, ['-c', question], { encoding: 'utf8' }).stdout ?? '')
    .split('\n')
    .filter(line => line !== '');
  return ['xla_cuda13', 'xla_cuda12']
    .flatMap(name => folders.map(folder => join(folder, name, 'xla_cuda_plugin.so')))
    .find(path => existsSync(path));
}

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
