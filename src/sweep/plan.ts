/** The plan of a sweep, before anything is written: what there is already, what is left to do, time and disk. */
import { configHash } from '../config/identity.js';
import { withConfig } from '../config/load.js';
import { usableCores } from '../machine/cpu.js';

import { openRunStore, type RunState, type RunStore } from '../run/runStore.js';
import type { Column } from '../tables/column.js';

import type { Point } from './points.js';

export interface PlannedRun {
  readonly index: number;
  readonly point: Point;
  /** The first stage it waits for, where that is not finished: by its name and config hash. */
  readonly firstStage?: { readonly name: string; readonly hash: string };
  /** Undefined where nothing is trained yet. */
  readonly found: { readonly state: RunState; readonly epoch: number; readonly directory: string } | undefined;
}

/** Each point with the run that holds it already, if one does. */
export function planPoints(points: readonly Point[], output: string): PlannedRun[] {
  const runs = openRunStore(output);
  return points.map((point, index) => {
    const run = runs.ofHash(point.loaded.config.name, point.hash);
    const found = run && { state: run.state, epoch: run.record.epoch, directory: run.directory };
    const firstStage = run ? undefined : openFirstStage(point, runs);
    return { index, point, found, ...(firstStage && { firstStage }) };
  });
}

/** The first stage of a point, unless there is none or it is finished. */
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
 * Seconds left of a run that takes `whole` seconds from its beginning; without epochs it is evaluation alone, to be
 * done whole.
 */
export function leftOf({ point, found }: PlannedRun, whole: number): number {
  const { epochs } = point.loaded.config.train;
  return epochs === 0 ? whole : whole * (1 - (found?.epoch ?? 0) / epochs);
}

/**
 * Runs side by side must not each take all cores: where a config leaves `threads` open it gets `threads`, written into
 * its resolved text. The config hash does not change by it.
 */
export function withThreads(point: Point, threads: number): Point {
  const { loaded } = point;
  if (loaded.config.threads !== 'auto') return point;
  return { ...point, loaded: withConfig(loaded, { ...loaded.config, threads }) };
}

/**
 * Slots that the cores have room for: one for each `threads` cores where all points say how many they take, else one.
 */
export function slotsByCores(points: readonly Point[], cores = usableCores()): number {
  const threads = points.map(({ loaded }) => loaded.config.threads);
  const most = Math.max(...threads.map(count => (count === 'auto' ? cores : count)));
  return Math.max(1, Math.floor(cores / most));
}
