/** Predicted mass of each class, before and after re-balancing. */
import { ruleY } from '@observablehq/plot';
import { labelCounts } from '../../eval/metrics.js';
import { type Figure, type Panel, seriesLegend } from '../figure.js';
import { meanOf, type Series } from '../series.js';
import { sourceSentence, tauWords } from '../source.js';
import { renderSvg } from '../svg.js';
import { logAxis, logMarks } from './axes.js';
import {
  type ClassPoint,
  classPointMarks,
  classPoints,
  frequencyAxis,
  geometricMean,
  windowWords,
} from './classPoints.js';

/** Smaller shares are drawn here, because a class without mass has no place on a logarithmic axis. */
const smallestShare = 1e-3;

export function massFigure(all: readonly Series[]): Figure {
  const before = all.map(series => pointsOf(series, 'before', 'before re-balancing'));
  const after = all.map(series => pointsOf(series, 'after', `re-balanced at τ = ${series.runs[0]!.tau}`));
  const values = [...before, ...after].flat().map(({ value }) => value);
  const cut = values.includes(smallestShare) ? ` Shares below ${smallestShare} are drawn there.` : '';
  const window = windowWords(all[0]!.runs[0]!.evaluation.classNames.length);
  return {
    id: 'mass',
    title: 'Predicted mass per class',
    sentence:
      'Each dot is a class: the sum of its probabilities over all images, divided by the images it really has, so ' +
      `that at 1 the model expects the class as often as it is there${window}. Before re-balancing, and after it at ` +
      `${tauWords(all)}.${cut} ${sourceSentence(all)}`,
    legend: seriesLegend(all, 'dot'),
    panels: [panel(all, 'Before re-balancing', before, values), panel(all, 'After re-balancing', after, values)],
    columns: 2,
  };
}

function pointsOf(series: Series, which: 'before' | 'after', when: string): ClassPoint[] {
  const { classNames, labels } = series.runs[0]!.evaluation;
  const images = labelCounts(labels, classNames.length);
  return classPoints(series, klass => {
    const share =
      images[klass] === 0 ? Number.NaN : meanOf(series, ({ mass }) => mass?.[which][klass]) / images[klass]!;
    const title = `${series.label}: ${classNames[klass]}, ${when}: ${share.toFixed(3)}`;
    return { value: Math.max(smallestShare, share), title };
  });
}

function panel(
  all: readonly Series[],
  heading: string,
  points: readonly (readonly ClassPoint[])[],
  values: readonly number[],
): Panel {
  const axis = frequencyAxis(all);
  const shares = logAxis([...values, 1], 1.3);
  const marks = classPointMarks(all, points, geometricMean);
  return {
    heading,
    draw: width =>
      renderSvg(width, `Predicted mass of each class by its number of training images: ${heading}`, {
        ...axis.options,
        height: 310,
        marginLeft: 46,
        y: { ...shares.scale, label: 'mass ÷ images', grid: shares.ticks as number[] },
        marks: [...logMarks('y', shares), ruleY([1], { strokeOpacity: 0.6 }), ...axis.marks, ...marks],
      }),
  };
}
