/** Training loss and top-1, epoch by epoch. */
import { dot, lineY, type Markish, ruleY } from '@observablehq/plot';
import { type Figure, type Panel, predictionLegend, runColor, runLegend } from '../figure.js';
import type { ReportRun } from '../reportRun.js';
import { choiceOf, tauWords } from '../source.js';
import { renderSvg } from '../svg.js';
import { epochAxis } from './axes.js';

const height = 280;
/** Up to so many points a curve shows each of them: a curve of one epoch would be invisible otherwise. */
const mostDots = 12;

/** The figure of runs that trained; undefined when none did: τ-normalisation, or weights of a file as they are. */
export function curvesFigure(runs: readonly ReportRun[]): Figure | undefined {
  const trained = runs.filter(({ metrics }) => metrics.length > 0);
  if (trained.length === 0) return undefined;
  const without = runs.filter(run => !trained.includes(run)).map(({ label }) => label);
  const splits = ['test', 'val'].filter(split => runs.some(run => valuesOf(run, `${split}_top1`).length > 0));
  const chosen = trained.map(({ label, evaluation: { epoch, selectedOn } }) => {
    const choice = selectedOn === undefined ? '' : ` (${choiceOf(selectedOn)})`;
    return `${runs.length === 1 ? 'epoch' : `${label} epoch`} ${epoch ?? 'unknown'}${choice}`;
  });
  const accuracies =
    splits.length === 0
      ? '.'
      : `, and top-1 accuracy after it on the ${splits.join(' and the ')} split, plain and re-balanced at ${tauWords(trained)}. The dot is the checkpoint all other figures are of: ${chosen.join(', ')}.`;
  const differ = new Set(trained.map(({ record }) => JSON.stringify(record.config.loss))).size > 1;
  return {
    id: 'curves',
    title: 'Loss and top-1 over training',
    sentence:
      `Mean training loss of each epoch${accuracies}` +
      (without.length > 0 ? ` Not trained: ${without.join(', ')}.` : '') +
      (differ ? ' The losses are of different kinds: compare their shapes, not their heights.' : ''),
    legend: [...runLegend(runs, 'line'), ...predictionLegend('line', 'dashed')],
    panels: [lossPanel(runs), ...splits.map(split => topOnePanel(runs, split))],
    columns: 2,
  };
}

function lossPanel(runs: readonly ReportRun[]): Panel {
  const marks = runs.flatMap((run, index) => curve(valuesOf(run, 'loss'), runColor(index)));
  return {
    heading: 'Training loss',
    draw: width => renderSvg(width, 'Training loss by epoch', { height, ...axes(runs, 'loss'), marks }),
  };
}

function topOnePanel(runs: readonly ReportRun[], split: string): Panel {
  const marks: Markish[] = runs.flatMap((run, index) => {
    const plain = valuesOf(run, `${split}_top1`);
    const kept = plain.filter(({ epoch }) => epoch === run.evaluation.epoch);
    return [
      curve(plain, runColor(index)),
      curve(valuesOf(run, `${split}_top1_rebalanced`), runColor(index), '4 3'),
      dot(kept, { x: 'epoch', y: 'value', r: 5, fill: runColor(index), stroke: 'var(--background)', strokeWidth: 1.5 }),
    ].flat();
  });
  return {
    heading: `Top-1 on ${split}`,
    draw: width =>
      renderSvg(width, `Top-1 accuracy on ${split} by epoch`, {
        height,
        ...axes(runs, 'top-1 (%)'),
        marks: [ruleY([0], { strokeOpacity: 0.3 }), ...marks],
      }),
  };
}

interface Value {
  readonly epoch: number;
  readonly value: number;
}

function curve(values: readonly Value[], stroke: string, strokeDasharray?: string): Markish[] {
  const line = lineY(values, {
    x: 'epoch',
    y: 'value',
    stroke,
    strokeWidth: 1.8,
    ...(strokeDasharray && { strokeDasharray }),
  });
  if (values.length > mostDots) return [line];
  return [line, dot(values, { x: 'epoch', y: 'value', r: 2, fill: stroke })];
}

function valuesOf({ metrics }: ReportRun, name: string): Value[] {
  return metrics.flatMap(line => {
    const value = line[name];
    return typeof value === 'number' ? [{ epoch: line.epoch, value }] : [];
  });
}

/** The same epochs in every panel, whichever of them were evaluated. */
function axes(runs: readonly ReportRun[], label: string) {
  const last = Math.max(0, ...runs.map(({ metrics }) => metrics.at(-1)?.epoch ?? 0));
  return { marginLeft: 44, x: epochAxis(last), y: { label, grid: true, nice: true } };
}
