/** Predictions as text for a person, as CSV and as JSON. */
import { toCsv } from '../io/csv.js';
import type { TrainedNetwork } from '../train/trainedNetwork.js';
import type { PredictionRequest, Predictions } from './predict.js';

export interface ToldPredictions {
  readonly predictions: Predictions;
  readonly trained: TrainedNetwork;
  readonly rebalancing: PredictionRequest['rebalancing'];
}

/** A line an image, `path: class 93.1 %, class 4.2 %`, after one on the network. */
export function predictionText(told: ToldPredictions): string {
  const { run, checkpoint, epoch, rebalanced } = sourceOf(told);
  const how = rebalanced
    ? `, re-balanced with τ = ${rebalanced.tau} by the class mass of the ${rebalanced.mass_of}`
    : '';
  const lines = told.predictions.images.map(({ image, top }) => {
    const classes = top.map(({ label, probability }) => `${nameOf(told, label)} ${(100 * probability).toFixed(1)} %`);
    return `${image}: ${classes.join(', ')}`;
  });
  return [`${run}, checkpoint ${checkpoint} of epoch ${epoch}${how}`, ...lines, ''].join('\n');
}

/**
 * A line an image; `probability_n` is that of `class_n`, a fraction. Columns for τ and the source of the mass where
 * re-balanced.
 */
export function predictionCsv(told: ToldPredictions): string {
  const { rebalanced } = sourceOf(told);
  const { images } = told.predictions;
  const ranks = Array.from(images[0]?.top ?? [], (_, i) => i + 1);
  const header = [
    'image',
    ...ranks.flatMap(rank => [`class_${rank}`, `probability_${rank}`]),
    ...(rebalanced ? ['tau', 'mass_of'] : []),
  ];
  const records = images.map(({ image, top }) => [
    image,
    ...top.flatMap(({ label, probability }) => [nameOf(told, label), rounded(probability)]),
    ...(rebalanced ? [rebalanced.tau, rebalanced.mass_of] : []),
  ]);
  return toCsv(header, records);
}

/** One object; probabilities are fractions, labels count from 0. */
export function predictionJson(told: ToldPredictions): string {
  const { images, unreadable } = told.predictions;
  const content = {
    ...sourceOf(told),
    images: images.map(({ image, top }) => ({
      image,
      top: top.map(({ label, probability }) => ({
        class: nameOf(told, label),
        label,
        probability: rounded(probability),
      })),
    })),
    unreadable,
  };
  return `${JSON.stringify(content, null, 1)}\n`;
}

function sourceOf({ trained, rebalancing }: ToldPredictions) {
  const { folder, checkpoint, epoch } = trained;
  const mass_of = rebalancing?.mass ? "run's test images" : 'given images';
  return {
    run: folder.directory,
    checkpoint,
    epoch,
    rebalanced: rebalancing ? { tau: rebalancing.tau, mass_of } : null,
  };
}

function nameOf({ trained }: ToldPredictions, label: number): string {
  return trained.classNames[label]!;
}

function rounded(probability: number): number {
  return Number(probability.toFixed(6));
}
