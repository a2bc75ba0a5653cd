/** Training loss and top-1, epoch by epoch. */
import { areaY, dot, lineY, type Markish, ruleY } from '@observablehq/plot';
import type { Config } from '../../config/schema.js';
import { selectingScore } from '../../eval/summary.js';
import { meanAndStd } from '../../results/compare.js';
import type { EpochMetrics } from '../../run/metricsLog.js';
import { evenlySpaced, type Figure, type Panel, predictionLegend, seriesLegend } from '../figure.js';
import type { ReportRun } from '../reportRun.js';
import type { Series } from '../series.js';
import { mostColors } from '../seriesLabels.js';
import { choiceOf, tauWords } from '../source.js';
import { renderSvg } from '../svg.js';
import { epochAxis } from './axes.js';

const height = 280;
/** A curve of at most so many points also has dots, because a line of one epoch is invisible. */
const mostDots = 12;
/** Most points of a curve: more would be closer together than the width of the line. */
const mostPoints = 400;
const mostSmallPoints = 100;

/** The figure of runs that trained; undefined where none trained (τ-normalisation, weights of a file). */
export function curvesFigure(all: readonly Series[]): Figure | undefined {
  const isTrained = ({ runs }: Series) => runs.some(({ metrics }) => metrics.length > 0);
  const trained = all.filter(isTrained);
  if (trained.length === 0) return undefined;
  const runs = all.flatMap(series => series.runs);
  const without = all.filter(series => !isTrained(series)).map(({ label }) => label);
  const splits = ['test', 'val'].filter(split =>
    runs.some(({ metrics }) => metrics.some(line => typeof scoreIn(line, split) === 'number')),
  );
  const isMany = all.length > mostColors;
  const isPoint = (isDrawn: (line: EpochMetrics) => boolean) =>
    runs.every(({ metrics }) => metrics.filter(isDrawn).length <= 1);
  const lossesDiffer = (of: (loss: Config['loss']) => unknown) =>
    new Set(trained.map(({ runs }) => JSON.stringify(of(runs[0]!.record.config.loss)))).size > 1;
  const difference = lossesDiffer(({ name }) => name) ? 'are of different kinds' : 'have different settings';
  const sentences = [
    isMany
      ? `Top-1 accuracy after each epoch, a panel per series, plain and re-balanced at ${tauWords(trained)}.`
      : `Mean training loss of each epoch${splits.length === 0 ? '.' : accuracyWords(splits, trained)}`,
    runs.length > all.length ? 'Lines are means over the seeds, bands one standard deviation to either side.' : '',
    isMany || splits.length === 0 ? '' : keptWords(trained, runs.length > 1),
    without.length > 0 ? `Not trained: ${without.join(', ')}.` : '',
    lossesDiffer(loss => loss) && !isMany
      ? `The losses ${difference}: compare the shapes of their curves, not the heights.`
      : '',
  ];
  return {
    id: 'curves',
    title: isMany ? 'Top-1 over training' : 'Loss and top-1 over training',
    sentence: sentences.filter(text => text !== '').join(' '),
    legend: [
      ...(isMany ? [] : seriesLegend(all, isPoint(() => true) ? 'dot' : 'line')),
      ...(isPoint(line => splits.some(split => typeof scoreIn(line, split) === 'number'))
        ? predictionLegend('dot', 'ring')
        : predictionLegend('line', 'dashed')),
    ],
    panels: isMany
      ? trained.map(series => smallPanel(series, trained, splits[0] ?? 'test'))
      : [lossPanel(all), ...splits.map(split => topOnePanel(all, split))],
    columns: isMany ? 'small' : 2,
  };
}

function accuracyWords(splits: readonly string[], trained: readonly Series[]): string {
  const where = splits.map(split => `${scoreWords(split)} on the ${split} split`).join(' and ');
  return `, and after it ${where}, plain and re-balanced at ${tauWords(trained)}.`;
}

/** Says which checkpoints the dots on the curves are. */
function keptWords(trained: readonly Series[], isNamed: boolean): string {
  const runs = trained.flatMap(series => series.runs);
  if (runs.length > 4) return 'Large dots are the checkpoints all other figures are of, one of each run.';
  const chosen = runs.map(({ label, evaluation: { epoch, selected_on } }) => {
    const choice = selected_on === undefined ? '' : ` (${choiceOf(selected_on)})`;
    return `${isNamed ? `${label} epoch` : 'epoch'} ${epoch ?? 'unknown'}${choice}`;
  });
  return `The dot is the checkpoint all other figures are of: ${chosen.join(', ')}.`;
}

/** The score by which a split selects. Lines from before balanced accuracy was recorded have it as top-1 of `val`. */
function scoreIn(line: EpochMetrics, split: string, kind: '' | '_rebalanced' = ''): unknown {
  return line[`${split}_${selectingScore(split)}${kind}`] ?? line[`${split}_top1${kind}`];
}

function scoreWords(split: string): string {
  return selectingScore(split) === 'top1' ? 'top-1' : 'balanced accuracy';
}

function lossPanel(all: readonly Series[]): Panel {
  const marks = all.flatMap(series => curve(series, ({ loss }) => loss, mostPoints));
  return {
    heading: 'Training loss',
    draw: width => renderSvg(width, 'Training loss by epoch', { height, ...axes(all, 'loss'), marks }),
  };
}

function topOnePanel(all: readonly Series[], split: string): Panel {
  const marks: Markish[] = all.flatMap(series => [
    ...curve(series, line => scoreIn(line, split), mostPoints),
    ...curve(series, line => scoreIn(line, split, '_rebalanced'), mostPoints, '4 3'),
    dot(
      series.runs.flatMap(run => keptPoint(run, split)),
      {
        ...{ x: 'epoch', y: 'value', r: series.runs.length === 1 ? 5 : 4 },
        ...{ fill: series.color, stroke: 'var(--background)', strokeWidth: 1.5 },
      },
    ),
  ]);
  return {
    heading: `${scoreWords(split).replace(/^./, letter => letter.toUpperCase())} on ${split}`,
    draw: width =>
      renderSvg(width, `${scoreWords(split)} on ${split} by epoch`, {
        height,
        ...axes(all, `${scoreWords(split)} (%)`),
        marks: [ruleY([0], { strokeOpacity: 0.3 }), ...marks],
      }),
  };
}

function smallPanel(series: Series, all: readonly Series[], split: string): Panel {
  const values = all.flatMap(({ runs }) =>
    runs.flatMap(({ metrics }) => metrics.map(line => Number(scoreIn(line, split) ?? 0))),
  );
  const highest = values.reduce((most, value) => Math.max(most, value), 0);
  const marks = [
    ...curve(series, line => scoreIn(line, split), mostSmallPoints),
    ...curve(series, line => scoreIn(line, split, '_rebalanced'), mostSmallPoints, '4 3'),
  ];
  const { x, y, marginLeft } = axes(all, `top-1 on ${split} (%)`, 4);
  return {
    heading: series.label,
    draw: width =>
      renderSvg(width, `Top-1 accuracy of ${series.label} on ${split} by epoch`, {
        ...{ height: 170, marginLeft, marks, x },
        y: { ...y, domain: [0, highest], ticks: 4 },
      }),
  };
}

function keptPoint({ metrics, evaluation }: ReportRun, split: string) {
  const line = metrics.find(({ epoch }) => epoch === evaluation.epoch);
  const value = line && scoreIn(line, split);
  return typeof value === 'number' ? [{ epoch: evaluation.epoch!, value }] : [];
}

/** The mean over the runs of a series, with a band of one standard deviation where there are several. */
function curve(series: Series, of: (line: EpochMetrics) => unknown, most: number, strokeDasharray?: string): Markish[] {
  const values = evenlySpaced(valuesOf(series, of), most);
  const line = lineY(values, {
    ...{ x: 'epoch', y: 'value', stroke: series.color, strokeWidth: 1.8 },
    ...(strokeDasharray && { strokeDasharray }),
  });
  const hasBand = series.runs.length > 1 && strokeDasharray === undefined;
  const band = areaY(values, { x: 'epoch', y1: 'low', y2: 'high', fill: series.color, fillOpacity: 0.15 });
  const look = strokeDasharray === undefined ? { fill: series.color } : { stroke: series.color, strokeWidth: 1.5 };
  const dots = dot(values, { x: 'epoch', y: 'value', r: 2.5, ...look });
  return [...(hasBand ? [band] : []), line, ...(values.length <= mostDots ? [dots] : [])];
}

function valuesOf({ runs }: Series, of: (line: EpochMetrics) => unknown) {
  const byEpoch = new Map<number, number[]>();
  for (const line of runs.flatMap(({ metrics }) => metrics)) {
    const value = of(line);
    if (typeof value === 'number') byEpoch.set(line.epoch, [...(byEpoch.get(line.epoch) ?? []), value]);
  }
  return [...byEpoch]
    .sort(([a], [b]) => a - b)
    .map(([epoch, values]) => {
      const { mean, std = 0 } = meanAndStd(values);
      return { epoch, value: mean!, low: mean! - std, high: mean! + std };
    });
}

/** The same epochs in every panel, whichever of them were evaluated. */
function axes(all: readonly Series[], label: string, mostTicks?: number) {
  const last = Math.max(0, ...all.flatMap(({ runs }) => runs.map(({ metrics }) => metrics.at(-1)?.epoch ?? 0)));
  return { marginLeft: 44, x: epochAxis(last, mostTicks), y: { label, grid: true, nice: true, zero: last <= 1 } };
}
