/**
 * Downloads one large file over HTTP(S). A download continues where an earlier one stopped, tries again when the
 * connection drops, and never waits forever.
 */
import { closeSync, fsyncSync, statSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, DataError, GalaError, StorageError } from '../errors.js';
import { openForWriting } from './regularFile.js';

export interface DownloadOptions {
  /** Called with the bytes on disk, and with the size of the file where the server sends it. */
  readonly onProgress?: (bytes: number, total: number | undefined) => void;
  /** Called with a sentence when a try failed and the next one begins. */
  readonly onRetry?: (line: string) => void;
  /** Number of consecutive tries without new bytes after which the download fails. */
  readonly fruitlessTries?: number;
  /** After so many seconds without a byte the next try begins. */
  readonly stallSeconds?: number;
  /** Pause before a try; doubles with each try without new bytes. */
  readonly pauseSeconds?: number;
  /** What to do without network: the last sentence of the errors' remedy. */
  readonly otherwise: string;
}

/** How a try ended. */
interface Result {
  /** Bytes of the whole file, where the server sends it. */
  readonly total: number | undefined;
  /** Whether all of them are on disk. */
  readonly complete: boolean;
}

/**
 * Downloads `url` into the file `path`. After a failure the file stays, and the next call asks only for the rest. The
 * caller checks the content. Throws `DataError` (server, network), `StorageError` (disk) or `ConfigError` (no address).
 */
export async function downloadFile(url: string, path: string, options: DownloadOptions): Promise<void> {
  const { fruitlessTries = 4, pauseSeconds = 1 } = options;
  requireAddress(url);
  // A download that begins again makes progress only when it has more bytes than ever before.
  for (let [fruitless, most] = [0, sizeOf(path)]; ; most = Math.max(most, sizeOf(path))) {
    const before = sizeOf(path);
    let failure: string;
    try {
      const { complete, total } = await attempt(url, path, before, options);
      if (complete) return;
      failure = `the connection ended after ${sizeOf(path)} of ${total} bytes`;
    } catch (error) {
      if (error instanceof GalaError) throw error;
      failure = causeOf(error);
    }
    fruitless = sizeOf(path) > most ? 0 : fruitless + 1;
    if (fruitless === fruitlessTries) {
      throw new DataError(`The download stopped: ${failure} (${fruitlessTries} tries).`, {
        where: url,
        next:
          `Check the network and run the same command again: it goes on where it stopped (${sizeOf(path)} ` +
          `bytes). ${options.otherwise}`,
      });
    }
    options.onRetry?.(`${failure}; trying again at ${sizeOf(path)} bytes.`);
    await sleep(1000 * pauseSeconds * 2 ** Math.max(0, fruitless - 1));
  }
}

function requireAddress(url: string): void {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return;
  throw new ConfigError('This is no address that can be downloaded.', {
    where: url,
    next: 'Give an address that begins with http:// or https://.',
  });
}

async function attempt(url: string, path: string, have: number, options: DownloadOptions): Promise<Result> {
  const stall = new AbortController();
  const seconds = options.stallSeconds ?? 60;
  const abort = () => stall.abort(new Error(`the server sent nothing for ${seconds} seconds`));
  let timer = setTimeout(abort, 1000 * seconds);
  try {
    const response = await fetch(url, {
      // `identity`: the server must not compress, because ranges and checksums count the bytes of the file.
      headers: { 'accept-encoding': 'identity', ...(have > 0 && { range: `bytes=${have}-` }) },
      signal: stall.signal,
    });
    const range = contentRange(response.headers.get('content-range'));
    if (response.status === 416) return startOver(path, have, range.total);
    if (!response.ok || response.body === null) throw refused(url, response, options);
    const encoding = response.headers.get('content-encoding') ?? 'identity';
    // fetch unpacks a compressed response, so its bytes match neither content-length nor a range.
    if (!/^(identity)?$/i.test(encoding.trim())) throw compressedResponse(url, encoding, options);
    const resumed = response.status === 206 && range.start === have;
    // A server without ranges sends the whole file (status 200). Another range would damage the file.
    if (response.status === 206 && !resumed) throw new Error('the server sent other bytes than were asked for');
    const start = resumed ? have : 0;
    const length = response.headers.get('content-length');
    const total = range.total ?? (length === null ? undefined : start + Number(length));
    options.onProgress?.(start, total);
    const bytes =
      start +
      (await write(response.body, path, resumed, received => {
        clearTimeout(timer);
        timer = setTimeout(abort, 1000 * seconds);
        options.onProgress?.(start + received, total);
      }));
    return { total, complete: total === undefined || bytes === total };
  } catch (error) {
    throw unwritable(error, path) ?? (stall.signal.aborted ? stall.signal.reason : error);
  } finally {
    clearTimeout(timer);
  }
}

/** Writes each piece before the next one arrives, so that a dropped connection loses no received byte. */
async function write(
  body: AsyncIterable<Uint8Array>,
  path: string,
  append: boolean,
  onReceived: (bytes: number) => void,
): Promise<number> {
  const file = openForWriting(path, append ? 'append' : 'replace');
  let received = 0;
  try {
    for await (const chunk of body) {
      for (let offset = 0; offset < chunk.length; ) offset += writeSync(file, chunk, offset);
      received += chunk.length;
      onReceived(received);
    }
    fsyncSync(file);
    return received;
  } finally {
    closeSync(file);
  }
}

/** Status 416: the server has no bytes behind ours. Either we have the whole file, or the server's file changed. */
function startOver(path: string, have: number, total: number | undefined): Result {
  if (total === have) return { total, complete: true };
  closeSync(openForWriting(path, 'replace'));
  throw new Error(`the server's file has ${total ?? 'fewer'} bytes, fewer than the ${have} here, so it begins anew`);
}

/** Parses `bytes 100-199/200`, or a star in place of the range. */
function contentRange(header: string | null): { start?: number; total?: number } {
  const match = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(header ?? '');
  if (match === null) return {};
  const [, start, total] = match;
  return {
    ...(start !== undefined && { start: Number(start) }),
    ...(total !== undefined && total !== '*' && { total: Number(total) }),
  };
}

/** The error of an HTTP status; a plain `Error` for a status that may pass, so that the next try begins. */
function refused(url: string, { status, statusText }: Response, { otherwise }: DownloadOptions): Error {
  const said = `the server answered ${status} ${statusText}`.trimEnd();
  if (status >= 500 || status === 408 || status === 429) return new Error(said);
  return new DataError(`The file could not be downloaded: ${said}.`, {
    where: url,
    next: `The file may have moved: look for it and give its address. ${otherwise}`,
  });
}

function compressedResponse(url: string, encoding: string, { otherwise }: DownloadOptions): DataError {
  return new DataError(
    `The server compresses the file (Content-Encoding: ${encoding}), although gala asked it not to.`,
    {
      where: url,
      next: `Fetch the file with another tool and give it with --from FILE. ${otherwise}`,
    },
  );
}

function unwritable(error: unknown, path: string): StorageError | undefined {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (syscall !== 'open' && syscall !== 'write' && syscall !== 'fsync') return undefined;
  return new StorageError(`The download could not be written: ${message}`, {
    where: path,
    next:
      code === 'ENOSPC' || code === 'EDQUOT'
        ? 'Free some space, then run the same command again: it goes on where it stopped.'
        : code === 'ELOOP' || code === 'EINVAL'
          ? 'A link or a special file is in its place: remove it, then run the same command again.'
          : 'Check the permissions of the folder.',
    cause: error,
  });
}

function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  const inner = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : undefined;
  return inner ? `${message} (${inner})` : message;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
