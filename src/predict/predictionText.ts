/** Predictions as text, CSV and JSON. */
import { toCsv } from '../io/csv.js';
import type { TrainedNetwork } from '../train/trainedNetwork.js';
import type { PredictionRequest, Predictions } from './predict.js';

export interface PredictionReport {
  readonly predictions: Predictions;
  readonly trained: TrainedNetwork;
  readonly rebalancing: PredictionRequest['rebalancing'];
}

/** A line about the network, then a line per image: `path: class 93.1 %, class 4.2 %`. */
export function predictionText(report: PredictionReport): string {
  const { run, checkpoint, epoch, rebalanced } = sourceOf(report);
  const how = rebalanced
    ? `, re-balanced with τ = ${rebalanced.tau} by the class mass of the ${rebalanced.mass_of}`
    : '';
  const lines = report.predictions.images.map(({ image, top }) => {
    const classes = top.map(({ label, probability }) => `${nameOf(report, label)} ${(100 * probability).toFixed(1)} %`);
    return `${image}: ${classes.join(', ')}`;
  });
  return [`${run}, checkpoint ${checkpoint} of epoch ${epoch}${how}`, ...lines, ''].join('\n');
}

/**
 * A line per image; `probability_n` is the probability of `class_n`, a fraction. Re-balanced predictions have columns
 * for τ and the source of the class mass.
 */
export function predictionCsv(report: PredictionReport): string {
  const { rebalanced } = sourceOf(report);
  const { images } = report.predictions;
  const ranks = Array.from(images[0]?.top ?? [], (_, i) => i + 1);
  const header = [
    'image',
    ...ranks.flatMap(rank => [`class_${rank}`, `probability_${rank}`]),
    ...(rebalanced ? ['tau', 'mass_of'] : []),
  ];
  const records = images.map(({ image, top }) => [
    image,
    ...top.flatMap(({ label, probability }) => [nameOf(report, label), rounded(probability)]),
    ...(rebalanced ? [rebalanced.tau, rebalanced.mass_of] : []),
  ]);
  return toCsv(header, records);
}

/** One JSON object; probabilities are fractions, labels count from 0. */
export function predictionJson(report: PredictionReport): string {
  const { images, unreadable } = report.predictions;
  const content = {
    ...sourceOf(report),
    images: images.map(({ image, top }) => ({
      image,
      top: top.map(({ label, probability }) => ({
        class: nameOf(report, label),
        label,
        probability: rounded(probability),
      })),
    })),
    unreadable,
  };
  return `${JSON.stringify(content, null, 1)}\n`;
}

function sourceOf({ trained, rebalancing }: PredictionReport) {
  const { folder, checkpoint, epoch } = trained;
  const mass_of = rebalancing?.mass ? "run's test images" : 'given images';
  return {
    run: folder.directory,
    checkpoint,
    epoch,
    rebalanced: rebalancing ? { tau: rebalancing.tau, mass_of } : null,
  };
}

function nameOf({ trained }: PredictionReport, label: number): string {
  return trained.classNames[label]!;
}

function rounded(probability: number): number {
  return Number(probability.toFixed(6));
}
