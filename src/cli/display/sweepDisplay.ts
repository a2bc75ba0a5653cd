/** The display of a local sweep: one bar over the epochs of all runs, and a line for each run that ends. */
import { displayPath } from '../../io/homePath.js';
import { openRunStore } from '../../run/runStore.js';
import type { PoolObserver } from '../../sweep/localPool.js';
import { type Sweep, type SweepTask, taskLog } from '../../sweep/manifest.js';
import { describeRun } from '../../sweep/points.js';
import { scoresOf, type TaskStatus, taskStatus } from '../../sweep/status.js';
import { twoDecimals } from '../../tables/column.js';
import { mayRepeat } from '../../train/signals.js';
import { createProgress } from './progress.js';

export interface SweepDisplay extends PoolObserver {
  onEnd(status: TaskStatus): void;
  note(line: string): void;
  /** The number of runs that ended without a result, except those that this process stopped. */
  failures(): number;
  stop(): void;
}

export function createSweepDisplay(
  sweep: Sweep,
  tasks: readonly SweepTask[],
  { quiet = false }: { quiet?: boolean | undefined },
): SweepDisplay {
  // Epochs end minutes apart, so only the rate since the start predicts the end.
  const progress = createProgress({
    quiet,
    intervalSeconds: 60,
    rateWindowSeconds: Number.POSITIVE_INFINITY,
  });
  const note = (line: string) => (quiet ? process.stderr.write(`${line}\n`) : progress.note(line));
  const runs = openRunStore(sweep.output);
  const epochs = new Map(tasks.map(task => [task.index, taskStatus(sweep, task, undefined, runs).epoch]));
  const total = tasks.reduce((sum, task) => sum + task.epochs, 0);
  const done = () => [...epochs.values()].reduce((sum, epoch) => sum + epoch, 0);
  let [running, finished, failed, begun, stopped] = [0, 0, 0, false, false];
  const payload = () => ({ runs: `${finished}/${tasks.length}`, running, ...(failed > 0 && { failed }) });
  const update = () => progress.update(done(), payload());

  return {
    note,
    failures: () => failed,
    onStart() {
      running++;
      if (begun) update();
      else progress.start(total, payload(), done());
      begun = true;
    },
    onProgress({ task, epoch }) {
      epochs.set(task.index, epoch);
      update();
    },
    onEnd(status) {
      const { task, epoch, state, reason } = status;
      running--;
      epochs.set(task.index, epoch);
      if (state === 'finished') {
        finished++;
        const { plain, rebalanced } = scoresOf(status);
        if (!quiet) {
          note(
            `finished: ${describeRun(task)}: top-1 ${twoDecimals(plain?.top1)}, re-balanced ` +
              `${twoDecimals(rebalanced?.top1)}`,
          );
        }
      } else if (stopped) {
        if (!quiet) note(`saved: ${describeRun(task)}, after epoch ${epoch}`);
      } else {
        failed++;
        const log = displayPath(taskLog(sweep, task.index));
        note(`${state}: ${describeRun(task)}: ${reason ?? 'no reason is known'} (${log})`);
      }
      update();
    },
    onStop(signal) {
      note(
        stopped
          ? `${signal}: ending the runs at once.`
          : `${signal}: ${running} run${running === 1 ? '' : 's'} finishing the step and ` +
              `saving${mayRepeat(signal) ? '' : '; once more to stop at once'}.`,
      );
      stopped = true;
    },
    stop: () => progress.stop(),
  };
}
