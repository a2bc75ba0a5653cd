/** Accuracy of each class against how often training saw it. */
import { ruleY } from '@observablehq/plot';
import { classAccuracies } from '../../eval/metrics.js';
import { type Figure, type Panel, runLegend } from '../figure.js';
import type { ReportRun } from '../reportRun.js';
import { sourceSentence, tauWords } from '../source.js';
import { renderSvg } from '../svg.js';
import { arithmeticMean, classPointMarks, classPoints, frequencyAxis, windowWords } from './classPoints.js';

export function frequencyFigure(runs: readonly ReportRun[]): Figure {
  return {
    id: 'frequency',
    title: 'Accuracy against class frequency',
    sentence: `Each dot is a class: its accuracy over its number of training images; ${windowWords(runs[0]!.evaluation.classNames.length)}. Plain predictions, and re-balanced at ${tauWords(runs)}. ${sourceSentence(runs)}`,
    legend: runLegend(runs, 'dot'),
    panels: [panel(runs, 'Plain', run => run.plain), panel(runs, 'Re-balanced', run => run.rebalanced)],
    columns: 2,
  };
}

function panel(runs: readonly ReportRun[], heading: string, predictionsOf: (run: ReportRun) => Int32Array): Panel {
  const points = runs.map(run => {
    const { labels, classNames, classCounts } = run.evaluation;
    const accuracies = classAccuracies(predictionsOf(run), labels, classNames.length);
    return classPoints(run, klass => {
      const value = 100 * accuracies[klass]!;
      const title = `${run.label}: ${classNames[klass]}, ${classCounts[klass]} training images, ${value.toFixed(1)} %`;
      return { value, title };
    });
  });
  const axis = frequencyAxis(runs);
  const marks = classPointMarks(points, arithmeticMean);
  return {
    heading,
    draw: width =>
      renderSvg(width, `${heading} accuracy of each class by its number of training images`, {
        ...axis.options,
        height: 310,
        marginLeft: 40,
        y: { label: 'accuracy (%)', domain: [0, 100], grid: true },
        marks: [ruleY([0], { strokeOpacity: 0.3 }), ...axis.marks, ...marks],
      }),
  };
}
