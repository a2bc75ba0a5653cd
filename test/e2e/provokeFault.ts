/**
 * Loaded into gala before it starts (`node --import`): GALA_FAULT makes something go wrong that no input can.
 * `worker dies` / `worker exhausts memory` / `worker hangs`: the data workers, from their third batch on;
 * `disk is slow <file> <seconds>`: every sync of the file, or of its temp file, takes so long.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename } from 'node:path';
import threads from 'node:worker_threads';

const [what, how, ...rest] = (process.env.GALA_FAULT ?? '').split(' ');
const [file, seconds] = rest.slice(-2);

if (threads.isMainThread && what === 'worker') {
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    private batches = 0;
    private readonly isOfData: boolean;

    constructor(file: string | URL, options: threads.WorkerOptions = {}) {
      const isOfData = String(file).includes('batchWorker');
      const limits = isOfData && how === 'exhausts' ? { resourceLimits: { maxOldGenerationSizeMb: 2 } } : {};
      super(file, { ...options, ...limits });
      this.isOfData = isOfData;
    }

    override postMessage(message: unknown): void {
      if (!this.isOfData || how === 'exhausts' || ++this.batches < 3) super.postMessage(message);
      else if (how === 'dies') void this.terminate();
    }
  };
} else if (threads.isMainThread && what === 'disk') {
  const { fsyncSync, openSync } = fs;
  const paths = new Map<number, string>();
  fs.openSync = (path, flags, mode) => {
    const handle = openSync(path, flags, mode);
    paths.set(handle, basename(String(path)));
    return handle;
  };
  fs.fsyncSync = handle => {
    if (paths.get(handle)?.startsWith(file!)) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000 * Number(seconds));
    }
    fsyncSync(handle);
  };
}
syncBuiltinESMExports();
