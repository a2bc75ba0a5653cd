/** Image lists, images and PyTorch files. */

import { readImageList } from '../../src/data/files/imageList.js';
import { readRgb } from '../../src/data/images/decode.js';
import { UnreadObject } from '../../src/io/pickleStack.js';
import { readTorchFile } from '../../src/io/torch/torchFile.js';
import { fitFile, readWeightsFile } from '../../src/models/weightsFile.js';
import { type Content, checkpoint } from '../models/checkpoints.js';
import { float32 } from '../numbers.js';
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

const one = float32([1], [1]);
const network = { 'conv1.weight': one };
const expected = { 'backbone.conv1.weight': one, 'classifier.weight': one };
const weights = (content: Content) => () => fitFile(expected, checkpoint(content), 'all');

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
  'a Git LFS pointer in place of weights': ({ file }) =>
    readWeightsFile(
      file('weights.pth', 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 97800000\n'),
    ),
  'a web page in place of weights': ({ file }) => readWeightsFile(file('weights.pth', '<!DOCTYPE html><html></html>')),
  'an empty file in place of weights': ({ file }) => readWeightsFile(file('weights.pth', '')),
  'a packed archive in place of weights': ({ file }) =>
    readWeightsFile(file('weights.pth.gz', Uint8Array.of(31, 139, 8))),
  'weights that are not finite': weights({ 'conv1.weight': float32([1], [Number.NaN]), 'fc.weight': one }),
  'a PyTorch file without tensors': weights({ epoch: 7, model: new UnreadObject('torchvision.models.resnet.ResNet') }),
  'a PyTorch file with two networks': weights({ student: network, teacher: network }),
  'a PyTorch file with two classifiers': weights({ ...network, 'fc.weight': one, 'linear.weight': one }),
  'a second stage of MiSLAS with scales for other classes': weights({
    state_dict_model: network,
    state_dict_classifier: { weight: one },
    state_dict_lws_model: { learned_norm: float32([2], [1, 2]) },
  }),
  'a PyTorch file that is cut off': ({ file }) => readTorchFile(file('weights.pth', 'PK\x03\x04')),
};
