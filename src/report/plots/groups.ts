/** Top-1 over all images and over many / medium / few, by run. */
import { barX, ruleX, text } from '@observablehq/plot';
import type { Scores } from '../../eval/metrics.js';
import { type Figure, predictionLegend, runColor, runLegend } from '../figure.js';
import type { ReportRun } from '../reportRun.js';
import { sourceSentence, tauWords } from '../source.js';
import { renderSvg } from '../svg.js';

const sets = [
  { key: 'top1', title: 'all' },
  { key: 'many', title: 'many' },
  { key: 'medium', title: 'medium' },
  { key: 'few', title: 'few' },
] as const;
const barHeight = 17;

export function groupsFigure(runs: readonly ReportRun[]): Figure {
  const rows = runs.flatMap((run, index) => [
    ...rowsOf(run.summary.plain, index, `${index} plain`, 0.85),
    ...rowsOf(run.summary.rebalanced[0]!.scores, index, `${index} re-balanced`, 0.4),
  ]);
  const shown = sets.filter(({ title }) => rows.some(row => row.set === title));
  const bars = [...new Set(rows.map(row => row.bar))];
  return {
    id: 'groups',
    title: 'Many, medium and few',
    sentence: `Top-1 over all images, and the mean accuracy of the classes with more than 100 (many), 20 to 100 (medium) and fewer than 20 (few) training images; plain, and below it re-balanced at ${tauWords(runs)}. ${sourceSentence(runs)}`,
    legend: [...runLegend(runs, 'bar'), ...predictionLegend('bar', 'faint')],
    panels: [
      {
        draw: width =>
          renderSvg(width, 'Top-1 of all, many, medium and few', {
            height: shown.length * (bars.length * barHeight + 14) + 52,
            marginTop: 8,
            marginLeft: 60,
            marginRight: 46,
            x: { domain: [0, 100], label: 'accuracy (%)', grid: true },
            y: { domain: bars, axis: null, padding: 0.12 },
            fy: { domain: shown.map(({ title }) => title), label: null, axis: 'left', padding: 0.12 },
            marks: [
              barX(rows, { x: 'accuracy', y: 'bar', fy: 'set', fill: 'color', fillOpacity: 'opacity' }),
              text(rows, {
                x: 'accuracy',
                y: 'bar',
                fy: 'set',
                text: ({ accuracy }: { accuracy: number }) => accuracy.toFixed(2),
                textAnchor: 'start',
                dx: 4,
              }),
              ruleX([0]),
            ],
            opacity: { type: 'identity' },
          }),
      },
    ],
    columns: 1,
  };
}

function rowsOf(scores: Scores, index: number, bar: string, opacity: number) {
  return sets.flatMap(({ key, title }) => {
    const score = scores[key];
    return score === undefined ? [] : [{ set: title, bar, accuracy: 100 * score, color: runColor(index), opacity }];
  });
}
