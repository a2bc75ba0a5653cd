/** Starts the built binary as a process of its own, the way a user does. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { resolve } from 'node:path';

/** The package's root: dist/test/e2e is three folders below it. */
export const packageRoot = resolve(import.meta.dirname, '../../..');
export const galaBinary = `${packageRoot}/bin/gala.mjs`;

export interface GalaOptions {
  /** Working folder; a temp folder, so that nothing is written into the checkout. */
  readonly cwd: string;
  /** Added to the environment; undefined removes a variable. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Options of node itself, before the script. */
  readonly nodeOptions?: readonly string[];
  readonly binary?: string;
  /** A command that becomes node, such as `prlimit --fsize=1000`. */
  readonly under?: readonly string[];
}

export interface Finished {
  /** Exit code; null when a signal ended the process. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface GalaProcess {
  readonly pid: number;
  readonly finished: Promise<Finished>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves once stdout or stderr has text that matches; rejects when the process ends without. */
  printed(pattern: RegExp): Promise<void>;
}

/** A hung process must not hang the suite; far above what any test takes. */
const longestMilliseconds = 180_000;
const living = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL');
});

export function startGala(args: readonly string[], options: GalaOptions): GalaProcess {
  const { cwd, environment, nodeOptions = [], binary = galaBinary, under = [] } = options;
  const [program, ...rest] = [...under, process.execPath, ...nodeOptions, binary, ...args];
  const child = spawn(program!, rest, {
    cwd,
    // GALA_DATA would add a note about itself; the test runner's own variable is nobody else's business.
    env: { ...process.env, GALA_DATA: undefined, NODE_TEST_CONTEXT: undefined, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: longestMilliseconds,
    killSignal: 'SIGKILL',
  });
  living.add(child);
  const text = { stdout: '', stderr: '' };
  let waiting: (() => void)[] = [];
  const wake = () => {
    const woken = waiting;
    waiting = [];
    for (const check of woken) check();
  };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (part: string) => {
      text[name] += part;
      wake();
    });
  }
  let ended = false;
  const finished = new Promise<Finished>((settle, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      living.delete(child);
      ended = true;
      settle({ code, signal, ...text });
      wake();
    });
  });
  return {
    pid: child.pid!,
    finished,
    kill: signal => child.kill(signal),
    printed: pattern =>
      new Promise((settle, reject) => {
        const check = () => {
          if (pattern.test(text.stdout) || pattern.test(text.stderr)) settle();
          else if (ended) reject(new Error(`gala ended without printing ${pattern}:\n${text.stdout}${text.stderr}`));
          else waiting.push(check);
        };
        check();
      }),
  };
}

/** Runs gala to its end and asserts its exit code. */
export async function gala(args: readonly string[], exitCode: number, options: GalaOptions): Promise<Finished> {
  return expectExit(await startGala(args, options).finished, exitCode);
}

/** Runs gala, which gets the signal when it prints `text`, and asserts that it ends because of the signal. */
export async function galaSignalled(
  signal: NodeJS.Signals,
  text: string,
  args: readonly string[],
  options: GalaOptions,
): Promise<Finished> {
  const finished = await startGala(args, {
    ...options,
    nodeOptions: [...(options.nodeOptions ?? []), `--import=${new URL('./signalAt.js', import.meta.url)}`],
    environment: { ...options.environment, GALA_SIGNAL: signal, GALA_SIGNAL_AT: text },
  }).finished;
  if (signal !== 'SIGKILL') return expectExit(finished, 128 + constants.signals[signal]);
  assert.equal(finished.signal, signal, finished.stderr);
  return finished;
}

/** Asserts the exit code; a failure shows what the process said. */
export function expectExit(finished: Finished, exitCode: number): Finished {
  const { code, signal, stdout, stderr } = finished;
  assert.equal(code, exitCode, `exit code ${code}, signal ${signal}\nstdout:\n${stdout}\nstderr:\n${stderr}`);
  return finished;
}

/** The three parts of an error as the terminal shows it. */
export function errorOf({ stderr }: Finished): { message: string; where: string; next: string } {
  const part = (name: string) => new RegExp(`^${name}: +(.*)$`, 'm').exec(stderr)?.[1] ?? '';
  return { message: part('error'), where: part('where'), next: part('next') };
}
