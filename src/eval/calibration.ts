/** The expected calibration error of Guo et al. (ICML 2017): the distance between confidence and accuracy. */

export interface CalibrationBin {
  readonly count: number;
  /** Mean confidence and accuracy of the bin's images; 0 in an empty bin. */
  readonly confidence: number;
  readonly accuracy: number;
}

export interface Calibration {
  /** Σ_b (count_b / N)·|accuracy_b − confidence_b|, a fraction. */
  readonly error: number;
  readonly bins: readonly CalibrationBin[];
}

/**
 * Expected calibration error of predictions [N]; confidences [N] are the softmax probabilities of the predicted
 * classes. Bins are equal and (lower, upper], as gpleiss/temperature_scaling.
 */
export function calibrationOf(
  confidences: Float64Array,
  predictions: Int32Array,
  labels: Int32Array,
  binCount = 15,
): Calibration {
  const images = labels.length;
  const counts = new Float64Array(binCount);
  const sums = new Float64Array(binCount);
  const correct = new Float64Array(binCount);
  for (let i = 0; i < images; i++) {
    const confidence = confidences[i]!;
    const bin = Math.max(0, Math.ceil(confidence * binCount) - 1);
    counts[bin]!++;
    sums[bin]! += confidence;
    if (predictions[i] === labels[i]) correct[bin]!++;
  }
  const bins = Array.from(counts, (count, b) => ({
    count,
    confidence: count === 0 ? 0 : sums[b]! / count,
    accuracy: count === 0 ? 0 : correct[b]! / count,
  }));
  const error = bins.reduce((sum, bin) => sum + (bin.count / images) * Math.abs(bin.accuracy - bin.confidence), 0);
  return { error, bins };
}
