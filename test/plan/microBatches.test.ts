/** The search for the number of micro-batches that fits: few compilations, and the smallest number. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import { fittingAccumulation } from '../../src/plan/plan.js';

const config = loadConfig('cifar100_lt/gala_if100', { set: ['train.batch_size=96'] }).config;
/** Of a training that takes 10 and, for each image of a micro-batch, `perImage`. */
const memory = (limit: number, perImage: number, accumulate = 1, least = 0) => {
  const temporaries = Math.max(least, (96 / accumulate) * perImage);
  const total = 10 + temporaries;
  const parts = { state: 10, inputs: 0, temporaries, largest_program: 'train' };
  return { ...parts, total, limit, fits: total <= limit };
};

test('The first number whose memory can be enough is compiled, and the next when it is not', async () => {
  const tried: number[] = [];
  const withMore = (perImage: number, more: number) => async (accumulate: number) => {
    tried.push(accumulate);
    return memory(40, perImage, accumulate, more);
  };
  assert.equal(await fittingAccumulation(config, memory(40, 1), withMore(1, 0)), 4);
  assert.deepEqual(tried.splice(0), [4]);
  assert.equal(await fittingAccumulation(config, memory(40, 1), withMore(1.3, 0)), 6);
  assert.deepEqual(tried.splice(0), [4, 6]);
});

test('Where another program takes the memory, or one image takes too much, there is none', async () => {
  const tried: number[] = [];
  const evaluation = async (accumulate: number) => {
    tried.push(accumulate);
    return memory(40, 1, accumulate, 96);
  };
  assert.equal(await fittingAccumulation(config, memory(40, 1), evaluation), null);
  assert.deepEqual(tried.splice(0), [4]);
  const large = async (accumulate: number) => {
    tried.push(accumulate);
    return memory(40, 50, accumulate);
  };
  assert.equal(await fittingAccumulation(config, memory(40, 50), large), null);
  assert.deepEqual(tried, [96]);
});
