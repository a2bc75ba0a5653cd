/** What a command loads before it has work to do. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../bin/gala.mjs', import.meta.url));

/** Prints the address of each module that is loaded. */
const hooks = `import { writeSync } from 'node:fs';
export async function load(url, context, next) { writeSync(2, url + '\\n'); return next(url, context); }`;
const watch = `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(hooks))});`;

test(
  'Help, version, the list of configs and errors of usage load no schema, no YAML parser and no ' + 'progress bars',
  () => {
    for (const words of [
      ['--help'],
      ['--version'],
      ['train', '--help'],
      ['config', 'list'],
      ['eval', '--split', 'all'],
    ]) {
      const { stdout, stderr } = spawnSync(process.execPath, ['--import', dataUrl(watch), program, ...words], {
        encoding: 'utf8',
      });
      const loaded = stderr.split('\n').filter(line => line.startsWith('file:'));
      assert.ok(
        loaded.some(url => url.endsWith('/cli/main.js')),
        `${words.join(' ')}: ${stdout}${stderr}`,
      );
      const heavy = loaded.filter(url => /\/node_modules\/(zod|yaml|cli-progress|@tensorflow|koffi)\//.test(url));
      assert.deepEqual(heavy, [], words.join(' '));
    }
  },
);

function dataUrl(code: string): string {
  return `data:text/javascript,${encodeURIComponent(code)}`;
}
