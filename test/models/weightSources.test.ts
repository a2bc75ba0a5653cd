/** Files of the forms of those who publish weights (`scripts/make-weights-sources.py`) fill the network. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { DataError } from '../../src/errors.js';
import { inTorchLayout, type WeightsPart } from '../../src/models/weights.js';
import { describeFit, fitFile, readWeightsFile } from '../../src/models/weightsFile.js';
import type { HostTensors } from '../../src/tensor.js';
import { float32 } from '../numbers.js';

const folder = join(import.meta.dirname, '../../../test/fixtures/weights/sources');
type Listed = Record<string, { shape: number[]; values: number[] }>;
const source: { network: Listed; cosine: Listed; scales: number[] } = JSON.parse(
  readFileSync(join(folder, 'expected.json'), 'utf8'),
);

const tensor = ({ shape, values }: Listed[string]) => float32(shape, values);
const isCounter = (name: string) => name.endsWith('num_batches_tracked');
const classifier = { weight: tensor(source.network['fc.weight']!), bias: tensor(source.network['fc.bias']!) };
const cosine = { weight: tensor(source.cosine.weight!) };
const backbone: HostTensors = Object.fromEntries(
  Object.entries(source.network)
    .filter(([name]) => !name.startsWith('fc.') && !isCounter(name))
    .map(([name, listed]) => [`backbone.${name}`, tensor(listed)]),
);
const withHead = (head: HostTensors): HostTensors => ({
  ...backbone,
  ...Object.fromEntries(Object.entries(head).map(([name, value]) => [`classifier.${name}`, value])),
});

/** What a file fills, filters as PyTorch has them; the network begins with zeros. */
async function filled(file: string, network: HostTensors, part: WeightsPart = 'all') {
  const drawn = Object.entries(network).map(([name, { shape }]) => {
    const [outputs, inputs, height, width] = shape;
    const own = shape.length === 4 ? [height!, width!, inputs!, outputs!] : shape;
    return [name, float32(own, new Array(own.reduce((a, b) => a * b, 1)).fill(0))];
  });
  const fitted = fitFile(Object.fromEntries(drawn), await readWeightsFile(join(folder, file)), part);
  const values = Object.entries(fitted.values).map(([name, value]) => [name, inTorchLayout(value)]);
  return { ...fitted, values: Object.fromEntries(values) as HostTensors };
}

describe('The published form of', () => {
  const whole: Record<string, string[]> = {
    'torchvision.pth': [],
    'torchvision_training.pth': ['model_ema (15 tensors)', 'optimizer (8 tensors)'],
    'timm.pth.tar': ['optimizer (8 tensors)', 'state_dict_ema (14 tensors)'],
    'classifier_balancing.pth': [],
    'openmmlab.pth': ['optimizer (9 tensors)'],
    'lightning.ckpt': ['callbacks (1 tensor)', 'optimizer_states (8 tensors)'],
    'mp_rank_00_model_states.pt': [],
    'compiled.pth': ['rng'],
  };
  for (const [file, unused] of Object.entries(whole))
    test(`${file} fills the whole network`, async () => {
      const fitted = await filled(file, withHead(classifier));
      assert.deepEqual(fitted.values, withHead(classifier));
      assert.deepEqual(fitted.kept, []);
      assert.deepEqual(fitted.unused.toSorted(), unused);
      assert.deepEqual(fitted.notes, []);
    });

  test('MiSLAS’ second stage fills it with the scales of its logits multiplied into the classifier', async () => {
    const { values, unused, notes } = await filled('mislas_stage2.pth.tar', withHead(classifier));
    const [first, second] = source.scales as [number, number];
    const { weight, bias } = classifier;
    const scaled = {
      weight: float32(
        [2, 2],
        [first, first, second, second].map((scale, i) => scale * weight.data[i]!),
      ),
      bias: float32([2], [first * bias.data[0]!, second * bias.data[1]!]),
    };
    assert.deepEqual(values, withHead(scaled));
    assert.deepEqual(unused, ['best_acc1']);
    assert.match(notes.join(), /^module\.learned_norm is multiplied into the classifier/);
  });

  for (const [file, others] of [
    ['ldam_drw.pth.tar', ['best_acc1', 'optimizer']],
    ['ride.pth', ['criterion', 'optimizer']],
  ] as const)
    test(`${file} gives a cosine classifier whose columns, not its rows, are the classes`, async () => {
      const { values, unused, notes } = await filled(file, withHead(cosine));
      assert.deepEqual(values, withHead(cosine));
      assert.deepEqual(unused.map(name => name.split(' ')[0]).toSorted(), others);
      assert.match(notes.join(), /linear\.weight is taken as the cosine classifier of LDAM-DRW/);
      await assert.rejects(filled(file, withHead(classifier)), /classifier\.bias is missing/);
    });

  test('learnable weight scaling is refused with the entry that gala’s classifiers lack', async () => {
    await assert.rejects(
      filled('classifier_balancing_lws.pth', withHead(classifier)),
      /1 unexpected\):\n {2}classifier\.scales is not part of the network/,
    );
  });

  test('a network that was saved whole is refused with its class', async () => {
    await assert.rejects(filled('whole_network.pth', withHead(classifier)), (error: unknown) => {
      assert.ok(error instanceof DataError);
      assert.match(error.message, /it holds an object of __main__\.Net\.$/);
      assert.match(error.next!, /save the state_dict\(\) of the network/);
      return true;
    });
  });
});

test('The backbone of each fills it, and the heads are listed as the file names them', async () => {
  const heads: Record<string, string[]> = {
    'torchvision.pth': ['fc.weight', 'fc.bias'],
    'openmmlab.pth': ['head.fc.weight', 'head.fc.bias'],
    'lightning.ckpt': ['model.fc.weight', 'model.fc.bias'],
    'ldam_drw.pth.tar': ['linear.weight'],
    'mislas_stage2.pth.tar': ['module.fc.weight', 'best_acc1', 'state_dict_lws_model (1 tensor)'],
    'classifier_balancing_lws.pth': ['module.fc.weight', 'module.fc.bias', 'module.scales'],
  };
  for (const [file, listed] of Object.entries(heads)) {
    const { values, kept, unused, notes } = await filled(file, withHead(classifier), 'backbone');
    const zeros = { weight: float32([2, 2], [0, 0, 0, 0]), bias: float32([2], [0, 0]) };
    assert.deepEqual(values, withHead(zeros), file);
    assert.deepEqual([kept, notes], [['classifier.weight', 'classifier.bias'], []], file);
    for (const name of listed) assert.ok(unused.includes(name), `${file}: ${name} in ${unused}`);
  }
});

test('What was drawn, not used and changed is told in sentences', async () => {
  const { values: _, ...fit } = await filled('openmmlab.pth', withHead(classifier), 'backbone');
  assert.deepEqual(describeFit(fit), [
    'Drawn from the seed: classifier.weight, classifier.bias.',
    'In the file and not used: head.fc.weight, head.fc.bias, optimizer (9 tensors).',
  ]);
});
