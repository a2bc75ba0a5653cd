/** Causes errors and keeps what the terminal shows, without what differs from machine to machine. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { describeError, exitCodeOf } from '../../src/cli/failure.js';
import { GalaError } from '../../src/errors.js';

/** A folder of its own for each case. */
export interface Place {
  readonly folder: string;
  /** Path inside the folder. */
  at(...path: string[]): string;
  /** Writes a file there and returns its path. */
  file(path: string, content: string | Uint8Array): string;
}

/** What is wrong → something that throws the error of it, or returns what the terminal shows. */
export type Cases = Readonly<Record<string, (place: Place) => unknown>>;

const packageRoot = resolve(import.meta.dirname, '../../..');
const compiled = join(packageRoot, 'dist', 'src');

/** What the terminal shows in one case. */
export interface Message {
  /** What is wrong. */
  readonly title: string;
  /** The error with place, next step and exit code. */
  readonly text: string;
}

export async function messagesOf(cases: Cases, temporary: string): Promise<Message[]> {
  const messages: Message[] = [];
  for (const [title, provoke] of Object.entries(cases)) {
    const folder = join(temporary, 'case');
    mkdirSync(folder, { recursive: true });
    const at = (...path: string[]) => join(folder, ...path);
    const file = (path: string, content: string | Uint8Array) => {
      mkdirSync(dirname(at(path)), { recursive: true });
      writeFileSync(at(path), content);
      return at(path);
    };
    const before = process.cwd();
    process.chdir(folder);
    try {
      messages.push({ title, text: alike(await shown(title, () => provoke({ folder, at, file })), folder) });
    } finally {
      process.chdir(before);
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return messages;
}

async function shown(title: string, provoke: () => unknown): Promise<string> {
  let answer: unknown;
  try {
    answer = await provoke();
  } catch (error) {
    if (error instanceof GalaError) noteOrigin(error);
    assert.ok(!(error instanceof assert.AssertionError), String(error));
    return `${describeError(error, false)}exit:  ${exitCodeOf(error)}\n`;
  }
  assert.ok(typeof answer === 'string', `no error for: ${title}`);
  return answer;
}

function alike(text: string, folder: string): string {
  return text
    .replaceAll(folder, 'DIR')
    .replaceAll(/\S*\/(test\/messages\/\w+\.ts):\d+:\d+/g, 'GALA/$1:LINE')
    .replaceAll(packageRoot, 'GALA')
    .replaceAll(/\b[0-9a-f]{64}\b/g, '<sha256>')
    .replaceAll(homedir(), '~')
    .replaceAll(hostname(), 'HOST')
    .replaceAll(new RegExp(`\\b${process.pid}\\b`, 'g'), 'PID')
    .replaceAll(/\d{8}-\d{6}-(\d+)/g, '<time>-$1')
    .replaceAll(/\.lock-PID-[^\s]+/g, '.lock-PID-…');
}

// ---- which of the places in the source that make an error were reached

const making = /new (Config|Data|Storage|Engine|Diverged|Gala)Error\(/;
const reached = new Set<string>();

function noteOrigin({ stack = '' }: GalaError): void {
  for (const [, path, line] of stack.matchAll(/file:\/\/(\S+?):(\d+):\d+/g)) {
    if (placesIn(path!).includes(Number(line))) {
      reached.add(`${path!.slice(compiled.length + 1)}:${line}`);
      return;
    }
  }
}

function placesIn(path: string): number[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line, i) => (making.test(line) ? [i + 1] : []));
}

/** How many of the places that make an error were reached, and the files of those that were not. */
export function coverage(): { places: number; reached: number; missing: readonly string[] } {
  const files = readdirSync(compiled, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.js'));
  const all = files.flatMap(file => placesIn(join(compiled, file)).map(line => `${file}:${line}`));
  return { places: all.length, reached: reached.size, missing: all.filter(place => !reached.has(place)) };
}
