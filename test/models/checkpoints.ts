/** What a file of torch.save holds, written as plain objects. */
import { UnreadObject } from '../../src/io/pickleStack.js';
import type { TorchValue } from '../../src/io/torch/torchFile.js';
import type { WeightsFile } from '../../src/models/weightsFile.js';

export type Content = { readonly [key: string]: TorchValue | Content };

/** The file `weights.pth` as it was read. */
export function checkpoint(content: Content | TorchValue): WeightsFile {
  return { path: 'weights.pth', content: treeOf(content), format: 'torch zip', sha256: '' };
}

function treeOf(value: TorchValue | Content): TorchValue {
  const isTree = typeof value === 'object' && !(value instanceof UnreadObject) && !('data' in value);
  if (!isTree || value instanceof Map) return value as TorchValue;
  return new Map(Object.entries(value as Content).map(([key, item]) => [key, treeOf(item)]));
}
