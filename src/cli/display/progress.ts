/** Progress on stderr: a bar on a terminal, plain lines in a log, nothing with `quiet`. */
import { createRequire } from 'node:module';
import type { MultiBar } from 'cli-progress';
import type { CheckWatcher } from '../../data/verify/checkSplit.js';
import { indentedLines, visibleLine, visibleText } from '../../io/visibleText.js';
import { canRedraw, unguarded } from './output.js';

/** Loads the package of bars where one is drawn: most commands draw none. */
const require = createRequire(import.meta.url);

/** What is shown beside the bar, in this order: `{ epoch: '3/200', loss: '2.113' }` reads `epoch 3/200 loss 2.113`. */
type ProgressPayload = Readonly<Record<string, string | number>>;

export interface Progress {
  /** Begins a piece of work of `total` units, `initial` of which were done before (a resumed run). */
  start(total: number, payload?: ProgressPayload, initial?: number): void;
  /** Sets the units done and the whole payload; cheap enough to be called at every step. */
  update(value: number, payload?: ProgressPayload): void;
  /** Prints a line that stays; a bar moves below it. Works before `start` and after `stop` too. */
  note(line: string): void;
  /** Ends the piece of work and removes the bar; harmless without one. Call it in a `finally`. */
  stop(): void;
}

export interface ProgressOptions {
  readonly stream?: NodeJS.WriteStream;
  /** The kind of terminal; TERM when left out. */
  readonly term?: string;
  readonly quiet?: boolean;
  /** Seconds between plain lines. */
  readonly intervalSeconds?: number;
  /** The time left follows from the rate over this long; more than the longest pause between updates. */
  readonly rateWindowSeconds?: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

interface ProgressState {
  readonly value: number;
  readonly total: number;
  /** Undefined until the rate is known. */
  readonly secondsLeft: number | undefined;
  readonly payload: ProgressPayload;
}

const widestBar = 30;
const narrowestBar = 5;
const defaultRateWindowSeconds = 30;
const rateSampleMilliseconds = 500;

/** A bar where the stream is a terminal that can redraw it, else plain lines. */
export function createProgress(options: ProgressOptions = {}): Progress {
  const { stream = process.stderr, quiet = false, intervalSeconds = 10 } = options;
  const now = options.now ?? (() => performance.now());
  const window = 1000 * (options.rateWindowSeconds ?? defaultRateWindowSeconds);
  const estimator: Estimator = (total, initial) => createEstimate(total, initial, now, window);
  if (quiet) return { start() {}, update() {}, note() {}, stop() {} };
  if (canRedraw(stream, options.term)) return createBar(stream, estimator);
  return createLines(stream, intervalSeconds, now, estimator);
}

/** A bar for a check of images that takes more than a moment; nothing where all results are remembered. */
export function createCheckDisplay(progress: Progress): CheckWatcher {
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
  };
}

/** A bar for a download, once its size is known, and a line for each new attempt. */
export function createDownloadDisplay(progress: Progress) {
  let shown: number | undefined;
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  return {
    onProgress(bytes: number, total: number | undefined) {
      if (total === undefined) return;
      const payload = { download: `${megabytes(bytes)}/${megabytes(total)} MB` };
      if (shown !== total) progress.start(total, payload, bytes);
      else progress.update(bytes, payload);
      shown = total;
    },
    onRetry: progress.note,
  };
}

function createBar(stream: NodeJS.WriteStream, estimator: Estimator): Progress {
  let bars: MultiBar | undefined;
  let bar: ReturnType<MultiBar['create']> | undefined;
  let state: ProgressState = { value: 0, total: 0, secondsLeft: undefined, payload: {} };
  let estimate = (_value: number): number | undefined => undefined;
  const stop = () => {
    bars?.stop();
    bars = undefined;
  };
  return {
    start(total, payload = {}, initial = 0) {
      stop();
      state = { value: initial, total, secondsLeft: undefined, payload };
      estimate = estimator(total, initial);
      const { MultiBar: Bars } = require('cli-progress') as typeof import('cli-progress');
      bars = new Bars({
        stream: unguarded(stream),
        format: () => visibleLine(formatProgress(state, stream.columns || 80)),
        clearOnComplete: true,
        // The line is cut to the terminal's width by `formatProgress`; the terminal's own settings stay untouched, so
        // that there is nothing to restore when the process is killed.
        linewrap: true,
        hideCursor: false,
        gracefulExit: false,
        forceRedraw: true,
      });
      bar = bars.create(total, initial);
    },
    update(value, payload = state.payload) {
      state = { ...state, value, payload, secondsLeft: estimate(value) };
      bar?.update(value);
    },
    note(line) {
      if (bars === undefined) {
        stream.write(`${indentedLines(line)}\n`);
      } else {
        bars.log(`${visibleText(indentedLines(line))}\n`);
        bars.update();
      }
    },
    stop,
  };
}

function createLines(
  stream: NodeJS.WritableStream,
  intervalSeconds: number,
  now: () => number,
  estimator: Estimator,
): Progress {
  let state: ProgressState | undefined;
  let printedLine = '';
  let printedAt = 0;
  let estimate = (_value: number): number | undefined => undefined;
  const print = (shown: ProgressState) => {
    printedLine = partsOf(shown).join(' ');
    stream.write(`${printedLine}\n`);
    printedAt = now();
  };
  return {
    start(total, payload = {}, initial = 0) {
      estimate = estimator(total, initial);
      state = { value: initial, total, secondsLeft: undefined, payload };
      print(state);
    },
    update(value, payload = state?.payload ?? {}) {
      if (state === undefined) return;
      state = { ...state, value, payload, secondsLeft: estimate(value) };
      if (now() - printedAt >= intervalSeconds * 1000) print(state);
    },
    note(line) {
      stream.write(`${indentedLines(line)}\n`);
    },
    stop() {
      if (state !== undefined && partsOf(state).join(' ') !== printedLine) print(state);
      state = undefined;
    },
  };
}

/** Begins to measure a piece of work; the function that it returns gives the seconds left at a value. */
type Estimator = (total: number, initial: number) => (value: number) => number | undefined;

/**
 * Seconds left by the rate of the last `window` milliseconds, so that an evaluation soon counts no more. The rate of a
 * window is measured from the first units on: they take longer, as an engine warms up or a connection is made.
 */
function createEstimate(total: number, initial: number, now: () => number, window: number): ReturnType<Estimator> {
  let samples = [{ time: now(), value: initial }];
  let isWarm = window === Infinity;
  return value => {
    const time = now();
    if (!isWarm && value > initial) {
      isWarm = true;
      samples = [{ time, value }];
    }
    if (time - samples.at(-1)!.time >= rateSampleMilliseconds) samples.push({ time, value });
    while (samples.length > 2 && time - samples[0]!.time > window) samples.shift();
    const oldest = samples[0]!;
    if (value <= oldest.value || time <= oldest.time) return undefined;
    return (Math.max(0, total - value) * (time - oldest.time)) / (value - oldest.value) / 1000;
  };
}

/** One line of at most `columns` − 1 characters: the bar shrinks first, then the last entries of the payload go. */
export function formatProgress(state: ProgressState, columns: number): string {
  const room = columns - 1;
  for (let kept = Object.keys(state.payload).length; ; kept--) {
    const text = partsOf(state, kept).join(' ');
    const width = Math.min(widestBar, room - text.length - 3);
    if (width >= narrowestBar || kept === 0) return `[${drawBar(state, width)}] ${text}`.slice(0, room);
  }
}

/** The percentage, the first `kept` entries of the payload, and the time left. */
function partsOf({ secondsLeft, payload, ...done }: ProgressState, kept?: number): string[] {
  const percentage = `${Math.floor(fractionDone(done) * 100)}%`.padStart(4);
  const entries = Object.entries(payload).map(([name, value]) => `${name} ${value}`);
  return [
    percentage,
    ...entries.slice(0, kept),
    ...(secondsLeft === undefined ? [] : [`ETA ${formatDuration(secondsLeft)}`]),
  ];
}

function drawBar(state: ProgressState, width: number): string {
  const done = Math.round(fractionDone(state) * Math.max(0, width));
  return '='.repeat(done) + '-'.repeat(Math.max(0, width - done));
}

function fractionDone({ value, total }: Pick<ProgressState, 'value' | 'total'>): number {
  return total > 0 ? Math.min(1, Math.max(0, value / total)) : 1;
}

/** `0:07`, `12:05` or `3:04:05`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const pad = (number: number) => String(number).padStart(2, '0');
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}
