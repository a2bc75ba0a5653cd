/** Runs the self-test in a process of its own: an engine that crashes the process must not take the doctor with it. */
import { fork } from 'node:child_process';
import type { EngineSettings } from '../engine/index.js';
import { GalaError } from '../errors.js';
import { type SelfTest, selfTest } from './selfTest.js';

export type SelfTestOutcome = SelfTest | { readonly passed: false; readonly failure: string; readonly next?: string };

// A first compilation for a GPU tries many kernels and may take minutes.
const timeoutSeconds = 300;
const linesShown = 3;

/**
 * What the self-test gave, or why there is no result: the engine's own error, a crash, or no end within five minutes.
 */
export function selfTestApart(settings: EngineSettings): Promise<SelfTestOutcome> {
  const child = fork(import.meta.filename, [JSON.stringify(settings)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let outcome: SelfTestOutcome | undefined;
  let said = '';
  child.on('message', message => {
    outcome = message as SelfTestOutcome;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-10_000);
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutSeconds * 1000);
  return new Promise(resolve => {
    child.once('error', error => resolve({ passed: false, failure: error.message }));
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      if (outcome) return resolve(outcome);
      const lines = said.trim().split('\n').slice(-linesShown).join(' ');
      const how = child.killed
        ? `did not end within ${timeoutSeconds} s`
        : `crashed with ${signal ?? `exit code ${code}`}`;
      resolve({ passed: false, failure: `The engine ${how}. ${lines}`.trim() });
    });
  });
}

if (process.send && process.argv[1] === import.meta.filename) {
  const report = (outcome: SelfTestOutcome) => process.send!(outcome, () => process.exit());
  try {
    report(await selfTest(JSON.parse(process.argv[2]!) as EngineSettings));
  } catch (error) {
    const where = error instanceof GalaError && error.where !== undefined ? ` (${error.where})` : '';
    const next = error instanceof GalaError && error.next !== undefined ? { next: error.next } : {};
    report({ passed: false, failure: `${(error as Error).message}${where}`, ...next });
  }
}
