/** A process of `gala engine install --eager`: loads the addon in the given folder and multiplies two matrices. */
import tf from '../../tfjs.cjs';
import { loadAddon } from './addon.js';
import { onBackend } from './backend.js';
import { addonIn } from './locate.js';

function tryAddon(folder: string): string {
  const location = addonIn(folder, 'cache');
  if (location === undefined) throw new Error(`there is no addon in ${folder}`);
  const { version, device } = loadAddon(location, 1);
  const product = onBackend(() =>
    tf.tidy(() =>
      Array.from(tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2])).dataSync()),
    ),
  );
  if (product.join() !== '19,22,43,50') throw new Error(`it multiplied wrongly: ${product}`);
  return `${version}, ${device}`;
}

try {
  process.stdout.write(`${tryAddon(process.argv[2]!)}\n`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
