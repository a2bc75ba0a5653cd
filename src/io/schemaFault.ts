/** What is wrong with the content of a file that a schema refuses. */
import type { z } from 'zod';

/** The first fault with its key: `splits.train is missing`, `status: Invalid option …`. */
export function schemaFault({ issues }: z.ZodError): string {
  const { path, message } = issues[0]!;
  const key = path.join('.') || 'the file';
  return message.endsWith('received undefined') ? `${key} is missing` : `${key}: ${message}`;
}
