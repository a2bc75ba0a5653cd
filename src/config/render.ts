/** A config as YAML that can be run again. */
import { Document, isMap, isScalar, isSeq, type Node } from 'yaml';
import type { Config } from './schema.js';
import { fileLayout } from './stages.js';

/** The config as YAML, every key written; with `origins`, a trailing comment says where each value came from. */
export function renderConfig(config: Config, head: string, origins?: ReadonlyMap<string, string>): string {
  const document = new Document(fileLayout(config));
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
    if (isSeq(node)) node.flow = true; // on one line with its origin
    node.comment = ` ${origins.get(key) ?? ''}`;
  }
}
