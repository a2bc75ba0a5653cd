/** Accuracy of each class against how often training saw it. */
import { dot, lineY, ruleX, ruleY, text } from '@observablehq/plot';
import { classAccuracies } from '../../eval/metrics.js';
import { type Figure, type Panel, runColor, runLegend } from '../figure.js';
import type { ReportRun } from '../reportRun.js';
import { sourceSentence, tauWords } from '../source.js';
import { renderSvg } from '../svg.js';

const height = 300;
const logTicks = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

export function frequencyFigure(runs: readonly ReportRun[]): Figure {
  const window = windowOf(runs[0]!.evaluation.classNames.length);
  const line = window === 1 ? 'the line joins the classes' : `the line is the mean of ${window} neighbouring classes`;
  return {
    id: 'frequency',
    title: 'Accuracy against class frequency',
    sentence: `Each dot is a class: its accuracy over its number of training images; ${line}. Plain predictions, and re-balanced at ${tauWords(runs)}. ${sourceSentence(runs)}`,
    legend: runLegend(runs, 'dot'),
    panels: [panel(runs, 'Plain', run => run.plain, window), panel(runs, 'Re-balanced', run => run.rebalanced, window)],
    columns: 2,
  };
}

/** Classes to average over for the line: about a tenth of them, an odd number; 1 for a few classes. */
function windowOf(classes: number): number {
  return classes < 30 ? 1 : 2 * Math.round(classes / 20) + 1;
}

function panel(
  runs: readonly ReportRun[],
  heading: string,
  predictionsOf: (run: ReportRun) => Int32Array,
  window: number,
): Panel {
  const counts = runs.flatMap(({ evaluation }) => Array.from(evaluation.classCounts)).filter(count => count > 0);
  const [fewest, most] = [Math.min(...counts), Math.max(...counts)];
  const inside = (count: number) => count > fewest && count < most;
  const marks = runs.flatMap((run, index) => {
    const color = runColor(index);
    const points = pointsOf(run, predictionsOf(run));
    return [
      dot(points, { x: 'count', y: 'accuracy', r: 2.5, fill: color, fillOpacity: 0.55, title: 'title' }),
      lineY(smoothed(points, window), { x: 'count', y: 'accuracy', stroke: color, strokeWidth: 2 }),
    ];
  });
  const borders = [20, 100].filter(inside);
  const names = [
    { name: 'few', from: fewest, to: Math.min(20, most) },
    { name: 'medium', from: Math.max(20, fewest), to: Math.min(100, most) },
    { name: 'many', from: Math.max(100, fewest), to: most },
  ].filter(({ from, to }) => to > from);
  return {
    heading,
    draw: width =>
      renderSvg(width, `${heading} accuracy of each class by its number of training images`, {
        height,
        marginLeft: 40,
        marginTop: 34,
        x: {
          type: 'log',
          domain: [fewest * 0.9, most * 1.1],
          label: 'training images of the class',
          ticks: logTicks.filter(tick => tick >= fewest && tick <= most),
          tickFormat: String,
        },
        y: { label: 'accuracy (%)', domain: [0, 100], grid: true },
        marks: [
          ruleY([0], { strokeOpacity: 0.3 }),
          ruleX(borders, { strokeDasharray: '2 3', strokeOpacity: 0.5 }),
          text(names, {
            x: ({ from, to }: { from: number; to: number }) => Math.sqrt(from * to),
            text: 'name',
            frameAnchor: 'top',
            dy: -12,
            fillOpacity: 0.7,
          }),
          ...marks,
        ],
      }),
  };
}

interface Point {
  readonly count: number;
  readonly accuracy: number;
  readonly title: string;
}

function pointsOf({ label, evaluation }: ReportRun, predictions: Int32Array): Point[] {
  const { labels, classCounts, classNames } = evaluation;
  const accuracies = classAccuracies(predictions, labels, classNames.length);
  return classNames
    .map((name, klass) => {
      const accuracy = 100 * accuracies[klass]!;
      const count = classCounts[klass]!;
      return { count, accuracy, title: `${label}: ${name}, ${count} training images, ${accuracy.toFixed(1)} %` };
    })
    .filter(({ count, accuracy }) => count > 0 && !Number.isNaN(accuracy))
    .sort((a, b) => a.count - b.count);
}

/** Running means over `window` neighbours; the ends average over those there are. Counts are averaged as logarithms. */
function smoothed(points: readonly Point[], window: number): { count: number; accuracy: number }[] {
  const reach = (window - 1) / 2;
  return points.map((_, index) => {
    const near = points.slice(Math.max(0, index - reach), index + reach + 1);
    const mean = (value: (point: Point) => number) => near.reduce((sum, point) => sum + value(point), 0) / near.length;
    return { count: Math.exp(mean(({ count }) => Math.log(count))), accuracy: mean(({ accuracy }) => accuracy) };
  });
}
