/** Reads YAML 1.2 into located values, with problems in plain words. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
} from 'yaml';
import { type Located, type LocatedEntry, type LocatedMap, type Origin, writtenValue } from './located.js';
import { configError, type Problem } from './problem.js';

/** Most values once all aliases are expanded. Real configs have tens; an alias bomb has billions. */
const maxValues = 10_000;

interface Reading {
  readonly document: Document;
  readonly problems: Problem[];
  /** Origin of the character at `offset`. */
  readonly originOf: (offset: number) => Origin;
  readonly insideAliases: Set<Node>;
  values: number;
}

/**
 * Reads the YAML text of a config file; adds problems with origins `label:line:col`. Undefined if the text cannot be
 * used.
 */
export function parseConfigText(text: string, label: string, problems: Problem[]): LocatedMap | undefined {
  if (text.includes('\0')) {
    const message = 'the file has null bytes: it is UTF-16 or no text; save it as UTF-8';
    problems.push({ where: `${label}:1:1`, message, fatal: true });
    return undefined;
  }
  const lines = new LineCounter();
  const originOf = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${label}:${line}:${col}`;
  };
  const root = parse(text, lines, originOf, problems);
  if (root === undefined) return undefined;
  if (root.kind === 'map') return root;
  const isEmpty = root.kind === 'scalar' && root.value === null;
  const what = isEmpty ? 'the file is empty' : `the file is ${root.kind === 'list' ? 'a list' : 'a single value'}`;
  const where = isEmpty ? `${label}:1:1` : root.origin;
  problems.push({ where, message: `${what}; a config is a map of keys such as data, model, loss`, fatal: true });
  return undefined;
}

/** Reads the value of `--set key=value` as YAML; every origin inside it is `origin`. */
export function parseSetValue(text: string, origin: Origin, problems: Problem[]): Located | undefined {
  return parse(text, new LineCounter(), () => origin, problems);
}

/** Reads a list, with its values as they are written. Throws `ConfigError` at the place `where`. */
export function writtenList(text: string, where: string): unknown {
  const problems: Problem[] = [];
  const located = parseSetValue(text, where, problems);
  if (located === undefined || problems.length > 0) throw configError(problems);
  return writtenValue(located);
}

function parse(
  text: string,
  lines: LineCounter,
  originOf: (offset: number) => Origin,
  problems: Problem[],
): Located | undefined {
  const document = parseDocument(text, { lineCounter: lines, version: '1.2', prettyErrors: false, strict: true });
  let readable = true;
  for (const error of firstErrors(document)) {
    // After a repeated key the rest can still be read, and its problems are reported with this one.
    const fatal = error.code !== 'DUPLICATE_KEY';
    const open = /^Flow .* end with a [\]}]/.test(error.message) ? unclosedBracket(text.slice(0, error.pos[0])) : -1;
    const message = open < 0 ? plainWords(error, text) : `the bracket ${text[open]} is not closed`;
    problems.push({ where: originOf(open < 0 ? error.pos[0] : open), message, fatal });
    if (fatal) readable = false;
  }
  if (!readable) return undefined;
  const reading: Reading = { document, problems, originOf, insideAliases: new Set(), values: 0 };
  return document.contents === null
    ? { kind: 'scalar', origin: originOf(0), value: null }
    : locate(document.contents, reading, undefined);
}

/** With `aliasOrigin`, the place of an alias: a problem in an aliased value is reported there. */
function locate(node: Node, reading: Reading, aliasOrigin: Origin | undefined): Located | undefined {
  const origin = aliasOrigin ?? reading.originOf(node.range?.[0] ?? 0);
  const refuse = (message: string): undefined => {
    reading.problems.push({ where: origin, message, fatal: true });
    return undefined;
  };
  if (++reading.values === maxValues)
    refuse(`the config has more than ${maxValues} values once its aliases are expanded`);
  if (reading.values >= maxValues) return undefined;

  if (isAlias(node)) {
    const target = node.resolve(reading.document);
    if (target === undefined) return refuse(`the alias *${node.source} has no anchor &${node.source} above it`);
    if (reading.insideAliases.has(target)) return refuse(`the alias *${node.source} contains itself`);
    reading.insideAliases.add(target);
    const located = locate(target, reading, origin);
    reading.insideAliases.delete(target);
    return located;
  }
  if (isScalar(node)) {
    return { kind: 'scalar', origin, value: node.value as string | number | boolean | null, source: node.source };
  }
  if (isSeq<Node>(node)) {
    const items = node.items.map(item => locate(item, reading, undefined));
    return { kind: 'list', origin, items: items.filter(item => item !== undefined) };
  }
  if (!isMap<Node, Node | null>(node)) return refuse('this is not a map, a list or a value');
  const entries = new Map<string, LocatedEntry>();
  for (const { key, value } of node.items) {
    const keyOrigin = reading.originOf(key.range?.[0] ?? 0);
    if (!isScalar(key)) {
      reading.problems.push({ where: keyOrigin, message: 'a key must be a plain word', fatal: true });
      continue;
    }
    // An empty value has no place of its own, so it takes that of its key.
    const isEmpty = isScalar(value) && value.source === '';
    const located = value === null || isEmpty ? undefined : locate(value, reading, undefined);
    entries.set(String(key.value), { keyOrigin, value: located ?? { kind: 'scalar', origin: keyOrigin, value: null } });
  }
  return { kind: 'map', origin, entries };
}

/** One error per place, at most five: later errors mostly follow from the first. */
function firstErrors(document: Document): YAMLError[] {
  const errors = [...document.errors, ...document.warnings];
  const tooDeep = errors.find(isTooDeep);
  if (tooDeep !== undefined) return [tooDeep];
  return errors.filter((error, i) => error.pos[0] !== errors[i - 1]?.pos[0]).slice(0, 5);
}

/** The parser is recursive, and reports an exhausted call stack as an error of the text. */
function isTooDeep(error: YAMLError): boolean {
  return /call stack/.test(error.message);
}

/** Where the innermost bracket begins that is open at the end of `text`, outside quotes and comments; −1 for none. */
function unclosedBracket(text: string): number {
  const open: number[] = [];
  for (const { 0: sign, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|'[^'\n]*'|(?<=^|\s)#.*|[[\]{}]/gm)) {
    if (sign === '[' || sign === '{') open.push(index);
    else if (sign === ']' || sign === '}') open.pop();
  }
  return open.at(-1) ?? -1;
}

function plainWords(error: YAMLError, text: string): string {
  const here = text.slice(error.pos[0]);
  if (isTooDeep(error)) return 'nested too deeply to be a config';
  switch (error.code) {
    case 'DUPLICATE_KEY':
      return `the key ${JSON.stringify(/^[^:\n]*/.exec(here)?.[0].trim())} is given twice`;
    case 'TAB_AS_INDENT':
      return 'a tab indents this line; YAML indents with spaces';
    case 'MULTIPLE_DOCS':
      return 'a second document starts here (---); a config is one document';
    case 'TAG_RESOLVE_FAILED':
      return `the tag ${/^\S*/.exec(here)?.[0]} is not known; configs use plain YAML 1.2 values`;
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a second ": " on one line; put a text that contains ": " in quotes';
    default:
      return `not valid YAML: ${error.message.charAt(0).toLowerCase()}${error.message.slice(1)}`;
  }
}
