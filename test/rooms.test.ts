/**
 * The rooms of src stand on floors: an import goes down, or stays in its room, and no files import each other in a
 * circle.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../../src');

/**
 * From the ground up. A room is a folder of src, or a file that lies in src itself. Rooms of one floor do not see each
 * other.
 */
const floors: readonly (readonly string[])[] = [
  ['errors', 'ranges', 'tensor', 'tfjs', 'wasm'],
  ['machine', 'random'],
  ['io'],
  ['data', 'engine'],
  ['eval', 'losses', 'models'],
  ['optim'],
  ['config'],
  ['survey', 'tables'],
  ['run'],
  ['train'],
  ['bench', 'doctor', 'predict'],
  ['plan', 'results'],
  ['report'],
  ['index', 'sweep'],
  ['cli'],
];

const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter(file => /\.c?ts$/.test(file))
  .sort();
/** Every file and what it imports: values and types, at once or later. */
const imports = new Map(files.map(file => [file, importsOf(file)]));

test('every room has its floor, and every floor is of rooms that are there', () => {
  assert.deepEqual([...new Set(files.map(roomOf))].sort(), floors.flat().sort());
});

test('docs/architecture.md lists every room with its floor', () => {
  const page = readFileSync(resolve(root, '../docs/architecture.md'), 'utf8');
  const listed = [...page.matchAll(/^\| (\d+) \| `(\w+)` \|/gm)].map(([, floor, room]) => `${floor} ${room}`);
  assert.deepEqual(listed.sort(), floors.flatMap((rooms, floor) => rooms.map(room => `${floor} ${room}`)).sort());
});

test('no import goes up, or to another room of the same floor', () => {
  const floorOf = new Map(floors.flatMap((rooms, floor) => rooms.map(room => [room, floor] as const)));
  const upward = [...imports].flatMap(([file, targets]) =>
    targets
      .filter(target => roomOf(target) !== roomOf(file))
      .filter(target => floorOf.get(roomOf(target))! >= floorOf.get(roomOf(file))!)
      .map(target => `${file} imports ${target}`),
  );
  assert.deepEqual(upward, []);
});

test('no files import each other in a circle', () => {
  assert.deepEqual(circles(imports), []);
});

test('a circle of three is found, and what only leads to it is not in it', () => {
  const graph = { a: ['b'], b: ['c', 'd'], c: ['a'], d: [], e: ['a'] };
  assert.deepEqual(circles(new Map(Object.entries(graph))), [['a', 'b', 'c']]);
});

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const specifiers = text.matchAll(/(?:\bfrom |\bimport |\bimport\(|new URL\()'(\.[^']+)'/g);
  const targets = [...specifiers].map(([, path]) => normalize(join(dirname(file), path!)).replace(/js$/, 'ts'));
  return targets.filter(target => files.includes(target));
}

function roomOf(file: string): string {
  return file.split('/')[0]!.replace(/\.c?ts$/, '');
}

/** Groups of files each of which reaches all others, by following imports both ways. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const reached = new Map([...graph.keys()].map(file => [file, reachableFrom(file, graph)]));
  const inCircles = [...graph.keys()].filter(file => reached.get(file)!.has(file));
  const groups = inCircles.map(file =>
    inCircles.filter(other => reached.get(file)!.has(other) && reached.get(other)!.has(file)),
  );
  return groups.filter((group, i) => groups.findIndex(other => other[0] === group[0]) === i);
}

function reachableFrom(file: string, graph: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set<string>();
  const waiting = [...graph.get(file)!];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    waiting.push(...graph.get(next)!);
  }
  return found;
}
