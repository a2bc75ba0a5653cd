/** The paper's story: what each classifier is pulled up by its own images and pushed down by all others. */
import { lineY, ruleY } from '@observablehq/plot';
import { type Group, groupOf } from '../../eval/metrics.js';
import type { Figure, LegendEntry, Panel } from '../figure.js';
import type { EpochGradients } from '../gradients.js';
import type { ReportRun } from '../reportRun.js';
import { renderSvg } from '../svg.js';
import { type LogAxis, logAxis, logMarks } from './axes.js';

const groups: readonly Group[] = ['many', 'medium', 'few'];
/** Epochs drawn: more points than this change the line by less than its width, and make the file large. */
const mostEpochs = 60;
/** Share of the classes' points at each end that may be left out: one class of five images must not flatten all others. */
const outside = 0.01;
/** With more classes only the medians are drawn. */
const mostClassLines = 200;

/** The figure of those runs that kept their gradients; undefined when none did. */
export function gradientRatioFigure(all: readonly ReportRun[]): Figure | undefined {
  const runs = all.filter(run => run.gradients !== undefined && run.gradients.length > 0);
  if (runs.length === 0) return undefined;
  const without = all.filter(run => !runs.includes(run)).map(({ label }) => label);
  const ratios = runs.map(run => ratiosOf(run.gradients!));
  const axis = ratioAxis(runs, ratios);
  return {
    id: 'gradients',
    title: 'Positive over received negative gradient',
    sentence:
      'For each class, the gradient its classifier got from images of the class (θ) over what it received from images of all other classes (ν), both summed since the start of training. ' +
      'Thin lines are classes (at most 1 % of their points at either end lie outside the frame and are left out), thick ones the median of many, medium and few; at 1 the two are equal. Measured on the training images while training, so it has no split, checkpoint or τ.' +
      (without.length > 0 ? ` Not recorded by: ${without.join(', ')}.` : ''),
    legend: groups
      .filter(group => runs.some(({ evaluation }) => evaluation.classCounts.some(count => groupOf(count) === group)))
      .map((group): LegendEntry => ({ label: group, color: `var(--${group})`, mark: 'line' })),
    panels: runs.map((run, index) => panel(run, ratios[index]!, axis)),
    columns: runs.length === 1 ? 1 : 2,
  };
}

interface Ratio {
  readonly epoch: number;
  readonly ratio: number;
}

/** θ/ν of each class [C] at each epoch drawn, which lie evenly on a logarithmic axis; what is 0 on either side is left out. */
export function ratiosOf(gradients: readonly EpochGradients[]): Ratio[][] {
  const places = Array.from({ length: mostEpochs }, (_, k) => gradients.length ** (k / (mostEpochs - 1)));
  const drawn = new Set(places.map(place => Math.round(place) - 1));
  const epochs = gradients.length <= mostEpochs ? gradients : gradients.filter((_, index) => drawn.has(index));
  return gradients[0]!.positive.map((_, klass) =>
    epochs.flatMap(({ epoch, positive, negative }) =>
      negative[klass]! > 0 && positive[klass]! > 0 ? [{ epoch, ratio: positive[klass]! / negative[klass]! }] : [],
    ),
  );
}

/** One axis for all panels: 1, every median, and all but the outermost points of the classes. */
function ratioAxis(runs: readonly ReportRun[], ratios: readonly Ratio[][][]): LogAxis {
  const medianValues = runs.flatMap((run, index) =>
    groups.flatMap(group => medians(membersOf(run, ratios[index]!, group))),
  );
  const sorted = ratios
    .flat(2)
    .map(({ ratio }) => ratio)
    .sort((a, b) => a - b);
  const cut = Math.floor(outside * sorted.length);
  const kept = sorted.slice(cut, sorted.length - cut);
  return logAxis([1, ...medianValues.map(({ ratio }) => ratio), ...kept], 1.05);
}

function membersOf({ evaluation }: ReportRun, ratios: readonly Ratio[][], group: Group): Ratio[][] {
  return ratios.filter((_, klass) => groupOf(evaluation.classCounts[klass]!) === group);
}

function panel(run: ReportRun, ratios: readonly Ratio[][], axis: LogAxis): Panel {
  const { label, evaluation } = run;
  const { classCounts } = evaluation;
  const [lowest, highest] = axis.scale.domain;
  // Left out rather than clipped: a clip path has an id, and the page has every plot twice.
  const gapOutside = ({ epoch, ratio }: Ratio) => ({
    epoch,
    ratio: ratio < lowest || ratio > highest ? Number.NaN : ratio,
  });
  const thin = ratios.length > mostClassLines ? [] : ratios.map(points => points.map(gapOutside));
  const marks = [
    ...thin.map((points, klass) =>
      lineY(points, {
        x: 'epoch',
        y: 'ratio',
        stroke: `var(--${groupOf(classCounts[klass]!)})`,
        strokeWidth: 0.8,
        strokeOpacity: 0.4,
      }),
    ),
    ...groups.map(group =>
      lineY(medians(membersOf(run, ratios, group)), {
        x: 'epoch',
        y: 'ratio',
        stroke: `var(--${group})`,
        strokeWidth: 3,
      }),
    ),
  ];
  const epochs = logAxis([1, 2, ...ratios.flat().map(({ epoch }) => epoch)], 1);
  return {
    heading: label,
    draw: width =>
      renderSvg(width, `Positive over received negative gradient of each class by epoch, ${label}`, {
        height: 320,
        marginLeft: 48,
        x: { ...epochs.scale, label: 'epoch' },
        y: { ...axis.scale, label: 'θ ÷ ν', grid: axis.ticks as number[] },
        marks: [...logMarks('x', epochs), ...logMarks('y', axis), ruleY([1], { strokeOpacity: 0.6 }), ...marks],
      }),
  };
}

function medians(members: readonly Ratio[][]): Ratio[] {
  const byEpoch = new Map<number, number[]>();
  for (const { epoch, ratio } of members.flat()) {
    const values = byEpoch.get(epoch);
    if (values) values.push(ratio);
    else byEpoch.set(epoch, [ratio]);
  }
  return [...byEpoch].sort(([a], [b]) => a - b).map(([epoch, values]) => ({ epoch, ratio: median(values) }));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
