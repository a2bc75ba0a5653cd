/** Checks located values against the schema. Each issue becomes a problem in plain words, at the place of the value. */
import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import type { Correction } from '../errors.js';
import { shellWord } from '../io/shellWord.js';
import type { ConfigKey, Values } from './checks/checked.js';
import { aMap, describeKeys, expectedText, isChoice, keysAt, schemaAt } from './keys.js';
import {
  at,
  isFromCommand,
  keyOrigin,
  type Located,
  type LocatedMap,
  type Origin,
  type Path,
  plainValue,
} from './located.js';
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
    differsFromDefault: key => !isDeepStrictEqual(read(key), defaultOf(key)),
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
    return issue.keys.flatMap(key => unknownPaths([...path, key], root).map(unknown => unknownKey(unknown, root)));
  }
  const given = at(root, path);
  const expected = issue.code === 'invalid_format' ? issue.message : expectedAt(path, root);
  const key = dotted(path);
  const listed = expected === aMap && key !== '' ? `; \`gala config keys ${key}\` lists its keys` : '';
  if (given === undefined) {
    const wanted = listed || `; it must be ${expected}`;
    return [{ where: keyOrigin(root, path), message: `${key} is missing${wanted}`, key }];
  }
  const { text, word } = hint(given, path, root);
  const message = `${key} must be ${expected}, but ${givenText(given)}${text || listed}`;
  return [{ where: given.origin, message, key: key.replace(/\[\d+\]$/, ''), cure: insteadOf(given.origin, key, word) }];
}

/** The correction of the assignment `origin` to `word`, where the whole assignment is that of the key. */
function insteadOf(origin: Origin, key: string, word: string | undefined): Correction | undefined {
  return word !== undefined && origin.startsWith(`${key}=`) ? { instead: origin, word } : undefined;
}

/** The unknown key; if it is a section of another tool, the keys in it, when gala has one of them. */
function unknownPaths(path: Path, root: LocatedMap): Path[] {
  const leaves = leavesBelow(at(root, path), path);
  const isWord = /^[a-z]/i.test(String(path.at(-1)));
  const isSection = isWord && nearest(String(path.at(-1)), keysAt(path.slice(0, -1), chosenIn(root))).length === 0;
  return isSection && leaves.some(leaf => keyOfOtherTool(dotted(leaf)) !== undefined) ? leaves : [path];
}

function leavesBelow(value: Located | undefined, path: Path): Path[] {
  if (value?.kind !== 'map') return [path];
  return [...value.entries].flatMap(([key, entry]) => leavesBelow(entry.value, [...path, key]));
}

function unknownKey(path: Path, root: LocatedMap): Problem {
  const name = String(path.at(-1));
  const section = path.slice(0, -1);
  const chosen = chosenIn(root);
  const siblings = keysAt(section, chosen);
  const origin = keyOrigin(root, path);
  const problem = (text: string, key?: string, isMeant = false): Problem => {
    const word = isMeant ? `${key}${origin.slice(origin.indexOf('='))}` : undefined;
    const cure = insteadOf(origin, dotted(path), word);
    return { where: origin, message: `unknown key "${dotted(path)}"; ${text}`, cure, ...(key && { key }) };
  };
  const meaning = (keys: readonly string[], isCure = true) =>
    problem(`did you mean ${quotedAlternatives(keys)}?`, keys[0], isCure && keys.length === 1);
  if (name === '<<') return problem('YAML 1.2 has no merge keys, use extends');
  if (section.length === 0 && isKeyOfParents(name))
    return problem('gala takes parent configs from extends, such as extends: cifar100_lt/gala_if100');
  const near = nearest(name, siblings);
  if (near.length > 0) return meaning(near.map(own => dotted([...section, own])));
  const meant = keyOfOtherTool(dotted(path));
  if (meant !== undefined && meant !== dotted(path)) {
    const isNamed = schemaAt([...meant.split('.'), 'name']).length > 0 && at(root, path)?.kind === 'scalar';
    const key = isNamed ? `${meant}.name` : meant;
    return problem(`in gala it is ${key}`, key, true);
  }
  if (isChoice(section)) {
    const owners = describeKeys().filter(entry => entry.key === dotted(path) && entry.choice !== undefined);
    const names = owners.map(owner => `${dotted(section)}.name: ${owner.choice}`).join(' or ');
    if (names !== '')
      return problem(`it belongs to ${names}, and here the name is ${chosen(section)}`, dotted(section));
  }
  const elsewhere = describeKeys().filter(entry => entry.key.split('.').at(-1) === name && entry.key !== dotted(path));
  // The same word in a section that gala does not have, such as lr_scheduler.gamma, has another meaning.
  if (elsewhere.length > 0 && (section.length === 0 || siblings.length > 0))
    return meaning([...new Set(elsewhere.map(entry => entry.key))], section.length === 0);
  const where = section.length === 0 ? 'the top level' : dotted(section);
  if (siblings.length === 0) {
    const known = keyOfOtherTool(dotted(section));
    return problem(`gala has no such key${known === undefined ? '' : ` in ${known}`}`, known);
  }
  return problem(`the keys of ${where} are ${siblings.join(', ')}`, dotted(section));
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

interface Hint {
  /** The end of the message. */
  readonly text: string;
  /** The corrected assignment. */
  readonly word?: string;
}

function hint(given: Located, path: Path, root: LocatedMap): Hint {
  const key = dotted(path);
  const isEmpty = given.kind === 'scalar' && given.value === null;
  if (isEmpty && describeKeys().some(known => known.key === key && !known.required))
    return { text: '; null removes what a parent sets' };
  if (given.kind !== 'scalar' || given.value === null) return { text: '' };
  const written = given.source ?? String(given.value);
  if (isChoice(path)) {
    const names = schemaAt([...path, 'name']).flatMap(node => node.const ?? []);
    const [near] = nearest(written, names);
    const name = near ?? 'NAME';
    const word = `${key}.name=${name}`;
    const remedy = isFromCommand(given.origin) ? `; write ${word}` : `; write ${key}: {name: ${name}}`;
    return near === undefined ? { text: `${remedy}, NAME being one of ${names.join(', ')}` } : { text: remedy, word };
  }
  const nodes = schemaAt(path, chosenIn(root)).flatMap(node => [node, ...(node.anyOf ?? [])]);
  const rewritten = (value: string): Hint => {
    const word = `${key}=${value}`;
    return { text: `; write ${isFromCommand(given.origin) ? shellWord(word) : `${key}: ${value}`}`, word };
  };
  if (nodes.some(node => node.type === 'array')) {
    const [near] = nearest(written, namesIn(schemaAt([...path, 0], chosenIn(root))));
    return rewritten(`[${near ?? written}]`);
  }
  if (typeof given.value !== 'string') {
    const wantsText = nodes.some(node => node.type === 'string' && node.enum === undefined && node.const === undefined);
    return wantsText && typeof given.value === 'number' ? rewritten(`"${written}"`) : { text: '' };
  }
  const near = nearest(given.value, namesIn(nodes));
  if (near.length > 0)
    return {
      text: `; did you mean ${quotedAlternatives(near)}?`,
      ...(near.length === 1 && { word: `${key}=${near[0]}` }),
    };
  const wantsNumber = nodes.some(node => node.type === 'number' || node.type === 'integer');
  const isNumber = given.value.trim() !== '' && Number.isFinite(Number(given.value));
  return { text: wantsNumber && isNumber ? '; write it without quotes' : '' };
}

/** The words that a value of this schema can be. */
function namesIn(nodes: ReturnType<typeof schemaAt>): string[] {
  return nodes.flatMap(node => [...(node.enum ?? []), ...(node.const === undefined ? [] : [node.const])]);
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
