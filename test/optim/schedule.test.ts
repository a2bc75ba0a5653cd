import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadConfig } from '../../src/config/load.js';
import {
  describeLongWarmup,
  describeScaling,
  learningRateAt,
  scaledRates,
  warmupEpochs,
} from '../../src/optim/schedule.js';

const optim = { learning_rate: 0.1, warmup_learning_rate: 0.05 };

describe('The learning rate', () => {
  test('of 200 epochs begins at 0.05, peaks at 0.1, is 0.0508 at the 100th and 0 at the last', () => {
    const at = (epoch: number) => learningRateAt(epoch, 200, 2, optim);
    assert.equal(at(1), 0.05);
    assert.equal(at(2), 0.1);
    assert.equal(at(100).toFixed(4), '0.0508');
    assert.ok(Math.abs(at(200)) < 1e-15);
  });

  test('rises in equal parts through the warm-up and falls from there on', () => {
    const rates = Array.from({ length: 30 }, (_, i) => learningRateAt(i + 1, 30, 5, optim));
    assert.deepEqual(
      rates.slice(0, 5).map(rate => rate.toFixed(6)),
      ['0.050000', '0.062500', '0.075000', '0.087500', '0.100000'],
    );
    for (let i = 5; i < rates.length; i++) assert.ok(rates[i]! < rates[i - 1]!, `epoch ${i + 1}`);
  });
});

describe('The warm-up', () => {
  test('lasts as long as the config says', () => {
    assert.equal(warmupEpochs({ warmup_epochs: 7 }, 1000), 7);
  });

  test('of auto lasts at least 200 steps and at least two epochs', () => {
    const auto = (stepsPerEpoch: number) => warmupEpochs({ warmup_epochs: 'auto' }, stepsPerEpoch);
    assert.deepEqual([10, 66, 67, 100, 148, 199, 200, 305, 5000].map(auto), [20, 4, 3, 2, 2, 2, 2, 2, 2]);
  });
});

describe('Linear scaling of the learning rates', () => {
  const optim = { learning_rate: 0.1, warmup_learning_rate: 0.05, reference_batch_size: 256 };

  test('multiplies both by the batch size over the reference', () => {
    assert.deepEqual(scaledRates(optim, 512), { learning_rate: 0.2, warmup_learning_rate: 0.1 });
    const { reference_batch_size: _, ...unscaled } = optim;
    assert.deepEqual(scaledRates(unscaled, 512), unscaled);
  });

  test('takes half of the learning rate for a warm-up rate of auto', () => {
    const auto = { learning_rate: 0.1, warmup_learning_rate: 'auto' as const };
    assert.deepEqual(scaledRates(auto, 512), { learning_rate: 0.1, warmup_learning_rate: 0.05 });
  });

  test('says what it did, and nothing where it was not asked for', () => {
    const { config } = loadConfig('cifar100_lt/gala_if100', { set: ['optim.reference_batch_size=32'] });
    assert.equal(
      describeScaling(config.optim, 64),
      'Learning rates times 2 (train.batch_size 64 / optim.reference_batch_size 32): learning_rate 0.1 → ' +
        '0.2, warmup_learning_rate 0.05 → 0.1.',
    );
    assert.equal(describeScaling(loadConfig('cifar100_lt/gala_if100').config.optim, 64), undefined);
  });
});

test('A warm-up as long as the training is told, one that leaves epochs for the decay is not', () => {
  const auto = { warmup_epochs: 'auto' as const };
  assert.match(describeLongWarmup(auto, 4, 20)!, /^the warm-up takes 50 epochs of 4 steps, and train\.epochs is 20: /);
  assert.equal(describeLongWarmup(auto, 4, 51), undefined);
  assert.equal(describeLongWarmup(auto, 169, 200), undefined);
  assert.equal(describeLongWarmup({ warmup_epochs: 1 }, 4, 1), undefined);
});

test('The shorter warm-up that is recommended is accepted and leaves epochs for the decay', () => {
  for (let epochs = 1; epochs <= 49; epochs++) {
    const advice = describeLongWarmup({ warmup_epochs: 'auto' }, 4, epochs)!;
    const setting = /Set (optim\.warmup_epochs=(\d+))/.exec(advice)!;
    const set = [setting[1]!, `train.epochs=${epochs}`];
    const { config } = loadConfig('fashion_mnist_lt/gala', { set });
    assert.equal(describeLongWarmup(config.optim, 4, epochs), undefined, advice);
  }
});
