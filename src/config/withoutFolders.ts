/** A config for publication: with the names of its files, without their folders. */
import { basename } from 'node:path';
import type { Config, StageConfig } from './schema.js';

/** Keys below `data` that name a list of images. */
export const listKeys = ['train_list', 'val_list', 'test_list'] as const;

/**
 * The config without `data.root`, and with only the base names of `model.weights` and of the lists of images, in both
 * stages. The order of the keys stays.
 */
export function withoutFolders(config: Config): Config {
  const { stages, ...own } = config;
  if (!namesPaths(own) && !(stages && namesPaths(stages.representation))) return config;
  const first = stages && { stages: { representation: stageWithoutFolders(stages.representation) } };
  return { ...stageWithoutFolders(own), ...first };
}

function namesPaths({ data, model }: StageConfig): boolean {
  return [data.root, ...listKeys.map(key => data[key]), model.weights].some(path => path !== undefined);
}

function stageWithoutFolders(config: StageConfig): StageConfig {
  const { root: _, ...data } = config.data;
  for (const key of listKeys) {
    const path = data[key];
    if (path !== undefined) data[key] = basename(path);
  }
  const { weights } = config.model;
  return {
    ...config,
    data,
    model: weights === undefined ? config.model : { ...config.model, weights: basename(weights) },
  };
}
