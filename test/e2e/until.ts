import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves once `isThere` says so; the test's own time limit ends a wait for what never comes. */
export async function until(isThere: () => boolean): Promise<void> {
  while (!isThere()) await sleep(20);
}
