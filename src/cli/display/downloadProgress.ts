/** What a person sees of a download: a bar once the size is known, and a line for each new try. */
import { createProgress, type ProgressOptions } from './progress.js';

export interface DownloadProgress {
  onProgress(bytes: number, total: number | undefined): void;
  onRetry(line: string): void;
  /** Prints a line that stays. */
  note(line: string): void;
  /** Removes the bar; harmless when there is none. */
  stop(): void;
}

export function createDownloadProgress(options: ProgressOptions): DownloadProgress {
  const progress = createProgress(options);
  let shown: number | undefined;
  return {
    onProgress(bytes, total) {
      if (total === undefined) return;
      const payload = { download: `${megabytes(bytes)}/${megabytes(total)} MB` };
      if (shown !== total) progress.start(total, payload, bytes);
      else progress.update(bytes, payload);
      shown = total;
    },
    onRetry: line => progress.note(line),
    note: line => progress.note(line),
    stop: () => progress.stop(),
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
