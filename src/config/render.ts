/** Renders a config as YAML that can be run again. */
import { Document, isMap, isScalar, isSeq, type Node, type YAMLMap } from 'yaml';
import { inputSizeOf } from '../data/schema.js';
import { datasets, isImageFiles } from '../data/sets/index.js';
import type { ConfigKey } from './checks/checked.js';
import { allWithoutEffect } from './checks/effect.js';
import { describeKeys } from './keys.js';
import type { Config, StageConfig } from './schema.js';
import { fileLayout } from './stages.js';

/** The config as YAML with every key. With `origins`, a comment after each value says where it was written. */
export function renderConfig(config: Config, head: string, origins?: ReadonlyMap<string, string>): string {
  return textOf(new Document(fileLayout(config)), head, origins);
}

/**
 * The config as YAML for a reader. A key without effect is left out if it has its default; otherwise a comment gives
 * the reason. A comment below `data` has the effective values of keys that the config leaves out. The text is the same
 * experiment.
 */
export function renderEffective(config: Config, head: string, origins?: ReadonlyMap<string, string>): string {
  const { stages, ...last } = config;
  const document = new Document(fileLayout(config));
  const root = document.contents as YAMLMap;
  const isWritten = (...path: string[]) => root.hasIn(path);
  const all = stages === undefined ? [last] : [stages.representation, last];
  const [first, second] = all.map(stage => allWithoutEffect(stage));
  const inSecond = (key: string) => isWritten('stages', 'classifier', ...key.split('.'));
  const reasonOf = (key: string) => {
    const [, stage, own] = /^stages\.(\w+)\.(.+)$/.exec(key) ?? [];
    if (own !== undefined) return (stage === 'classifier' ? second : first)?.get(own as ConfigKey);
    const isOfAll = second === undefined || inSecond(key) || second.has(key as ConfigKey);
    return isOfAll ? first!.get(key as ConfigKey) : undefined;
  };
  // A default in a stage that lies on another value at the top is no default.
  const isDefault = (key: string, value: unknown) => {
    const own = key.replace(/^stages\.\w+\./, '');
    return !(own !== key && isWritten(...own.split('.'))) && defaultsOf(own).includes(JSON.stringify(value));
  };
  leaveOut(root, '', reasonOf, isDefault);
  const data = root.get('data') as YAMLMap;
  data.comment = leftOut(last)
    .filter(([key]) => !all.some(stage => key in stage.data))
    .map(([key, value]) => ` ${key}: ${value}`)
    .join('\n');
  return textOf(document, head, origins);
}

/** The effective values, in YAML, of keys of `data` that a config may leave out. */
function leftOut({ data }: StageConfig): [key: string, value: string][] {
  const { mean, std } = datasets[data.dataset].statistics;
  const { side, shortSide } = inputSizeOf(data);
  return [
    ...(isImageFiles(data.dataset)
      ? (
          [
            ['image_size', side],
            ['short_side', shortSide],
            ['verify', 'deep'],
            ['on_bad_image', 'fail'],
          ] as const
        ).map(([key, value]): [string, string] => [key, String(value)])
      : []),
    ['normalisation', `{mean: [${mean.join(', ')}], std: [${std.join(', ')}]}`],
  ];
}

/** Removes the keys below `map` that have no effect and their default; the others without effect get the reason. */
function leaveOut(
  map: YAMLMap,
  prefix: string,
  reasonOf: (key: string) => string | undefined,
  isDefault: (key: string, value: unknown) => boolean,
): void {
  for (const { key: node, value } of [...map.items]) {
    const name = String((node as { value?: unknown }).value);
    const key = prefix + name;
    if (isMap(value)) {
      leaveOut(value as YAMLMap, `${key}.`, reasonOf, isDefault);
      if (value.items.length === 0) map.delete(name);
      continue;
    }
    const reason = reasonOf(key);
    if (reason === undefined) continue;
    if (isDefault(key, (value as Node).toJSON())) map.delete(name);
    else {
      if (isSeq(value)) value.flow = true; // on one line with the reason
      (value as Node).comment = ` ${reason}`;
    }
  }
}

/** The JSON of the default of a key, of each alternative where it has several. */
function defaultsOf(key: string): (string | undefined)[] {
  return describeKeys().flatMap(({ key: name, default: standard }) => (name === key ? [JSON.stringify(standard)] : []));
}

function textOf(document: Document, head: string, origins: ReadonlyMap<string, string> | undefined): string {
  document.commentBefore = head
    .split('\n')
    .map(line => ` ${line}`)
    .join('\n');
  if (origins !== undefined) annotate(document.contents, '', origins);
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function annotate(node: Node | null, key: string, origins: ReadonlyMap<string, string>): void {
  if (isMap(node)) {
    for (const pair of node.items) {
      const step = isScalar(pair.key) ? String(pair.key.value) : '';
      annotate(pair.value as Node | null, key === '' ? step : `${key}.${step}`, origins);
    }
  } else if (node !== null) {
    if (isSeq(node)) node.flow = true; // one line, so that the comment fits
    node.comment = [` ${origins.get(key) ?? ''}`, ...(node.comment ? [node.comment.trim()] : [])].join('; ');
  }
}
