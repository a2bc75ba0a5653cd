/** The JSON Schema of a config file, for editors (`# yaml-language-server: $schema=…`). */
import { completeSchema } from './keys.js';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * JSON Schema (draft 2020-12) of a config file. It differs from the schema of a complete config: there is `extends`, no
 * key is required, because a parent may set it, and `null` removes an optional key.
 */
function configFileSchema(): Json {
  const { properties, ...rest } = partial(completeSchema as unknown as Json) as { readonly [key: string]: Json };
  const oneParent: Json = { type: 'string', minLength: 1 };
  return {
    ...rest,
    title: 'gala config',
    properties: {
      extends: {
        description:
          'Config (or list of configs, later ones win) that this one changes: a path relative to this file, or ' +
          'a name of `gala config list`.',
        anyOf: [oneParent, { type: 'array', items: oneParent }],
      },
      ...(properties as { readonly [key: string]: Json }),
    },
  };
}

/** The text of configs/schema.json: indented by two spaces, short lists of plain values on one line. */
export function configFileSchemaText(): string {
  return `${format(configFileSchema(), '')}\n`;
}

function partial(json: Json): Json {
  if (json === null || typeof json !== 'object') return json;
  if (Array.isArray(json)) return json.map(partial);
  const result: Record<string, Json> = {};
  const { required = [] } = json as { readonly required?: readonly Json[] };
  for (const [key, value] of Object.entries(json)) {
    if (key === 'required') continue;
    if (key === 'properties') {
      const entries = Object.entries(value as { readonly [key: string]: Json });
      const changed = entries.map(([name, part]) => [
        name,
        required.includes(name) ? partial(part) : orNull(partial(part)),
      ]);
      result[key] = Object.fromEntries(changed) as Json;
      continue;
    }
    // Without `name`, a part such as `loss: {lambda1: 2}` may fit several alternatives, which oneOf would refuse.
    result[key === 'oneOf' ? 'anyOf' : key] = partial(value);
  }
  return result;
}

/** The schema of a key that may also be `null`. */
function orNull(json: Json): Json {
  const { type, enum: values, anyOf } = json as { readonly [key: string]: Json };
  const nothing: Json = { type: 'null' };
  return {
    ...(json as { readonly [key: string]: Json }),
    ...(type !== undefined && { type: [type, 'null'] }),
    ...(values !== undefined && { enum: [...(values as readonly Json[]), null] }),
    ...(anyOf !== undefined && { anyOf: [...(anyOf as readonly Json[]), nothing] }),
  };
}

function format(json: Json, indent: string): string {
  if (json === null || typeof json !== 'object') return JSON.stringify(json);
  const inner = `${indent}  `;
  if (Array.isArray(json)) {
    const line = `[${json.map(value => JSON.stringify(value)).join(', ')}]`;
    if (json.every(value => value === null || typeof value !== 'object') && inner.length + line.length < 100)
      return line;
    return `[\n${json.map(value => inner + format(value, inner)).join(',\n')}\n${indent}]`;
  }
  const entries = Object.entries(json).map(([key, value]) => `${inner}${JSON.stringify(key)}: ${format(value, inner)}`);
  return entries.length === 0 ? '{}' : `{\n${entries.join(',\n')}\n${indent}}`;
}
