/** Checks located values against the schema. Each issue becomes a problem in plain words, at the place of the value. */
import type { z } from 'zod';
import type { ConfigKey, Values } from './checks/checked.js';
import { describeKeys, expectedText, isChoice, keysAt, schemaAt } from './keys.js';
import { at, keyOrigin, type Located, type LocatedMap, type Path, plainValue } from './located.js';
import { isKeyOfParents, keyOfOtherTool } from './otherTools.js';
import type { Problem } from './problem.js';
import { configSchema } from './schema.js';
import { nearest, quotedAlternatives } from './suggest.js';

type Issue = z.core.$ZodIssue;
export interface Validation {
  /** The config with all defaults; undefined when there is a problem. */
  readonly config: z.output<typeof configSchema> | undefined;
  readonly problems: readonly Problem[];
  /** The values without problems, also if others have some. */
  readonly values: Values;
  /** True if the value of the key is not its default. */
  readonly differsFromDefault: (key: ConfigKey) => boolean;
}

/** Checks a merged config against the schema, and finds all of its problems. */
export function validate(root: LocatedMap): Validation {
  const result = configSchema.safeParse(plainValue(root));
  const issues = result.error?.issues ?? [];
  const wrong = new Set(issues.filter(issue => issue.code !== 'unrecognized_keys').map(issue => issue.path.join('.')));
  const defaultOf = (key: string): unknown =>
    schemaAt(key.split('.'), chosenIn(root)).find(node => node.default !== undefined)?.default;
  const read = (key: string): unknown => {
    const path = key.split('.');
    if (wrong.size > 0 && path.some((_, depth) => wrong.has(path.slice(0, depth + 1).join('.')))) return undefined;
    const written = at(root, path);
    return written === undefined ? defaultOf(key) : plainValue(written);
  };
  return {
    config: result.data,
    problems: issues.filter(issue => !isInherited(issue, root)).flatMap(issue => problemsOf(issue, root)),
    values: valuesOf(read),
    differsFromDefault: key => read(key) !== defaultOf(key),
  };
}

function valuesOf(read: (key: string) => unknown): Values {
  const values: Record<string, unknown> = {};
  for (const { key } of describeKeys()) {
    const sections = key.split('.');
    const own = sections.pop()!;
    let map = values;
    for (const section of sections) {
      map[section] ??= {};
      map = map[section] as Record<string, unknown>;
    }
    map[own] = read(key);
  }
  return values as Values;
}

/** Whether the issue is a missing section that probably stands in a parent, named by a key of another tool. */
function isInherited({ code, path }: Issue, root: LocatedMap): boolean {
  return (
    code === 'invalid_type' &&
    path.length === 1 &&
    !at(root, path as Path) &&
    [...root.entries.keys()].some(isKeyOfParents)
  );
}

function problemsOf(issue: Issue, root: LocatedMap): Problem[] {
  const path = issue.path.map(step => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({
      where: keyOrigin(root, [...path, key]),
      message: unknownKey([...path, key], root),
    }));
  }
  const given = at(root, path);
  const expected = issue.code === 'invalid_format' ? issue.message : expectedAt(path, root);
  if (given === undefined) {
    const wanted = expected.startsWith('a map with')
      ? `\`gala config keys ${dotted(path)}\` lists its keys`
      : `it must be ${expected}`;
    return [{ where: keyOrigin(root, path), message: `${dotted(path)} is missing; ${wanted}` }];
  }
  const message = `${dotted(path)} must be ${expected}, but ${givenText(given)}${hint(given, path, root)}`;
  return [{ where: given.origin, message }];
}

function unknownKey(path: Path, root: LocatedMap): string {
  const key = String(path.at(-1));
  const section = path.slice(0, -1);
  const chosen = chosenIn(root);
  const siblings = keysAt(section, chosen);
  const unknown = `unknown key "${dotted(path)}"`;
  if (key === '<<') return `${unknown}; YAML 1.2 has no merge keys, use extends`;
  if (section.length === 0 && isKeyOfParents(key)) {
    return `${unknown}; gala takes parent configs from extends, such as extends: cifar100_lt/gala_if100`;
  }
  const near = nearest(key, siblings);
  if (near.length > 0) {
    return `${unknown}; did you mean ${quotedAlternatives(near.map(name => dotted([...section, name])))}?`;
  }
  const meant = keyOfOtherTool(key);
  if (meant !== undefined && meant !== dotted(path)) return `${unknown}; in gala it is ${meant}`;
  if (isChoice(section)) {
    const owners = describeKeys().filter(entry => entry.key === dotted(path) && entry.choice !== undefined);
    const names = owners.map(owner => `${dotted(section)}.name: ${owner.choice}`).join(' or ');
    if (names !== '') return `${unknown}; it belongs to ${names}, and here the name is ${chosen(section)}`;
  }
  const elsewhere = describeKeys().filter(entry => entry.key.split('.').at(-1) === key && entry.key !== dotted(path));
  if (elsewhere.length > 0) {
    return `${unknown}; did you mean ${quotedAlternatives(elsewhere.map(entry => entry.key))}?`;
  }
  const where = section.length === 0 ? 'the top level' : dotted(section);
  return `${unknown}; the keys of ${where} are ${siblings.join(', ')}`;
}

function expectedAt(path: Path, root: LocatedMap): string {
  const nodes = schemaAt(path, chosenIn(root));
  const names = nodes.flatMap(node => node.const ?? []);
  return names.length > 1 ? `one of ${names.join(', ')}` : nodes.map(expectedText).join(' or ');
}

function givenText(given: Located): string {
  if (given.kind !== 'scalar') return `is a ${given.kind}`;
  if (given.value === null) return 'has no value';
  if (typeof given.value === 'string') return `is ${JSON.stringify(shorten(given.value))}`;
  return `is ${shorten(given.source ?? String(given.value))}`;
}

function hint(given: Located, path: Path, root: LocatedMap): string {
  const isEmpty = given.kind === 'scalar' && given.value === null;
  if (isEmpty && describeKeys().some(({ key, required }) => key === dotted(path) && !required))
    return '; null removes what a parent sets';
  if (given.kind !== 'scalar' || given.value === null) return '';
  if (isChoice(path)) {
    const [key, written] = [dotted(path), given.source ?? String(given.value)];
    const names = schemaAt([...path, 'name']).flatMap(node => node.const ?? []);
    const [near] = nearest(written, names);
    const name = near ?? 'NAME';
    const remedy = given.origin.startsWith('--set') ? `; write ${key}.name=${name}` : `; write ${key}: {name: ${name}}`;
    return near === undefined ? `${remedy}, NAME being one of ${names.join(', ')}` : remedy;
  }
  const nodes = schemaAt(path, chosenIn(root)).flatMap(node => [node, ...(node.anyOf ?? [])]);
  if (typeof given.value !== 'string') {
    const wantsText = nodes.some(node => node.type === 'string' && node.enum === undefined && node.const === undefined);
    return wantsText ? '; write it in quotes' : '';
  }
  const near = nearest(
    given.value,
    nodes.flatMap(node => [...(node.enum ?? []), ...(node.const === undefined ? [] : [node.const])]),
  );
  if (near.length > 0) return `; did you mean ${quotedAlternatives(near)}?`;
  const wantsNumber = nodes.some(node => node.type === 'number' || node.type === 'integer');
  const isNumber = given.value.trim() !== '' && Number.isFinite(Number(given.value));
  return wantsNumber && isNumber ? '; write it without quotes' : '';
}

/** Reads the `name` of a map that is a choice, so that only the keys of the chosen alternative count. */
function chosenIn(root: LocatedMap): (path: Path) => unknown {
  return path => {
    const name = at(root, [...path, 'name']);
    return name?.kind === 'scalar' ? name.value : undefined;
  };
}

function dotted(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
