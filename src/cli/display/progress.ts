/**
 * Progress for the reader: a bar on a terminal, plain lines in a log, JSON lines for programs, nothing with `quiet`.
 */
import { createRequire } from 'node:module';
import type { MultiBar } from 'cli-progress';
import { indentedLines, visibleLine, visibleText } from '../../io/visibleText.js';
import { canRedraw } from './terminal.js';
import { unguarded } from './visibleOutput.js';

/** Loads the package of bars where one is drawn: most commands draw none. */
const require = createRequire(import.meta.url);

/** What is shown beside the bar, in this order: `{ epoch: '3/200', loss: '2.113' }` reads `epoch 3/200 loss 2.113`. */
type ProgressPayload = Readonly<Record<string, string | number>>;

export interface Progress {
  /** Begins a piece of work of `total` units, `initial` of which were done before (a resumed run). */
  start(total: number, payload?: ProgressPayload, initial?: number): void;
  /** Sets the units done and the payload as a whole; cheap enough to be called at every step. */
  update(value: number, payload?: ProgressPayload): void;
  /** Prints a line that stays; a bar moves below it. Works before `start` and after `stop` too. */
  note(line: string): void;
  /** Ends the piece of work and removes the bar; harmless when there is none. Call it in a `finally`. */
  stop(): void;
}

export interface ProgressOptions {
  readonly stream?: NodeJS.WriteStream;
  /** The kind of terminal; TERM when left out. */
  readonly term?: string;
  readonly quiet?: boolean;
  readonly json?: boolean;
  /** Seconds between plain lines or JSON lines. */
  readonly intervalSeconds?: number;
  /** The time left is told by the rate over this long; more than the longest pause between updates. */
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

/**
 * Chooses the form of progress: `quiet`, then `json`, then a bar where the stream is a terminal that can redraw it,
 * else plain lines.
 */
export function createProgress(options: ProgressOptions = {}): Progress {
  const { stream = process.stderr, quiet = false, json = false, intervalSeconds = 10 } = options;
  const now = options.now ?? (() => performance.now());
  const window = 1000 * (options.rateWindowSeconds ?? defaultRateWindowSeconds);
  const estimator: Estimator = (total, initial) => createEstimate(total, initial, now, window);
  if (quiet) return { start() {}, update() {}, note() {}, stop() {} };
  if (json)
    return createLines(
      stream,
      jsonLine,
      note => JSON.stringify({ type: 'note', text: note }),
      intervalSeconds,
      now,
      estimator,
    );
  if (canRedraw(stream, options.term)) return createBar(stream, estimator);
  return createLines(stream, plainLine, indentedLines, intervalSeconds, now, estimator);
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
  format: (state: ProgressState) => string,
  formatNote: (note: string) => string,
  intervalSeconds: number,
  now: () => number,
  estimator: Estimator,
): Progress {
  let state: ProgressState | undefined;
  let printedLine = '';
  let printedAt = 0;
  let estimate = (_value: number): number | undefined => undefined;
  const print = (shown: ProgressState) => {
    printedLine = format(shown);
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
      stream.write(`${formatNote(line)}\n`);
    },
    stop() {
      if (state !== undefined && format(state) !== printedLine) print(state);
      state = undefined;
    },
  };
}

/** Begins to watch a piece of work; the answer gives the seconds left at a value, once the rate is known. */
type Estimator = (total: number, initial: number) => (value: number) => number | undefined;

/**
 * Seconds left by the rate of the last `window` milliseconds: evaluations and warm-up between epochs must not stick to
 * it.
 */
function createEstimate(total: number, initial: number, now: () => number, window: number): ReturnType<Estimator> {
  const samples = [{ time: now(), value: initial }];
  return value => {
    const time = now();
    if (time - samples.at(-1)!.time >= rateSampleMilliseconds) samples.push({ time, value });
    while (samples.length > 2 && time - samples[0]!.time > window) samples.shift();
    const oldest = samples[0]!;
    if (value <= oldest.value || time <= oldest.time) return undefined;
    return (Math.max(0, total - value) * (time - oldest.time)) / (value - oldest.value) / 1000;
  };
}

/** One line of at most `columns` − 1 characters: the bar shrinks first, then the last payload entries give way. */
export function formatProgress(state: ProgressState, columns: number): string {
  const ending = state.secondsLeft === undefined ? [] : [`ETA ${formatDuration(state.secondsLeft)}`];
  const entries = Object.entries(state.payload).map(([name, value]) => `${name} ${value}`);
  const room = columns - 1;
  for (;;) {
    const text = [percentage(state), ...entries, ...ending].join(' ');
    const width = Math.min(widestBar, room - text.length - 3);
    if (width >= narrowestBar || entries.length === 0) return `[${drawBar(state, width)}] ${text}`.slice(0, room);
    entries.pop();
  }
}

function plainLine(state: ProgressState): string {
  const entries = Object.entries(state.payload).map(([name, value]) => `${name} ${value}`);
  const ending = state.secondsLeft === undefined ? [] : [`ETA ${formatDuration(state.secondsLeft)}`];
  return [percentage(state), ...entries, ...ending].join(' ');
}

function jsonLine({ value, total, secondsLeft, payload }: ProgressState): string {
  return JSON.stringify({ type: 'progress', value, total, eta_seconds: secondsLeft ?? null, ...payload });
}

function drawBar(state: ProgressState, width: number): string {
  const done = Math.round(fractionDone(state) * Math.max(0, width));
  return '='.repeat(done) + '-'.repeat(Math.max(0, width - done));
}

function percentage(state: ProgressState): string {
  return `${Math.floor(fractionDone(state) * 100)}%`.padStart(4);
}

function fractionDone({ value, total }: ProgressState): number {
  return total > 0 ? Math.min(1, Math.max(0, value / total)) : 1;
}

/** `0:07`, `12:05` or `3:04:05`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const pad = (number: number) => String(number).padStart(2, '0');
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}
