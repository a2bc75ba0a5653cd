/** Figures of as many classes, runs and epochs as there are: no call takes them all as its arguments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frequencyAxis } from '../../../src/report/plots/classPoints.js';
import { curvesFigure } from '../../../src/report/plots/curves.js';
import { gradientRatioFigure } from '../../../src/report/plots/gradientRatio.js';
import { readReportRuns } from '../../../src/report/reportRun.js';
import { seriesOf } from '../../../src/report/series.js';
import { temporaryFolder } from '../../temporaryFolder.js';
import { writeExampleRun } from '../exampleRuns.js';

const [example] = readReportRuns([writeExampleRun(temporaryFolder()).directory]);

test('the gradient figure of 8142 classes over 20 epochs is drawn with its medians', () => {
  const classCounts = Int32Array.from({ length: 8142 }, (_, klass) =>
    klass % 3 === 0 ? 200 : klass % 3 === 1 ? 50 : 2,
  );
  const line = (epoch: number) => ({
    epoch,
    positive: Array.from(classCounts, count => epoch * count),
    negative: Array.from(classCounts, (_, klass) => epoch * (klass + 1)),
  });
  const gradients = Array.from({ length: 20 }, (_, k) => line(k + 1));
  const run = { ...example!, gradients, evaluation: { ...example!.evaluation, classCounts } };
  const svg = gradientRatioFigure(seriesOf([run]))!.panels[0]!.draw(900);
  assert.equal(svg.match(/stroke-width="3"/g)?.length, 3);
  const sentenceOf = (epochs: number) =>
    gradientRatioFigure(seriesOf([{ ...run, gradients: gradients.slice(0, epochs) }]))!.sentence;
  assert.match(sentenceOf(20), /Lines are the medians/);
  assert.match(sentenceOf(1), /Dots are the medians/);
});

test('the curves of eight runs of 100 000 epochs have one axis', () => {
  const metrics = Array.from({ length: 100_000 }, (_, k) => ({ epoch: k + 1, loss: k % 25_000 === 0 ? 1 : null }));
  const runs = Array.from({ length: 8 }, (_, k) => ({ ...example!, series: `${k}`, metrics }));
  assert.match(curvesFigure(seriesOf(runs))!.panels[0]!.draw(400), /<svg/);
});

test('the frequencies of eight runs of 65 536 classes have one axis', () => {
  const classCounts = Int32Array.from({ length: 65_536 }, (_, klass) => 1 + (klass % 500));
  const runs = Array.from({ length: 8 }, (_, k) => ({
    ...{ ...example!, series: `${k}`, evaluation: { ...example!.evaluation, classCounts } },
  }));
  assert.ok(frequencyAxis(seriesOf(runs)).marks.length > 0);
});
