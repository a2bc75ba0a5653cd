import { defineLoss } from './loss.js';

/** Softmax cross-entropy, mean over the batch (`torch.nn.functional.cross_entropy`). No state. */
export const crossEntropy = defineLoss({
  description: 'Mean softmax cross-entropy.',
  keys: {},
  create: (_, { tf, sparseSoftmaxCrossEntropy }) => ({
    init: () => ({}),
    apply: (logits, labels) => ({ loss: tf.mean(sparseSoftmaxCrossEntropy(logits, labels)), state: {} }),
  }),
});
