/** `gradients.jsonl` of a run: the gradients of each classifier from its own class and from others, by epoch. */
import { z } from 'zod';
import { StorageError } from '../errors.js';
import { diskFault } from '../io/faults.js';
import { largestLog, readRegularText } from '../io/regularFile.js';

/** Sums since the start of training, [C] each. */
export interface EpochGradients {
  /** 1-based. */
  readonly epoch: number;
  /** θ: positive gradient of each class. */
  readonly positive: readonly number[];
  /** ν: negative gradient received by each class. */
  readonly negative: readonly number[];
}

/**
 * Reads the gradients of all epochs for `classes` classes; undefined when the run has no such file. A last line that a
 * crash cut off is dropped. Throws `StorageError` with the line for any other damage.
 */
export function readGradients(path: string, classes: number): EpochGradients[] | undefined {
  let text: string;
  try {
    text = readRegularText(path, largestLog);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw diskFault('Could not read the gradients', path, error);
  }
  const perClass = z.array(z.number()).length(classes);
  const line = z.object({ epoch: z.number().int(), positive: perClass, negative: perClass });
  const texts = text.split('\n');
  const cutOff = texts.pop() !== '';
  const epochs = texts.map((content, index) => {
    const parsed = line.safeParse(parseJson(content));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0]!;
    throw new StorageError(`The gradients are damaged: ${issue.path.join('.') || 'the line'}: ${issue.message}.`, {
      where: `${path}:${index + 1}`,
      next: 'Restore the file, or remove it: the report is then made without this figure.',
    });
  });
  const last = cutOff ? line.safeParse(parseJson(text.slice(text.lastIndexOf('\n') + 1))) : undefined;
  return last?.success ? [...epochs, last.data] : epochs;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
