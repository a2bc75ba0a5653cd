/**
 * TF.js, loaded by `require`: Node reads a CommonJS package that is imported twice, once for the names it exports, and
 * `@tensorflow/tfjs` is 7 MB (0.5 s of CPU at each start, 0.15 s this way).
 */
import tf = require('@tensorflow/tfjs');

export = tf;
