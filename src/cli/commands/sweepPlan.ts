/** Prints the plan of a sweep: a line per run, then time and disk. */
import type { StageConfig } from '../../config/schema.js';
import type { PlannedSet } from '../../sweep/estimate.js';
import type { LauncherSettings } from '../../sweep/manifest.js';
import type { PlannedRun } from '../../sweep/plan.js';
import { tableWidth } from '../display/output.js';
import { createProgress, formatDuration } from '../display/progress.js';

type Config = PlannedRun['point']['loaded']['config'];

export interface PlanPrint {
  /** `--data`: the folder from which the sizes of own sets are read. */
  readonly data: string | undefined;
  /** Whether to measure the speed of each kind of run first, which takes about ten seconds each. */
  readonly estimate: boolean;
  readonly stream: NodeJS.WriteStream;
}

/** Prints the plan. Throws `EngineError` where the speed cannot be measured. */
export async function printPlan(
  planned: readonly PlannedRun[],
  launcher: LauncherSettings,
  { data, estimate, stream }: PlanPrint,
): Promise<void> {
  const { isToDo, planColumns } = await import('../../sweep/plan.js');
  const { formatTable, wrapped } = await import('../../tables/format.js');
  const todo = planned.filter(isToDo);
  const setOf = await setsOf(todo, data);
  const seconds = estimate && todo.length > 0 ? await estimateOf(todo, setOf) : undefined;
  const width = tableWidth();
  const print = (line: string) => stream.write(`${wrapped(line, width)}\n`);
  stream.write(`${formatTable(planned, planColumns(seconds), 'terminal', { width })}\n\n`);
  print(countsOf(planned));
  if (todo.length === 0) return;
  print(where(launcher));
  for (const line of firstStagesOf(todo)) print(line);
  if (seconds) for (const line of await timeOf(todo, seconds, launcher)) print(line);
  for (const line of await diskOf(todo, setOf)) print(line);
}

function countsOf(planned: readonly PlannedRun[]): string {
  const names = { finished: 'finished', 'in progress': 'in progress', resumable: 'to resume', diverged: 'diverged' };
  const count = (test: (run: PlannedRun) => boolean, name: string) => {
    const n = planned.filter(test).length;
    return n === 0 ? [] : [`${n} ${name}`];
  };
  const parts = [
    ...count(({ found }) => found === undefined, 'to train'),
    ...Object.entries(names).flatMap(([state, name]) => count(({ found }) => found?.state === state, name)),
  ];
  return `${planned.length} run${planned.length === 1 ? '' : 's'}: ${parts.join(', ')}.`;
}

/** Sentences about first stages, which have no line in the plan. */
function firstStagesOf(todo: readonly PlannedRun[]): string[] {
  const stages = todo.flatMap(({ firstStage }) => firstStage ?? []);
  const byHash = new Map(stages.map(stage => [stage.hash, stage]));
  return [...byHash.values()].map(({ name, hash }) => {
    const runs = stages.filter(stage => stage.hash === hash).length;
    return (
      `First stage ${name}: trained before ${runs === 1 ? 'its run' : `its ${runs} runs, once`}; its time ` +
      'is not in the estimate.'
    );
  });
}

function where(launcher: LauncherSettings): string {
  if (launcher.name === 'local') {
    if (launcher.gpus) return `On this machine, one run at a time on each of the GPUs ${launcher.gpus.join(', ')}.`;
    return `On this machine, ${launcher.slots === 1 ? 'one run after the other' : `${launcher.slots} runs at a time`}.`;
  }
  const { setup: _, extra: __, ...options } = launcher.options;
  const shown = Object.entries({ cpus: 1, ...options }).map(([key, value]) => `${key} ${value}`);
  return `On SLURM: ${shown.join(', ')}.`;
}

type SetOf = (config: Config) => PlannedSet;

/** The set of each run; equal sets are read once. */
async function setsOf(todo: readonly PlannedRun[], data: string | undefined): Promise<SetOf> {
  const { plannedSet, setKey } = await import('../../sweep/estimate.js');
  const sets = new Map<string, PlannedSet>();
  for (const { point } of todo) {
    const { config } = point.loaded;
    const key = setKey(config);
    if (!sets.has(key)) sets.set(key, await plannedSet(config, data));
  }
  return config => sets.get(setKey(config))!;
}

/** Measures the speed of each kind of run; the result gives the seconds of a whole run. */
async function estimateOf(todo: readonly PlannedRun[], setOf: SetOf): Promise<(run: PlannedRun) => number> {
  const { measureSpeed, secondsOf, speedKey } = await import('../../sweep/estimate.js');
  const configOf = ({ point }: PlannedRun) => point.loaded.config;
  const kinds = new Map(todo.map(run => [speedKey(configOf(run)), run]));
  const speeds = new Map<string, Awaited<ReturnType<typeof measureSpeed>>>();
  const progress = createProgress();
  progress.note(
    `Measuring the speed of ${kinds.size === 1 ? 'such a run' : `${kinds.size} kinds of runs`} (gala bench) …`,
  );
  for (const [key, { point }] of kinds)
    speeds.set(key, await measureSpeed(point.loaded, setOf(point.loaded.config).data));
  return run => secondsOf(configOf(run), setOf(configOf(run)).sizes, speeds.get(speedKey(configOf(run)))!);
}

async function timeOf(
  todo: readonly PlannedRun[],
  seconds: (run: PlannedRun) => number,
  launcher: LauncherSettings,
): Promise<string[]> {
  const { leftOf } = await import('../../sweep/plan.js');
  const left = todo.map(run => leftOf(run, seconds(run)));
  const sum = left.reduce((total, one) => total + one, 0);
  const measured = 'at the speed of one run alone, measured just now on this machine';
  if (launcher.name === 'slurm')
    return [`Time: about ${formatDuration(sum)} of runs, ${measured}; the nodes may differ.`];
  const slots = Math.min(launcher.slots, todo.length);
  const wall = Math.max(sum / slots, ...left);
  const beside =
    slots === 1 ? '' : `, ${formatDuration(wall)} with ${slots} at a time if they do not slow each other down`;
  return [`Time: about ${formatDuration(sum)}${beside}, ${measured}.`];
}

/** Sentences about the disk that runs and first stages need, and about assumed sizes. */
async function diskOf(todo: readonly PlannedRun[], setOf: SetOf): Promise<string[]> {
  const { bytesOf, diskKey, setKey } = await import('../../sweep/estimate.js');
  const known = new Map<string, ReturnType<typeof bytesOf>>();
  const sizeOf = (config: StageConfig, trainedOn: Config) => {
    const key = `${setKey(trainedOn)} ${diskKey(config)}`;
    const size = known.get(key) ?? bytesOf(config, setOf(trainedOn));
    known.set(key, size);
    return size;
  };
  const configs = todo.map(({ point }) => point.loaded.config);
  const stages = new Map(
    todo.flatMap(({ point, firstStage }) => (firstStage ? [[firstStage.hash, point.loaded.config] as const] : [])),
  );
  const all = [
    ...configs.map(config => sizeOf(config, config)),
    ...[...stages.values()].map(config => sizeOf(config.stages!.representation, config)),
  ];
  const bytes = (key: 'checkpoints' | 'results') => all.reduce((sum, size) => sum + size[key], 0);
  const [checkpoints, results] = [bytes('checkpoints'), bytes('results')];
  const assumed = new Map(configs.map(setOf).map(set => [set.assumed, set]));
  return [
    `Disk: about ${megabytes(checkpoints + results)} MB: ${megabytes(results)} MB of results, ` +
      `${megabytes(checkpoints)} MB of checkpoints (gala runs clean removes those of finished runs).`,
    ...[...assumed].flatMap(([reason, { counts, sizes }]) => {
      if (reason === undefined) return [];
      const images = `${sizes.train} training and ${sizes.test} test images`;
      return `Assumed are ${counts.length} classes, ${images}, because the set cannot be read here: ${reason}`;
    }),
  ];
}

/** Two digits at least. */
function megabytes(bytes: number): number {
  return bytes < 10e6 ? Number((bytes / 1e6).toPrecision(2)) : Math.round(bytes / 1e6);
}
