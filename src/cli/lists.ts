/** Values of flags that are lists: `0,1,2` and `if100,if50`. Commander reports what they throw as a usage error. */
import { InvalidArgumentError } from 'commander';
import { parseSeed } from './commands/config.js';

export function parseList(text: string): string[] {
  const words = text.split(',').map(word => word.trim());
  if (words.every(word => word !== '')) return words;
  throw new InvalidArgumentError('It must be words separated by commas, such as if100,if50.');
}

export function parseSeeds(text: string): number[] {
  return parseList(text).map(parseSeed);
}

export function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('It must be a whole number, at least 1.');
  return count;
}
