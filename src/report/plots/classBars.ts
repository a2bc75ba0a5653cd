/** Accuracy of every class by name: bars for plain predictions, ticks for re-balanced ones. */
import { barX, ruleX, tickX } from '@observablehq/plot';
import { classAccuracies, type Group, groupOf } from '../../eval/metrics.js';
import { type Figure, type Panel, predictionLegend, runColor, runLegend } from '../figure.js';
import type { ReportRun } from '../reportRun.js';
import { classesByFrequency, sourceSentence, tauWords } from '../source.js';
import { renderSvg } from '../svg.js';
import { shortened, textWidth } from '../textWidth.js';

const groups: readonly Group[] = ['many', 'medium', 'few'];
const groupTitles = { many: 'Many (> 100 images)', medium: 'Medium (20 to 100)', few: 'Few (< 20)' } as const;
/** More classes than this in a group are thinned out: a bar needs the height of a line of text. */
const mostClasses = 60;
/** In px. */
const widestName = 105;
const marginTop = 40;
const marginBottom = 6;

export function classBarsFigure(runs: readonly ReportRun[]): Figure {
  const [first] = runs;
  const byFrequency = classesByFrequency(first!);
  const members = groups
    .map(group => ({
      group,
      all: byFrequency.filter(klass => groupOf(first!.evaluation.classCounts[klass]!) === group),
    }))
    .filter(({ all }) => all.length > 0);
  const panels = members.map(({ group, all }) => panel(runs, groupTitles[group], thinned(all)));
  const left = members.filter(({ all }) => all.length > mostClasses);
  const thinning = left.map(
    ({ group, all }) => ` Of the ${all.length} classes of ${group}, ${mostClasses} are shown, evenly spaced.`,
  );
  return {
    id: 'classes',
    title: 'Accuracy per class',
    sentence: `Accuracy of each class, from the most to the least frequent${runs.length > 1 ? ` in ${first!.label}` : ''}; the number is its training images. Bars are plain predictions, ticks re-balanced ones at ${tauWords(runs)}.${thinning.join('')} ${sourceSentence(runs)}`,
    legend: [...runLegend(runs, 'bar'), ...predictionLegend('bar', 'tick')],
    panels,
    columns: panels.length as 1 | 2 | 3,
  };
}

function thinned(classes: readonly number[]): number[] {
  if (classes.length <= mostClasses) return [...classes];
  return Array.from(
    { length: mostClasses },
    (_, k) => classes[Math.round((k * (classes.length - 1)) / (mostClasses - 1))]!,
  );
}

function panel(runs: readonly ReportRun[], heading: string, classes: readonly number[]): Panel {
  const { classNames, classCounts } = runs[0]!.evaluation;
  const names = new Map(
    classes.map(klass => [klass, `${shortened(classNames[klass]!, widestName)} ${classCounts[klass]}`]),
  );
  const barHeight = runs.length === 1 ? 12 : runs.length <= 3 ? 8 : 5;
  const rowHeight = Math.max(15, runs.length * barHeight + 5);
  const around = (rowHeight - runs.length * barHeight) / 2;
  const marginLeft = Math.max(...[...names.values()].map(textWidth)) + 10;
  const marks = runs.flatMap((run, index) => {
    const insets = {
      insetTop: around + index * barHeight,
      insetBottom: around + (runs.length - 1 - index) * barHeight + (runs.length === 1 ? 0 : 1),
    };
    const rows = rowsOf(run, classes);
    return [
      barX(rows, { x: 'plain', y: 'klass', fill: runColor(index), fillOpacity: 0.75, title: 'title', ...insets }),
      tickX(rows, { x: 'rebalanced', y: 'klass', stroke: 'currentColor', strokeWidth: 2, title: 'title', ...insets }),
    ];
  });
  return {
    heading,
    draw: width =>
      renderSvg(width, `Accuracy of each class: ${heading}`, {
        height: classes.length * rowHeight + marginTop + marginBottom,
        marginLeft,
        marginTop,
        marginBottom,
        marginRight: 14,
        x: { domain: [0, 100], label: 'accuracy (%)', grid: true, axis: 'top', ticks: [0, 25, 50, 75, 100] },
        y: { domain: classes, label: null, padding: 0, tickSize: 0, tickFormat: (klass: number) => names.get(klass)! },
        marks: [...marks, ruleX([0])],
      }),
  };
}

function rowsOf({ label, evaluation, plain, rebalanced, tau }: ReportRun, classes: readonly number[]) {
  const { labels, classNames } = evaluation;
  const [before, after] = [plain, rebalanced].map(predictions =>
    classAccuracies(predictions, labels, classNames.length),
  );
  return classes.map(klass => {
    const accuracies = { plain: 100 * before![klass]!, rebalanced: 100 * after![klass]! };
    const scores = Number.isNaN(accuracies.plain)
      ? 'no test images'
      : `plain ${accuracies.plain.toFixed(1)} %, re-balanced (τ = ${tau}) ${accuracies.rebalanced.toFixed(1)} %`;
    const title = `${label}: ${classNames[klass]}, ${scores}`;
    return { klass, ...accuracies, title };
  });
}
