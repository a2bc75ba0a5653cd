/** The plan of a sweep, before anything is written: what is there already, what is left to do, cores and data. */
import { configHash } from '../config/identity.js';
import { loadConfig, withConfig } from '../config/load.js';
import { type DatasetConfig, requireDataFolder } from '../data/index.js';
import { DataError } from '../errors.js';
import { writeFileAtomic } from '../io/atomicFile.js';
import { usableCores } from '../machine/cpu.js';
import { openRunStore, type RunState, type RunStore } from '../run/runStore.js';
import type { Column } from '../tables/column.js';
import { type LauncherSettings, type Sweep, taskConfig } from './manifest.js';
import type { Point } from './points.js';
import type { TaskStatus } from './status.js';

export interface PlannedRun {
  readonly index: number;
  readonly point: Point;
  /** Name and config hash of the first stage, unless it is finished. */
  readonly firstStage?: { readonly name: string; readonly hash: string };
  /** The run of the point; undefined where none has begun. */
  readonly found: { readonly state: RunState; readonly epoch: number; readonly directory: string } | undefined;
}

/** Each point with its run, where one exists. */
export function planPoints(points: readonly Point[], output: string): PlannedRun[] {
  const runs = openRunStore(output);
  return points.map((point, index) => {
    const run = runs.ofHash(point.loaded.config.name, point.hash);
    const found = run && { state: run.state, epoch: run.record.epoch, directory: run.directory };
    const firstStage = run ? undefined : openFirstStage(point, runs);
    return { index, point, found, ...(firstStage && { firstStage }) };
  });
}

/** Undefined for a point without a first stage, or with a finished one. */
function openFirstStage({ loaded }: Point, runs: RunStore): PlannedRun['firstStage'] {
  const { stages } = loaded.config;
  if (stages === undefined) return undefined;
  const { name } = stages.representation;
  const hash = configHash(stages.representation);
  return runs.ofHash(name, hash)?.state === 'finished' ? undefined : { name, hash };
}

/** Whether there is something to train. */
export function isToDo({ found }: PlannedRun): boolean {
  return found === undefined || found.state === 'resumable';
}

const todo = {
  finished: 'nothing: finished',
  'in progress': 'in progress',
  resumable: 'resume',
  diverged: 'nothing: diverged',
};

/** Columns of the plan; `seconds` is the estimate of a whole run where there is one. */
export function planColumns(seconds?: (run: PlannedRun) => number | undefined): Column<PlannedRun>[] {
  const config = ({ point }: PlannedRun) => point.loaded.config;
  return [
    { key: 'task', title: 'task', kind: 'number', value: ({ index }) => index },
    { key: 'config', title: 'config', kind: 'text', value: run => config(run).name },
    { key: 'point', title: 'point', kind: 'text', value: ({ point }) => point.label },
    { key: 'seed', title: 'seed', kind: 'number', value: run => config(run).seed },
    { key: 'step', title: 'to do', kind: 'text', value: ({ found }) => (found ? todo[found.state] : 'train') },
    {
      key: 'epoch',
      title: 'epochs',
      kind: 'text',
      value: run => `${run.found?.epoch ?? 0}/${config(run).train.epochs}`,
    },
    ...(seconds
      ? ([
          {
            key: 'minutes',
            title: 'minutes left',
            kind: 'number',
            value: run => {
              const whole = isToDo(run) ? seconds(run) : 0;
              return whole === undefined ? undefined : (leftOf(run, whole) / 60).toFixed(1);
            },
          },
        ] satisfies Column<PlannedRun>[])
      : []),
  ];
}

/**
 * Seconds left of a run that takes `whole` seconds; a run without epochs is evaluation alone, of which none is done.
 */
export function leftOf({ point, found }: PlannedRun, whole: number): number {
  const { epochs } = point.loaded.config.train;
  return epochs === 0 ? whole : whole * (1 - (found?.epoch ?? 0) / epochs);
}

/**
 * The points with `threads` written into each config that leaves it open, so that runs side by side share the cores.
 * The config hash stays the same.
 */
export function shareCores(points: readonly Point[], launcher: LauncherSettings): readonly Point[] {
  const threads = threadsPerRun(launcher, points.length);
  if (threads === undefined) return points;
  return points.map(point => {
    const { loaded } = point;
    if (loaded.config.threads !== 'auto') return point;
    return { ...point, loaded: withConfig(loaded, { ...loaded.config, threads }) };
  });
}

/**
 * The same for the tasks that a sweep goes on with, after a change of the launcher. A run that has begun keeps its
 * count of threads, and with it its bits.
 */
export function shareCoresAgain(sweep: Sweep, open: readonly Pick<TaskStatus, 'task' | 'directory'>[]): void {
  const threads = threadsPerRun(sweep.manifest.launcher, open.length) ?? 'auto';
  for (const { task, directory } of open) {
    if (!task.shares_cores || directory !== undefined) continue;
    const file = taskConfig(sweep, task.index);
    const loaded = loadConfig(file);
    if (loaded.config.threads !== threads)
      writeFileAtomic(file, withConfig(loaded, { ...loaded.config, threads }).yaml);
  }
}

/** Undefined for a run that may take all cores. */
function threadsPerRun(launcher: LauncherSettings, runs: number): number | undefined {
  if (launcher.name === 'slurm') return launcher.options.cpus ?? 1;
  const slots = Math.min(launcher.slots, runs);
  return slots === 1 ? undefined : Math.max(1, Math.floor(usableCores() / slots));
}

/** Runs at a time for which there are cores, by the `threads` of the configs; one where a config leaves it open. */
export function slotsByCores(points: readonly Point[]): number {
  const cores = usableCores();
  const threads = points.map(({ loaded }) => loaded.config.threads);
  const most = Math.max(...threads.map(count => (count === 'auto' ? cores : count)));
  return Math.max(1, Math.floor(cores / most));
}

/**
 * Throws the `DataError` of the first point where no point finds its data: all runs would fail with this error. `data`
 * is the folder of `--data`.
 */
export async function requireData(points: readonly Point[], data: string | undefined): Promise<void> {
  let first: DataError | undefined;
  for (const config of distinctData(points)) {
    try {
      await requireDataFolder(config, { dataRoot: data });
      return;
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      first ??= error;
    }
  }
  if (first !== undefined) throw first;
}

/** One config for each dataset and folder. */
function distinctData(points: readonly Point[]): Iterable<DatasetConfig> {
  const configs = points.map(({ loaded }) => loaded.config.data);
  return new Map(configs.map(config => [`${config.dataset} ${config.root ?? ''}`, config])).values();
}
