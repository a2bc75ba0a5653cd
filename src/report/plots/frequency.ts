/** Accuracy of each class over its number of training images. */
import { lineY, ruleY } from '@observablehq/plot';
import { type Figure, type Panel, predictionLegend, seriesLegend } from '../figure.js';
import { meanOf, type Series } from '../series.js';
import { mostColors } from '../seriesLabels.js';
import { sourceSentence, tauWords } from '../source.js';
import { renderSvg } from '../svg.js';
import {
  arithmeticMean,
  type ClassPoint,
  classPointMarks,
  classPoints,
  frequencyAxis,
  smoothed,
  windowWords,
} from './classPoints.js';

const kinds = ['plain', 'rebalanced'] as const;
type Kind = (typeof kinds)[number];

export function frequencyFigure(all: readonly Series[]): Figure {
  const isMany = all.length > mostColors;
  const window = windowWords(all[0]!.runs[0]!.evaluation.classNames.length);
  const what = isMany
    ? `Accuracy of the classes over their number of training images, a panel per series${window}.`
    : `Each dot is a class: its accuracy over its number of training images${window}.`;
  const means = all.some(({ runs }) => runs.length > 1) ? ' Accuracies are means over the seeds.' : '';
  return {
    id: 'frequency',
    title: 'Accuracy against class frequency',
    sentence: `${what}${means} Plain predictions, and re-balanced at ${tauWords(all)}. ${sourceSentence(all)}`,
    legend: isMany ? predictionLegend('line', 'dashed') : seriesLegend(all, 'dot'),
    panels: isMany
      ? all.map(series => smallPanel(series, all))
      : [panel(all, 'Plain', 'plain'), panel(all, 'Re-balanced', 'rebalanced')],
    columns: isMany ? 'small' : 2,
  };
}

function pointsOf(series: Series, kind: Kind): ClassPoint[] {
  const { classNames, classCounts } = series.runs[0]!.evaluation;
  return classPoints(series, klass => {
    const value = 100 * meanOf(series, ({ accuracies }) => accuracies[kind][klass]);
    const images = `${classCounts[klass]} training images`;
    return { value, title: `${series.label}: ${classNames[klass]}, ${images}, ${value.toFixed(1)} %` };
  });
}

const accuracyAxis = { label: 'accuracy (%)', domain: [0, 100], grid: true };

function panel(all: readonly Series[], heading: string, kind: Kind): Panel {
  const axis = frequencyAxis(all);
  const points = all.map(series => pointsOf(series, kind));
  const marks = classPointMarks(all, points, arithmeticMean);
  return {
    heading,
    draw: width =>
      renderSvg(width, `${heading} accuracy of each class by its number of training images`, {
        ...axis.options,
        height: 310,
        marginLeft: 40,
        y: accuracyAxis,
        marks: [ruleY([0], { strokeOpacity: 0.3 }), ...axis.marks, ...marks],
      }),
  };
}

function smallPanel(series: Series, all: readonly Series[]): Panel {
  const axis = frequencyAxis(all);
  const marks = kinds.map(kind =>
    lineY(smoothed(pointsOf(series, kind), arithmeticMean), {
      x: 'count',
      y: 'value',
      stroke: series.color,
      strokeWidth: 1.8,
      ...(kind === 'rebalanced' && { strokeDasharray: '4 3' }),
    }),
  );
  return {
    heading: series.label,
    draw: width =>
      renderSvg(width, `Accuracy of the classes of ${series.label} by their number of training images`, {
        ...axis.options,
        height: 190,
        marginLeft: 40,
        y: { ...accuracyAxis, ticks: 5 },
        marks: [...axis.marks, ...marks],
      }),
  };
}
