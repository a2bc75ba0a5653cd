/**
 * Descriptions of all keys, derived from the JSON Schema of a config: for error messages, docs and the editor's schema.
 */
import { z } from 'zod';
import type { Path } from './located.js';
import { configSchema } from './schema.js';

/** The part of JSON Schema (draft 2020-12) that zod's output for this config uses. */
export interface SchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly items?: SchemaNode;
  readonly oneOf?: readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
}

export interface KeyDescription {
  /** Dotted, such as `loss.lambda1`. */
  readonly key: string;
  /** The name of the alternative that has the key, such as `gala` for `loss.lambda1`. */
  readonly choice?: string;
  /** In words: `a number from 0 to 10`. */
  readonly expected: string;
  readonly description: string;
  readonly default?: unknown;
  /** The default as it stands in a config, without quotes. */
  readonly defaultText?: string;
  readonly required: boolean;
}

/** What `expectedText` says of a section. */
export const aMap = 'a map of keys';

/** JSON Schema of a complete config. */
export const completeSchema = z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode;

/**
 * The schema nodes at `path`. Below a choice such as `loss` there is one per alternative, unless `chosen(path)` names
 * one.
 */
export function schemaAt(path: Path, chosen: (path: Path) => unknown = () => undefined): SchemaNode[] {
  let nodes: SchemaNode[] = [completeSchema];
  path.forEach((step, depth) => {
    nodes = nodes.flatMap(node => {
      if (typeof step === 'number') return node.items ?? [];
      return alternatives(node, chosen(path.slice(0, depth))).flatMap(map => ownProperty(map, step) ?? []);
    });
  });
  return nodes;
}

/** Whether the map at `path` is a choice among alternatives by its `name`. */
export function isChoice(path: Path): boolean {
  // The keys of a stage are those of the top level.
  const own = path[0] === 'stages' ? path.slice(2) : path;
  return schemaAt(own).some(node => node.oneOf !== undefined);
}

/** The keys that the map at `path` may have. */
export function keysAt(path: Path, chosen?: (path: Path) => unknown): string[] {
  const maps = schemaAt(path, chosen).flatMap(node => alternatives(node, chosen?.(path)));
  return [...new Set(maps.flatMap(map => Object.keys(map.properties ?? {})))];
}

/** Every key with a value (not a section), in the order of the schema. */
export function describeKeys(): readonly KeyDescription[] {
  return described;
}

const described: readonly KeyDescription[] = keysBelow(completeSchema, [], undefined, true);

/** Type and range of a node in words. */
export function expectedText(node: SchemaNode): string {
  if (node.const !== undefined) return `"${node.const}"`;
  if (node.enum !== undefined) return node.enum.length === 1 ? `"${node.enum[0]}"` : `one of ${node.enum.join(', ')}`;
  if (node.anyOf !== undefined) return node.anyOf.map(expectedText).join(' or ');
  if (node.properties !== undefined || node.oneOf !== undefined) return aMap;
  if (node.type === 'array') {
    const { items } = node;
    if (items === undefined) return 'a list';
    return items.enum ? `a list of ${items.enum.join(', ')}` : `a list, each ${expectedText(items)}`;
  }
  if (node.type === 'number') return `a number${rangeText(node)}`;
  if (node.type === 'integer') return `a whole number${rangeText(node)}`;
  if (node.type === 'boolean') return 'true or false';
  if (node.type === 'object') return aMap;
  return 'a text';
}

function keysBelow(node: SchemaNode, path: Path, choice: string | undefined, isRequired: boolean): KeyDescription[] {
  if (node.oneOf !== undefined) {
    const [first, ...rest] = node.oneOf;
    const names = node.oneOf.flatMap(map => map.properties?.name?.const ?? []);
    const name: KeyDescription = {
      key: [...path, 'name'].join('.'),
      expected: `one of ${names.join(', ')}`,
      description: first?.properties?.name?.description ?? '',
      required: isRequired,
    };
    const own = [first, ...rest].flatMap(map =>
      map === undefined
        ? []
        : keysBelow(map, path, map.properties?.name?.const, false).filter(entry => entry.key !== name.key),
    );
    return [name, ...own];
  }
  if (node.properties !== undefined) {
    return Object.entries(node.properties).flatMap(([key, child]) =>
      keysBelow(child, [...path, key], choice, isRequired && (node.required?.includes(key) ?? false)),
    );
  }
  return [
    {
      key: path.join('.'),
      expected: expectedText(node),
      description: node.description ?? '',
      required: isRequired,
      ...(choice === undefined ? {} : { choice }),
      ...(node.default === undefined ? {} : defaultOf(node.default)),
    },
  ];
}

function defaultOf(value: unknown): Pick<KeyDescription, 'default' | 'defaultText'> {
  return { default: value, defaultText: JSON.stringify(value).replaceAll('"', '') };
}

function alternatives(node: SchemaNode, chosen?: unknown): readonly SchemaNode[] {
  if (node.oneOf === undefined) return [node];
  const match = node.oneOf.filter(map => map.properties?.name?.const === chosen);
  return match.length > 0 ? match : node.oneOf;
}

function ownProperty(map: SchemaNode, key: string): SchemaNode | undefined {
  return map.properties !== undefined && Object.hasOwn(map.properties, key) ? map.properties[key] : undefined;
}

function rangeText({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: SchemaNode): string {
  if (exclusiveMaximum !== undefined) {
    const from = exclusiveMinimum === undefined ? `from ${minimum} to` : `above ${exclusiveMinimum} and`;
    return ` ${from} below ${exclusiveMaximum}`;
  }
  if (exclusiveMinimum !== undefined) return ` above ${exclusiveMinimum}, at most ${maximum}`;
  // Without a bound in the schema, zod writes the largest exact integer.
  if (maximum === undefined || maximum === Number.MAX_SAFE_INTEGER)
    return minimum === undefined ? '' : `, at least ${minimum}`;
  return ` from ${minimum} to ${maximum}`;
}
