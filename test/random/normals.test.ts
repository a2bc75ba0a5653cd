import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../../src/io/hash.js';
import { linearHead } from '../../src/models/head.js';
import { createBackbone } from '../../src/models/index.js';
import { randomFor } from '../../src/random.js';

test('many normal deviates at once have the bits of those drawn one by one', () => {
  // Enough for numbers that the kernel leaves to JavaScript's functions, of which there is one in half a million
  const count = 3_000_003;
  const [one, many] = [randomFor('normals'), randomFor('normals')];
  for (const deviation of [1, 0.0294627825]) {
    // An odd count leaves a spare deviate, with which the next begins.
    const expected = Float32Array.from({ length: count }, () => one.normal() * deviation);
    const values = new Float32Array(count);
    many.normals(values, deviation);
    const different = values.findIndex((value, i) => !Object.is(value, expected[i]));
    assert.equal(different, -1, `number ${different}: ${values[different]}, not ${expected[different]}`);
  }
  assert.equal(many.uint32(), one.uint32());
});

test('any count of normal deviates goes on where the last ended', () => {
  const [one, many] = [randomFor('counts'), randomFor('counts')];
  for (const count of [0, 1, 2, 3, 4, 5, 0, 7, 2048, 2049, 4101]) {
    const values = new Float32Array(count);
    many.normals(values, 2);
    assert.deepEqual(
      values,
      Float32Array.from(values, () => one.normal() * 2),
      `${count}`,
    );
  }
});

test('initial weights are those that one call per number drew', () => {
  const hashOf = (backbone: 'resnet32' | 'resnext50_32x4d', classes: number) => {
    const network = createBackbone({ backbone }, 3);
    const head = linearHead(network.featureSize, classes).init(7);
    const { parameters, statistics } = network.init(7);
    const bytes = [...Object.entries(parameters), ...Object.entries(statistics), ...Object.entries(head)].flatMap(
      ([name, { data }]) => [Buffer.from(name), Buffer.from(data.buffer, data.byteOffset, data.byteLength)],
    );
    return sha256(Buffer.concat(bytes));
  };
  assert.equal(hashOf('resnet32', 100), 'e80c46710712e68977560353fb53c7fa5192389aedd2a9d648c631165a040bcd');
  assert.equal(hashOf('resnext50_32x4d', 365), '5681778a407cdc95e4aa1a5946073378ffde6b8de374b8991d37b1bbfdf10711');
});
