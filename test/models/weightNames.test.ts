/** Finding a network in whatever a training script saved: by the names of its entries, not by keys or prefixes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DataError } from '../../src/errors.js';
import { UnreadObject } from '../../src/io/pickleStack.js';
import type { WeightsPart } from '../../src/models/weights.js';
import { fitFile } from '../../src/models/weightsFile.js';
import type { HostTensors } from '../../src/tensor.js';
import { float32 } from '../numbers.js';
import { type Content, checkpoint } from './checkpoints.js';

const numbers = (count: number, value: number) => float32([count], new Array(count).fill(value));
const filter = (value: number) => float32([2, 1, 1, 1], [value, value]);
/** A network under PyTorch's names, filled with `value`. */
const network = (value: number): HostTensors => ({
  'conv1.weight': filter(value),
  'layer1.0.bn1.weight': numbers(2, value),
  'fc.weight': float32([3, 2], new Array(6).fill(value)),
  'fc.bias': numbers(3, value),
});
const expected: HostTensors = {
  'backbone.conv1.weight': float32([1, 1, 1, 2], [0, 0]),
  'backbone.layer1.0.bn1.weight': numbers(2, 0),
  'classifier.weight': float32([3, 2], new Array(6).fill(0)),
  'classifier.bias': numbers(3, 0),
};

const fit = (content: Content, part: WeightsPart = 'all', into = expected) => fitFile(into, checkpoint(content), part);
const renamed = (change: (name: string) => string, value = 1) =>
  Object.fromEntries(Object.entries(network(value)).map(([name, tensor]) => [change(name), tensor]));
const valuesOf = ({ values }: { values: HostTensors }) => [
  ...new Set(Object.values(values).flatMap(({ data }) => [...data])),
];
const refused = (content: Content, message: RegExp, part: WeightsPart = 'all') =>
  assert.throws(
    () => fit(content, part),
    (error: unknown) => {
      assert.ok(error instanceof DataError, String(error));
      assert.match(error.message, message);
      assert.equal(error.where, 'weights.pth');
      assert.ok(error.next);
      return true;
    },
  );

describe('A network is found', () => {
  for (const prefix of ['', 'module.', '_orig_mod.module.', 'model.', 'a.b.c.d.e.f.', 'layer1.0.'])
    test(`behind the prefix "${prefix}"`, () => {
      const { values, unused } = fit(renamed(name => prefix + name));
      assert.deepEqual([valuesOf({ values }), unused], [[1], []]);
    });

  const kept: Record<string, Content> = {
    'an unknown key': { anything: network(1) },
    'keys within keys': { a: { b: { c: network(1) } } },
    'a place in a list': { 0: network(1), 1: { step: numbers(1, 5) } },
    'a key beside numbers, objects and other tensors': {
      epoch: 3,
      args: new UnreadObject('argparse.Namespace'),
      weights: network(1),
      accuracy: numbers(1, 50),
      optimizer: { state: { 0: { momentum_buffer: filter(9) } } },
    },
  };
  test('with its classifier under each of the usual names, and as gala’s own checkpoint', () => {
    for (const name of ['fc', 'linear', 'classifier', 'head.fc'])
      assert.deepEqual(valuesOf(fit(renamed(given => given.replace(/^fc/, name)))), [1], name);
    const own = renamed(given => (given.startsWith('fc') ? given.replace('fc', 'classifier') : `backbone.${given}`));
    assert.deepEqual(valuesOf(fit(own)), [1]);
  });

  for (const [what, content] of Object.entries(kept))
    test(`under ${what}`, () => assert.deepEqual(valuesOf(fit(content)), [1]));

  test('as the plain one of a network and its copy, and the copy is listed', () => {
    for (const [plain, copy] of [
      ['model', 'model_ema'],
      ['state_dict', 'ema_state_dict'],
    ] as const) {
      const content = { [copy]: renamed(name => `module.${name}`, 2), [plain]: network(1) };
      const { values, unused } = fit(content);
      assert.deepEqual([valuesOf({ values }), unused], [[1], [`${copy} (4 tensors)`]]);
    }
    const together = { ...renamed(name => `net.${name}`), ...renamed(name => `net_ema.${name}`, 2) };
    const { values, unused } = fit(together, 'backbone');
    assert.deepEqual([...values['backbone.conv1.weight']!.data], [1, 1]);
    assert.equal(unused.length, 6);
  });

  test('not where none of two is the plain one', () => {
    const [student, teacher] = [network(1), network(2)];
    refused({ student, teacher }, /holds 2 networks that fit, under "student", "teacher"/);
    const together = { ...renamed(name => `encoder_q.${name}`), ...renamed(name => `encoder_k.${name}`, 2) };
    refused({ state_dict: together }, /under "state_dict\.encoder_q", "state_dict\.encoder_k"/, 'backbone');
  });

  test('not in a part of another network whose blocks have the same names', () => {
    const dense = Object.fromEntries(
      ['a', 'b', 'c'].map(block => [`features.${block}.conv1.weight`, filter(1)]),
    ) as HostTensors;
    const into = { ...expected, 'backbone.layer2.0.bn1.weight': numbers(2, 0) };
    assert.throws(() => fit(dense, 'matching', into), /features\.a\.conv1\.weight is not part of the network/);
  });

  test('nowhere in a file without tensors, and the error tells what it holds', () => {
    refused({ epoch: 7 }, /no tensors under names: it holds the keys "epoch"\.$/);
    refused({}, /it holds the keys \(none\)/);
    refused({ model: new UnreadObject('timm.ResNet') }, /the keys "model" \(timm\.ResNet\)/);
    for (const [content, held] of [
      [5, /it holds no mapping/],
      [numbers(3, 1), /it holds one tensor/],
      [new UnreadObject('torch.Net'), /it holds an object of torch\.Net/],
    ] as const)
      assert.throws(() => fitFile(expected, checkpoint(content), 'all'), held);
  });
});

describe('Of a state dictionary', () => {
  test('every entry that the network lacks is refused, or listed where a part is asked for', () => {
    const content = { state_dict: { ...network(1), 'projector.0.weight': float32([2, 2], [1, 2, 3, 4]) } };
    refused(content, /1 unexpected\):\n {2}projector\.0\.weight is not part of the network/);
    const { values, unused } = fit(content, 'backbone');
    assert.deepEqual([...values['backbone.conv1.weight']!.data], [1, 1]);
    assert.deepEqual(unused.toSorted(), ['fc.bias', 'fc.weight', 'projector.0.weight']);
    assert.deepEqual(fit(content, 'matching').unused, ['projector.0.weight']);
  });

  test('names that gala’s checkpoints give their training state are no exception', () => {
    refused({ ...network(1), 'loss.margins': numbers(3, 1) }, /loss\.margins is not part of the network/);
  });

  test('a block or a layer of filters that the network lacks is another backbone, not a head', () => {
    refused(
      { ...network(1), 'layer1.1.bn1.weight': numbers(2, 1) },
      /backbone\.layer1\.1\.bn1\.weight is not/,
      'backbone',
    );
    refused({ ...network(1), 'stem.weight': filter(1) }, /backbone\.stem\.weight is not part/, 'backbone');
  });

  test('two classifiers are refused where one is needed, and both listed where none is', () => {
    const content = { ...network(1), 'linear.weight': float32([3, 2], [1, 2, 3, 4, 5, 6]) };
    refused(content, /fc\.weight and linear\.weight are both classifier\.weight/);
    assert.deepEqual(fit(content, 'backbone').unused.toSorted(), ['fc.bias', 'fc.weight', 'linear.weight']);
  });

  test('NumPy arrays are listed, as they are not read', () => {
    assert.deepEqual(fit({ ...network(1), prior: new UnreadObject('numpy.ndarray') }).unused, ['prior (NumPy array)']);
  });

  test('integers in place of a parameter are refused with their type', () => {
    const bias = { dtype: 'int32', shape: [3], data: Int32Array.of(1, 2, 3) } as const;
    refused({ ...network(1), 'fc.bias': bias }, /classifier\.bias is int32 \[3\], the network has \[3\]/);
  });
});

describe('A classifier without bias', () => {
  const { 'classifier.bias': _, ...cosine } = expected;
  const rows = float32([3, 2], [1, 2, 3, 4, 5, 6]);
  const columns = float32([2, 3], [1, 3, 5, 2, 4, 6]);
  const { 'fc.weight': __, 'fc.bias': ___, ...backbone } = network(1);

  test('is turned where only its columns can be the classes', () => {
    for (const name of ['fc', 'linear', 'head.fc']) {
      const { values, notes } = fit({ ...backbone, [`${name}.weight`]: columns }, 'all', cosine);
      assert.deepEqual([...values['classifier.weight']!.data], [...rows.data], name);
      assert.match(notes.join(), /whose columns are the classes/);
      const asItIs = fit({ ...backbone, [`${name}.weight`]: rows }, 'all', cosine);
      assert.deepEqual([[...asItIs.values['classifier.weight']!.data], asItIs.notes], [[...rows.data], []], name);
    }
  });

  test('that is square is turned by its name, or told', () => {
    const square = { ...cosine, 'classifier.weight': float32([2, 2], [0, 0, 0, 0]) };
    const given = float32([2, 2], [1, 2, 3, 4]);
    const of = (name: string) => fit({ ...backbone, [name]: given }, 'all', square);
    assert.deepEqual([...of('linear.weight').values['classifier.weight']!.data], [1, 3, 2, 4]);
    assert.deepEqual([...of('fc.weight').values['classifier.weight']!.data], [1, 2, 3, 4]);
    assert.deepEqual(of('fc.weight').notes, ['fc.weight is square: its rows are taken as the classes.']);
    assert.deepEqual(of('classifier.weight').notes, []);
  });
});

test('Scales of logits that are not one for each class are refused', () => {
  const { 'fc.weight': weight, 'fc.bias': bias, ...backbone } = network(1);
  const content = (scales: HostTensors) => ({
    state_dict_model: backbone,
    state_dict_classifier: { 'fc.weight': weight!, 'fc.bias': bias! },
    state_dict_lws_model: scales,
  });
  const { values } = fit(content({ learned_norm: float32([1, 3], [2, 3, 4]) }));
  assert.deepEqual([...values['classifier.weight']!.data], [2, 2, 3, 3, 4, 4]);
  assert.deepEqual([...values['classifier.bias']!.data], [2, 3, 4]);
  const wrong: HostTensors[] = [
    { learned_norm: numbers(2, 1) },
    { other: numbers(3, 1) },
    { learned_norm: numbers(3, 1), bias: numbers(3, 1) },
  ];
  for (const scales of wrong) refused(content(scales), /state_dict_lws_model is not one scale for each class/);
});
