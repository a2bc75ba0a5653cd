/** Classifiers that other code bases store in another form: transposed, or with a scale for each logit. */
import { DataError } from '../errors.js';
import { type HostTensor, type HostTensors, sizeOf } from '../tensor.js';
import type { Entry } from './weightPlaces.js';
import type { WeightsPart } from './weights.js';

interface Changed {
  readonly tensors: HostTensors;
  /** Sentences on what was changed. */
  readonly notes: readonly string[];
}

/**
 * `tensors` with the classifier in the form of gala's heads. `classifier` are the entries of the classifier in the
 * file, `scales` the entries that multiply its logits. Throws `DataError`.
 */
export function asClassifier(
  tensors: HostTensors,
  classifier: readonly Entry[],
  scales: readonly Entry[] | undefined,
  { expected, part, where }: { readonly expected: HostTensors; readonly part: WeightsPart; readonly where: string },
): Changed {
  const turned = turnedWeight(tensors, classifier, expected);
  if (scales === undefined) return turned;
  const folded = foldScales(turned.tensors, scales, part, where);
  return { tensors: folded.tensors, notes: [...turned.notes, ...folded.notes] };
}

/**
 * The weight of a classifier without bias as [classes, features]. The cosine classifier of LDAM-DRW, MiSLAS and RIDE is
 * `linear.weight` of [features, classes]. If the weight is square, only its name shows which of the two it is.
 */
function turnedWeight(tensors: HostTensors, classifier: readonly Entry[], expected: HostTensors): Changed {
  const [[given, weight] = []] = classifier;
  const wanted = expected['classifier.weight']?.shape.join();
  if (classifier.length !== 1 || given === undefined || weight?.shape.length !== 2) return { tensors, notes: [] };
  const isAsWanted = weight.shape.join() === wanted;
  const isTurned = [...weight.shape].reverse().join() === wanted;
  if (isTurned && (!isAsWanted || /(^|\.)linear\.weight$/.test(given)))
    return {
      tensors: { ...tensors, 'classifier.weight': transposed(weight) },
      notes: [`${given} is taken as the cosine classifier of LDAM-DRW, whose columns are the classes.`],
    };
  const isDoubtful = isTurned && !/(^|\.)classifier\.weight$/.test(given);
  return { tensors, notes: isDoubtful ? [`${given} is square: its rows are taken as the classes.`] : [] };
}

/**
 * The classifier with each row and its bias multiplied by the scale of its class, like the logits in the second stage
 * of MiSLAS by `learned_norm`. Throws `DataError` unless there is one scale for each class.
 */
function foldScales(tensors: HostTensors, scales: readonly Entry[], part: WeightsPart, where: string): Changed {
  const { 'classifier.weight': weight, 'classifier.bias': bias } = tensors;
  const [given, scale] = scales.find(([name]) => /(^|\.)learned_norm$/.test(name)) ?? [];
  if (!weight || !scale || scales.length !== 1 || sizeOf(scale.shape) !== weight.shape[0])
    throw new DataError('Its state_dict_lws_model is not one scale for each class of its classifier.', {
      where,
      next:
        part === 'network'
          ? 'Save the file with one scale for each class, or without state_dict_lws_model.'
          : 'Take the backbone alone with model.weights_part: backbone.',
    });
  return {
    tensors: {
      ...tensors,
      'classifier.weight': scaled(weight, scale),
      ...(bias && { 'classifier.bias': scaled(bias, scale) }),
    },
    notes: [`${given} is multiplied into the classifier, as in the second stage of MiSLAS.`],
  };
}

function scaled({ shape, data }: HostTensor, { data: scale }: HostTensor): HostTensor {
  const perClass = data.length / scale.length;
  const product = Float32Array.from(data, (value, i) => value * scale[Math.floor(i / perClass)]!);
  return { dtype: 'float32', shape, data: product };
}

function transposed({ shape, data }: HostTensor): HostTensor {
  const [rows, columns] = shape as [number, number];
  const turned = Float32Array.from(data, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
  return { dtype: 'float32', shape: [columns, rows], data: turned };
}
