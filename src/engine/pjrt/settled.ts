/** Events of a PJRT plugin: what it promises to do. */
import type { Address, Pjrt } from './cApi.js';

/**
 * Waits for an event, on another thread where it has not come yet, and destroys it; its error is the error of what it
 * stands for.
 */
export async function settled(api: Pjrt, event: Address | undefined, what: string): Promise<void> {
  if (!event) return;
  try {
    const [, isReady] = api.call('eventIsReady', [event, 0], what);
    if (isReady! & 1n) api.call('eventAwait', [event], what);
    else await api.callAsync('eventAwait', [event], what);
  } finally {
    api.call('eventDestroy', [event], 'destroy an event');
  }
}
