/** Whether the model is right as often as it says. */
import { dot, link, rect, ruleY } from '@observablehq/plot';
import { type Figure, type Panel, runColor } from '../figure.js';
import type { ReportRun } from '../reportRun.js';
import { sourceSentence } from '../source.js';
import { renderSvg } from '../svg.js';

export function reliabilityFigure(runs: readonly ReportRun[]): Figure {
  return {
    id: 'calibration',
    title: 'Reliability and calibration error',
    sentence: `Plain predictions in 15 bins by confidence, the softmax probability of the predicted class: the bar is the accuracy of the bin, the dot its mean confidence, the larger the more images. Bars below the dashed line mean overconfidence. ECE is the mean distance of bar and dot over all images. ${sourceSentence(runs)} No τ: re-balanced scores are no probabilities.`,
    legend: [
      { label: 'accuracy of the bin', color: runs.length === 1 ? runColor(0) : 'currentColor', mark: 'faint' },
      { label: 'mean confidence (size: images)', color: 'currentColor', mark: 'dot' },
    ],
    panels: runs.map(panel),
    columns: runs.length === 1 ? 1 : runs.length === 2 ? 2 : 3,
  };
}

function panel({ label, summary }: ReportRun, index: number): Panel {
  const { error, bins } = summary.calibration;
  const filled = bins
    .map(({ count, confidence, accuracy }, bin) => ({
      count,
      from: bin / bins.length,
      to: (bin + 1) / bins.length,
      confidence,
      accuracy,
      title: `${count} images: confidence ${percent(confidence)}, accuracy ${percent(accuracy)}`,
    }))
    .filter(({ count }) => count > 0);
  return {
    heading: `${label}: ECE ${percent(error)}`,
    draw: width => {
      const size = Math.min(width, 460);
      return renderSvg(size, `Reliability diagram of ${label}, expected calibration error ${percent(error)}`, {
        height: size * 0.85,
        marginLeft: 44,
        x: { domain: [0, 1], label: 'confidence (%)', ticks: 5, tickFormat: inPercent },
        y: { domain: [0, 1], label: 'accuracy (%)', ticks: 5, tickFormat: inPercent, grid: true },
        r: { range: [1.5, 7] },
        marks: [
          rect(filled, {
            x1: 'from',
            x2: 'to',
            y1: 0,
            y2: 'accuracy',
            inset: 0.5,
            fill: runColor(index),
            fillOpacity: 0.55,
            title: 'title',
          }),
          link([{}], { x1: 0, y1: 0, x2: 1, y2: 1, strokeDasharray: '4 3', strokeOpacity: 0.7 }),
          dot(filled, {
            x: 'confidence',
            y: 'confidence',
            r: 'count',
            fill: 'currentColor',
            stroke: 'var(--background)',
            title: 'title',
          }),
          ruleY([0]),
        ],
      });
    },
  };
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}

function inPercent(fraction: number): string {
  return String(Math.round(100 * fraction));
}
