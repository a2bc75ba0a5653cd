/** What a person sees while the images of a split are decoded before they are used. */
import type { CheckWatcher } from '../../data/verify/checkSplit.js';
import type { Progress } from './progress.js';

/** A bar for a check that takes more than a moment; one that finds everything remembered says nothing. */
export function createCheckDisplay(progress: Progress, stopped = () => false): CheckWatcher {
  const quietMilliseconds = 1000;
  let began = 0;
  let shown = false;
  return {
    onCheck({ split, checked, total }) {
      if (began === 0) began = performance.now();
      if (!shown && performance.now() - began < quietMilliseconds) return;
      const payload = { checking: `${split} ${checked}/${total}` };
      if (!shown) {
        progress.note(
          `Decoding the ${total} ${split} images once before they are used (remembered until they change) …`,
        );
        progress.start(total, payload, checked);
      } else progress.update(checked, payload);
      shown = true;
    },
    onChecked() {
      if (shown) progress.stop();
      began = 0;
      shown = false;
    },
    stopped,
  };
}
