/** Reliability diagrams: accuracy over confidence, and the share of images by confidence. */
import { link, rect, ruleX, ruleY } from '@observablehq/plot';
import type { CalibrationBin } from '../../eval/calibration.js';
import type { Figure, Panel } from '../figure.js';
import { type Series, spreadOf } from '../series.js';
import { sourceSentence } from '../source.js';
import { renderSvg } from '../svg.js';

export function reliabilityFigure(all: readonly Series[]): Figure {
  const pooled = all.some(({ runs }) => runs.length > 1) ? ' Bins count the images of all seeds.' : '';
  return {
    id: 'calibration',
    title: 'Reliability and calibration error',
    sentence:
      'Plain predictions in 15 bins by confidence, the softmax probability of the predicted class. First the share ' +
      'of the images in each bin; the lines are the mean confidence and the accuracy of all images. Then the ' +
      'accuracy of each bin: bars under the diagonal mean overconfidence. ECE is the mean distance of accuracy and ' +
      `confidence over the bins, weighted by images.${pooled} ${sourceSentence(all)} No τ: re-balanced scores ` +
      'are no probabilities.',
    legend: [
      { label: 'mean confidence', color: 'currentColor', mark: 'line' },
      { label: 'accuracy', color: 'currentColor', mark: 'dashed' },
    ],
    panels: all.length === 1 ? sideBySide(all[0]!) : all.map(stacked),
    columns: all.length <= 2 ? 2 : 3,
  };
}

/** Both pictures of the only series, side by side to fill a wide page. */
function sideBySide(series: Series): Panel[] {
  const { heading, histogram, diagram } = picturesOf(series);
  return [
    { heading: 'Images by confidence', draw: width => histogram(width, { ...frameOf(width), x: 'confidence (%)' }) },
    { heading, draw: diagram },
  ];
}

interface Frame {
  readonly height: number;
  readonly marginTop?: number;
  readonly marginBottom?: number;
  /** Label of the axis. */
  readonly x: string | null;
}

function frameOf(width: number) {
  return { height: 0.7 * sizeOf(width), marginTop: 24 };
}

/** In px; no picture needs more. */
function sizeOf(width: number): number {
  return Math.min(width, 460);
}

function stacked(series: Series): Panel {
  const { heading, histogram, diagram } = picturesOf(series);
  return { heading, draw: width => histogram(width, { height: 116, marginBottom: 26, x: null }) + diagram(width) };
}

function picturesOf(series: Series) {
  const bins = pooledBins(series);
  const images = bins.reduce((sum, { count }) => sum + count, 0);
  const mean = (of: (bin: CalibrationBin) => number) =>
    bins.reduce((sum, bin) => sum + (bin.count * of(bin)) / images, 0);
  const shown = bins
    .map(({ count, confidence, accuracy }, bin) => ({
      count,
      share: count / images,
      from: bin / bins.length,
      to: (bin + 1) / bins.length,
      accuracy,
      title: `${count} images: confidence ${percent(confidence)}, accuracy ${percent(accuracy)}`,
    }))
    .filter(({ count }) => count > 0);
  const { mean: error, std } = spreadOf(series, ({ calibration }) => calibration.error);
  const ece = [error!, ...(std === undefined ? [] : [std])].map(fraction => (100 * fraction).toFixed(1)).join(' ± ');
  const bars = { x1: 'from', x2: 'to', y1: 0, inset: 0.5, fill: series.color, title: 'title' };
  const x = { domain: [0, 1], ticks: 5, tickFormat: inPercent };
  return {
    heading: `${series.label}: ECE ${ece} %`,
    histogram: (width: number, { x: label, ...frame }: Frame) =>
      renderSvg(sizeOf(width), `Images of ${series.label} by confidence`, {
        ...{ ...frame, marginLeft: 44 },
        x: { ...x, label },
        y: { label: 'images (%)', ticks: 3, tickFormat: inPercent, grid: true, nice: true },
        marks: [
          rect(shown, { ...bars, y2: 'share', fillOpacity: 0.35 }),
          ruleX([mean(({ confidence }) => confidence)], { strokeWidth: 1.5 }),
          ruleX([mean(({ accuracy }) => accuracy)], { strokeWidth: 1.5, strokeDasharray: '4 3' }),
          ruleY([0]),
        ],
      }),
    diagram: (width: number) =>
      renderSvg(sizeOf(width), `Reliability diagram of ${series.label}, calibration error ${ece} %`, {
        ...{ ...frameOf(width), marginLeft: 44 },
        x: { ...x, label: 'confidence (%)' },
        y: { domain: [0, 1], label: 'accuracy (%)', ticks: 5, tickFormat: inPercent, grid: true },
        marks: [
          rect(shown, { ...bars, y2: 'accuracy', fillOpacity: 0.65 }),
          link([{}], { x1: 0, y1: 0, x2: 1, y2: 1, strokeDasharray: '4 3', strokeOpacity: 0.7 }),
          ruleY([0]),
        ],
      }),
  };
}

/** The bins over the images of all runs. */
function pooledBins({ runs }: Series): CalibrationBin[] {
  const all = runs.map(({ calibration }) => calibration.bins);
  return all[0]!.map((_, bin) => {
    const count = all.reduce((sum, bins) => sum + bins[bin]!.count, 0);
    const mean = (key: 'confidence' | 'accuracy') =>
      count === 0 ? 0 : all.reduce((sum, bins) => sum + bins[bin]!.count * bins[bin]![key], 0) / count;
    return { count, confidence: mean('confidence'), accuracy: mean('accuracy') };
  });
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}

function inPercent(fraction: number): string {
  return String(Math.round(100 * fraction));
}
