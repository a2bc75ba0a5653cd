/** `gala doctor`: the hardware of this machine, the engines that can train here, and what to install. */
import type { Command } from 'commander';
import type { EngineReport } from '../../doctor/engines.js';
import type { MachineReport } from '../../doctor/machine.js';
import type { SelfTestOutcome } from '../../doctor/selfTest.js';
import type { CheckedEngine } from '../../engine/install/content.js';
import { canRedraw, printJson, unguarded } from '../display/output.js';
import { CommandExit } from '../failure.js';

const noEngineExitCode = 5;

type Tested = EngineReport & { readonly selfTest?: SelfTestOutcome };

export function registerDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('check this machine: hardware, engines with a self-test and their speed, what to install')
    .option('--deep', 'compare the files of the engines in the cache with what was installed, byte for byte')
    .option('--json', 'print JSON')
    .action(doctor);
}

async function doctor({ deep, json }: { deep?: boolean; json?: boolean }): Promise<void> {
  const [
    { describeMachine },
    { engineSettings },
    { lacksOperations },
    { checkContents },
    { cacheWarning },
    { cacheFolder },
  ] = await Promise.all([
    import('../../doctor/machine.js'),
    import('../../engine/index.js'),
    import('../../engine/install/locate.js'),
    import('../../engine/install/content.js'),
    import('../../engine/install/cacheAccess.js'),
    import('../../io/homePath.js'),
  ]);
  const say = (text: string) => {
    if (!json) process.stdout.write(text);
  };
  const machine = await describeMachine();
  say(machineText(machine));
  const contents = deep ? await checkContents(cacheFolder()) : undefined;
  if (contents) say(contentsText(contents));
  const changed = contents?.filter(({ content }) => content === 'changed') ?? [];
  const engines = await testEngines(machine.gpu, changed, engine => say(engineText(engine)));
  const chosen = await engineSettings({ engine: 'auto', device: 'auto', precision: 'auto', threads: 'auto' });
  const auto = { engine: chosen.engine, device: chosen.device ?? 'cpu', precision: chosen.precision };
  const working = engines.filter(({ selfTest }) => selfTest?.passed);
  const canTrain = working.length > 0;
  const autoWorks = working.some(({ engine, device }) => engine === auto.engine && auto.device.startsWith(device));
  const warning = cacheWarning();
  const advice = [
    ...(canTrain && !autoWorks
      ? [`What auto takes cannot train here. Name an engine that can: --engine ${working[0]!.engine}`]
      : []),
    ...adviceFor(engines),
    ...(canTrain && auto.engine === 'tensorflow' && auto.precision === 'fp32' && lacksOperations()
      ? ['To train up to 2.1 times as fast, install a C++ compiler, then: gala engine install']
      : []),
    ...contentAdvice(contents ?? []),
    ...(warning === undefined ? [] : [warning]),
    ...('missing' in machine.images ? [`To read image files: ${machine.images.next}`] : []),
  ];
  if (json) {
    const listed = engines.map(({ settings: _, ...engine }) => engine);
    printJson({ ...machine, ...(contents && { contents }), engines: listed, auto, advice, canTrain }, 2);
  } else {
    say(
      canTrain
        ? `\nengine: auto takes ${auto.engine} on ${auto.device}, ${auto.precision}.\n`
        : '\nNo engine can train here.\n',
    );
    say(advice.map(line => `${line}\n`).join(''));
  }
  if (!canTrain || changed.length > 0) throw new CommandExit(noEngineExitCode);
}

/** Tests the engines of this machine one after the other, except changed ones; `onTested` gets each. */
async function testEngines(
  gpu: MachineReport['gpu'],
  changed: readonly CheckedEngine[],
  onTested: (engine: Tested) => void,
): Promise<Tested[]> {
  const { findEngines } = await import('../../doctor/engines.js');
  const { selfTestInProcess } = await import('../../doctor/selfTest.js');
  const engines: Tested[] = [];
  for (const engine of await findEngines(gpu)) {
    let tested: Tested = engine;
    if (loadsChanged(changed, engine)) {
      tested = { ...engine, fault: 'changed since it was installed: not tested, for that would run it' };
    } else if (engine.settings) {
      if (canRedraw(process.stderr)) unguarded(process.stderr).write(`Testing ${nameOf(engine)} …\r\x1b[K`);
      tested = { ...engine, selfTest: await selfTestInProcess(engine.settings) };
    }
    engines.push(tested);
    onTested(tested);
  }
  return engines;
}

/** What an engine loads besides itself, as the beginning of its name in the cache. */
const loads: Partial<Record<string, string>> = { eager: 'tensorflow-', tensorflow: 'operations-' };

/** Whether an engine is a changed one or loads it. */
function loadsChanged(changed: readonly CheckedEngine[], { engine, found }: EngineReport): boolean {
  const isIn = (folder: string) => found?.path === folder || found?.path.startsWith(`${folder}/`);
  return changed.some(
    ({ name, folder }) => isIn(folder) || (loads[engine] !== undefined && name.startsWith(loads[engine])),
  );
}

function contentsText(contents: readonly CheckedEngine[]): string {
  if (contents.length === 0) return 'No engine is in the cache: there is nothing to compare.\n\n';
  const verdicts = {
    unchanged: 'its files are those that were installed',
    changed: 'CHANGED: its files are not those that were installed',
    unknown: 'not compared: an older gala installed it without checksums',
  };
  return `${contents.map(({ name, content }) => `${name}: ${verdicts[content]}\n`).join('')}\n`;
}

function contentAdvice(contents: readonly CheckedEngine[]): string[] {
  const sentences = {
    unchanged: () => [],
    changed: ({ name, install }: CheckedEngine) => [
      `${name} was changed in the cache. To install it again: ${install}`,
    ],
    unknown: ({ name, install }: CheckedEngine) => [`For a checksum of ${name}: ${install}`],
  };
  return contents.flatMap(engine => sentences[engine.content](engine));
}

function machineText({ versions, host, glibc, cpu_features, gpu, disks, images, ...memory }: MachineReport): string {
  const limit = memory.memory_limit_bytes === null ? '' : `, limited to ${gigabytes(memory.memory_limit_bytes)}`;
  const lines = [
    ['gala', `${versions.gala} on Node ${versions.node}, ${host.platform}, ${glibc ? `glibc ${glibc}` : 'no glibc'}`],
    ['CPU', `${host.cpu}, ${host.cores} cores to use; ${cpu_features.join(' ') || 'features unknown'}`],
    ['memory', `${gigabytes(host.memory_bytes)}, ${gigabytes(memory.memory_available_bytes)} available${limit}`],
    ...disks.map(({ holds, path, free_bytes }) => ['disk', `${gigabytes(free_bytes)} free for ${holds} (${path})`]),
    ['images', 'sharp' in images ? `sharp ${images.sharp} reads image files` : images.missing],
    ...gpuLines(gpu).map(line => ['GPU', line]),
  ];
  return `${lines.map(([name, text]) => `${name!.padEnd(8)}${text}\n`).join('')}\n`;
}

function gpuLines(gpu: MachineReport['gpu']): string[] {
  if ('missing' in gpu) return [`none: ${gpu.missing}`];
  return [
    ...gpu.gpus.map(
      ({ name, memoryBytes, computeCapability }, ordinal) =>
        `cuda:${ordinal} ${name}, ${gigabytes(memoryBytes)}, compute capability ${computeCapability.toFixed(1)}`,
    ),
    `driver ${gpu.version ?? 'of unknown version'}, CUDA up to ${gpu.cuda.toFixed(1)}`,
  ];
}

function engineText(engine: Tested): string {
  const { found, fault, selfTest } = engine;
  const name = nameOf(engine).padEnd(18);
  if (!found) return `${name}${fault ?? 'not installed'}\n`;
  const size = `${Math.round(found.bytes / 1e6)} MB`;
  const place = `${' '.repeat(18)}${found.version} (${found.origin}, ${size}) ${found.path}\n`;
  if (selfTest === undefined) return `${name}${fault ?? 'not tested'}\n${place}`;
  if ('failure' in selfTest) return `${name}FAILED: ${selfTest.failure}\n${place}`;
  const { passed, error, images_per_second: speed, precision, device } = selfTest;
  const verdict = passed ? 'self-test passed' : 'FAILED: wrong numbers';
  return (
    `${name}${verdict} (losses off by ${error.toExponential(0)}), ${speed} images/s (ResNet-32, batch 64, ` +
    `${precision}, ${device})\n${place}`
  );
}

const nameOf = ({ engine, device }: EngineReport) => `${engine} (${device})`;

/** A line for each step that would make this machine train, or train faster. */
function adviceFor(engines: readonly Tested[]): string[] {
  return engines.flatMap(engine => {
    if (engine.install) return [`To get ${nameOf(engine)}: ${engine.install}`];
    if (engine.selfTest && !engine.selfTest.passed) {
      const next = 'next' in engine.selfTest ? engine.selfTest.next : undefined;
      const again = 'install it again (gala engine install … --force); if that does not help, please report it';
      return [`${nameOf(engine)}: ${next ?? again}`];
    }
    return [];
  });
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
