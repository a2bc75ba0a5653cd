/** Config files for tests: written to a folder of their own that goes away with the test. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ConfigOverrides, loadConfig } from '../../src/config/load.js';
import { ConfigError } from '../../src/errors.js';

/** The smallest complete config. */
export const smallest = `data: {dataset: cifar100}
model: {backbone: resnet32}
loss: {name: cross_entropy}
optim: {learning_rate: 0.1}
train: {epochs: 30}
`;

/** Writes the files (path → text) and returns a function that makes their absolute paths. */
export function configFiles(test: TestContext, files: Readonly<Record<string, string | Uint8Array>>) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'gala-config-')));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return (path: string) => join(folder, path);
}

/** What loading says, with the folder's path cut off: the message, and the place of a single problem. */
export function complaint(path: string, overrides?: ConfigOverrides): { message: string; where: string | undefined } {
  try {
    loadConfig(path, overrides);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const short = (text: string) => (isAbsolute(path) ? text.replaceAll(`${dirname(path)}/`, '') : text);
    return { message: short(error.message), where: error.where === undefined ? undefined : short(error.where) };
  }
  throw new Error(`${path} was loaded without a complaint`);
}
