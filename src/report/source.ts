/** Words of the report's sentences: which split, checkpoint, epoch and τ a figure is of. */
import type { ReportRun } from './reportRun.js';

/** `Test split, checkpoint best of epoch 187 (chosen on test).`, or the same for each run where they differ. */
export function sourceSentence(runs: readonly ReportRun[]): string {
  const sources = runs.map(({ evaluation }) => {
    const { checkpoint, epoch, selectedOn } = evaluation;
    const chosen = selectedOn === undefined ? 'not recorded what chose it' : choiceOf(selectedOn);
    return `checkpoint ${checkpoint}${epoch === undefined ? '' : ` of epoch ${epoch}`} (${chosen})`;
  });
  const splits = [...new Set(runs.map(({ evaluation }) => evaluation.split))].join(', ');
  const same = new Set(sources).size === 1;
  const listed = same ? sources[0] : runs.map(({ label }, index) => `${label}: ${sources[index]}`).join('; ');
  return `Split ${splits}, ${listed}.`;
}

/** `chosen on test`, `the last epoch`. */
export function choiceOf(selectedOn: string): string {
  return selectedOn === 'last' ? 'the last epoch' : `chosen on ${selectedOn}`;
}

/** `τ = 1`, or the τ of each run where they differ. */
export function tauWords(runs: readonly ReportRun[]): string {
  const taus = new Set(runs.map(({ tau }) => tau));
  if (taus.size === 1) return `τ = ${runs[0]!.tau}`;
  return runs.map(({ label, tau }) => `τ = ${tau} for ${label}`).join(', ');
}

/** Class indices by falling number of training images, as the first run has them; of equal ones the lower index first. */
export function classesByFrequency({ evaluation }: ReportRun): number[] {
  const { classCounts } = evaluation;
  return Array.from(classCounts.keys()).sort((a, b) => classCounts[b]! - classCounts[a]! || a - b);
}
