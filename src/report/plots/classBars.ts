/** Accuracy of every class by name: bars for plain predictions, ticks for re-balanced ones. */
import { barX, ruleX, tickX } from '@observablehq/plot';
import { groupNames, groupOf } from '../../eval/groups.js';
import { evenlySpaced, type Figure, type Panel, predictionLegend, seriesLegend } from '../figure.js';
import { meanOf, type Series } from '../series.js';
import { classesByFrequency, groupsOf, sourceSentence, tauWords } from '../source.js';
import { renderSvg, shortened, textWidth } from '../svg.js';

/** Most classes of a group that are shown: each bar has the height of a line of text. */
const mostClasses = 60;
/** In px. */
const widestName = 105;
const marginTop = 40;
const marginBottom = 6;

export function classBarsFigure(all: readonly Series[]): Figure {
  const [first] = all[0]!.runs;
  const byFrequency = classesByFrequency(first!);
  const { classCounts } = first!.evaluation;
  const bounds = groupsOf(all[0]!);
  const titles = {
    many: `Many (> ${bounds.many} images)`,
    medium: `Medium (${bounds.few} to ${bounds.many})`,
    few: `Few (< ${bounds.few})`,
  };
  const members = groupNames
    .map(group => ({
      group,
      classes: byFrequency.filter(klass => groupOf(classCounts[klass]!, bounds) === group),
    }))
    .filter(({ classes }) => classes.length > 0);
  const panels = members.map(({ group, classes }) => panel(all, titles[group], evenlySpaced(classes, mostClasses)));
  const thinning = members
    .filter(({ classes }) => classes.length > mostClasses)
    .map(
      ({ group, classes }) => ` Of the ${classes.length} classes of ${group}, ${mostClasses} are shown, evenly spaced.`,
    );
  const order = all.length > 1 ? `, in groups and order of ${all[0]!.label}` : '';
  const means = all.some(({ runs }) => runs.length > 1) ? ' Accuracies are means over the seeds.' : '';
  return {
    id: 'classes',
    title: 'Accuracy per class',
    sentence:
      `Accuracy of each class, from the most to the least frequent${order}; in brackets its training images. ` +
      `Bars are plain predictions (at 0 a stub), ticks re-balanced ones at ${tauWords(all)}.${means}` +
      `${thinning.join('')} ` +
      sourceSentence(all),
    legend: [...seriesLegend(all, 'bar'), ...predictionLegend('bar', 'tick')],
    panels,
    columns: panels.length as 1 | 2 | 3,
  };
}

function panel(all: readonly Series[], heading: string, classes: readonly number[]): Panel {
  const { classNames, classCounts } = all[0]!.runs[0]!.evaluation;
  const names = new Map(
    classes.map(klass => [klass, `${shortened(classNames[klass]!, widestName)} (${classCounts[klass]})`]),
  );
  const barHeight = all.length === 1 ? 12 : all.length <= 3 ? 8 : 5;
  const rowHeight = Math.max(15, all.length * barHeight + 5);
  const around = (rowHeight - all.length * barHeight) / 2;
  const marginLeft = Math.max(...[...names.values()].map(textWidth)) + 10;
  const marks = all.flatMap((series, index) => {
    const insets = {
      insetTop: around + index * barHeight,
      insetBottom: around + (all.length - 1 - index) * barHeight + (all.length === 1 ? 0 : 1),
    };
    const rows = rowsOf(series, classes);
    return [
      barX(rows, { x: 'plain', y: 'klass', fill: series.color, fillOpacity: 0.75, title: 'title', ...insets }),
      tickX(
        rows.filter(({ plain }) => plain === 0),
        { x: 'plain', y: 'klass', dx: 1, stroke: series.color, strokeWidth: 2, title: 'title', ...insets },
      ),
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
        marks: [ruleX([0]), ...marks],
      }),
  };
}

function rowsOf(series: Series, classes: readonly number[]) {
  const { label, runs } = series;
  const { evaluation, tau } = runs[0]!;
  return classes.map(klass => {
    const mean = (kind: 'plain' | 'rebalanced') => 100 * meanOf(series, ({ accuracies }) => accuracies[kind][klass]);
    const [plain, rebalanced] = [mean('plain'), mean('rebalanced')];
    const scores = Number.isNaN(plain)
      ? 'no test images'
      : `plain ${plain.toFixed(1)} %, re-balanced (τ = ${tau}) ${rebalanced.toFixed(1)} %`;
    return { klass, plain, rebalanced, title: `${label}: ${evaluation.classNames[klass]}, ${scores}` };
  });
}
