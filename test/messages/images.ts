/** Image lists, images and PyTorch files. */

import { readImageList } from '../../src/data/imageList.js';
import { readRgb } from '../../src/data/images/decode.js';
import { readTorchFile } from '../../src/io/torch/torchFile.js';
import { readWeightsFile } from '../../src/models/weightsFile.js';
import type { Cases, Place } from './catalogue.js';

const list =
  (text: string | Uint8Array, classes?: number) =>
  ({ file }: Place) =>
    readImageList(file('train.txt', text), classes);
const image =
  (content: string | Uint8Array) =>
  ({ file }: Place) =>
    readRgb(file('image.jpg', content));
/** The beginning of a JPEG file of 8 × 8 pixels. */
const jpeg = Buffer.from('ffd8ffe000104a46494600010100000100010000ffc0000b080008000801011100', 'hex');

export const imageCases: Cases = {
  'a list that does not exist': () => readImageList('train.txt'),
  'a list that is a folder': ({ folder }) => readImageList(folder),
  'an empty list': list(''),
  'a list with a line without a class': list('a/1.jpg 0\na/2.jpg\n'),
  'a list with a class that is no number': list('a/1.jpg cat\n'),
  'a list with a class out of range': list('a/1.jpg 0\na/2.jpg 10\n', 10),
  'a list that is not text': list(Uint8Array.of(0xff, 0xfe, 0, 1)),
  'a list in Latin-1': list(Buffer.from('a/1.jpg 0\na/caf\u00e9.jpg 0\n', 'latin1')),
  'a list in UTF-16 without its mark': list(Buffer.from('a/1.jpg 0\n', 'utf16le')),
  'an image that does not exist': () => readRgb('image.jpg'),
  'an image that is no image': image('<html>404</html>'),
  'an empty image': image(''),
  'an image that is cut off': image(jpeg),
  'an image that is a device': () => readRgb('/dev/null'),
  'a BMP image that is cut off': image(
    Buffer.concat([Buffer.from('BM'), Buffer.of(...Array(12).fill(0), 40, 0, 0, 0)]),
  ),
  'a PyTorch file that does not exist': () => readWeightsFile('weights.pth'),
  'a PyTorch file that is another kind of file': ({ file }) => readWeightsFile(file('weights.pth', 'text')),
  'a PyTorch file that is cut off': ({ file }) => readTorchFile(file('weights.pth', 'PK\x03\x04')),
};
