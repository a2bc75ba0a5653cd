// `npm run docs:config`: writes what is generated from the config's schema, configs/schema.json and the table of
// docs/configs.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const { configFileSchemaText } = await import(`${root}/dist/src/config/jsonSchema.js`);
const { keyTable } = await import(`${root}/dist/src/config/keyTable.js`);

writeFileSync(resolve(root, 'configs/schema.json'), configFileSchemaText());
const page = resolve(root, 'docs/configs.md');
const table = /^\| key \| value \|.*\n(\|.*\n?)*/m;
const text = readFileSync(page, 'utf8');
if (!table.test(text)) throw new Error(`${page} has no table of keys`);
writeFileSync(
  page,
  text.replace(table, () => `${keyTable()}\n`),
);
