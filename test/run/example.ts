/** A record for tests. */
import { configSchema } from '../../src/config/schema.js';
import type { NewRecord } from '../../src/run/record.js';

export function exampleRecord(name: string): NewRecord {
  const { stages: _, ...config } = configSchema.parse({
    name,
    seed: 3,
    data: { dataset: 'cifar100', imbalance_factor: 100, subset_seed: 5 },
    model: { backbone: 'resnet32' },
    loss: { name: 'gala' },
    optim: { learning_rate: 0.1, warmup_learning_rate: 0.05 },
    train: { epochs: 200 },
  });
  return {
    config: { ...config, name },
    splits: {
      train: { images: 10847, fingerprint: 'ab', index_hash: 'cd', class_counts: [500, 5] },
      test: { images: 10000, fingerprint: 'ef' },
    },
    engine: { engine: 'tensorflow', version: '2.21.0', precision: 'fp32', threads: 2, device: 'cpu' },
  };
}
