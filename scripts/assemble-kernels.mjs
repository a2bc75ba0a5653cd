// Assembles each .wat file below src into …Wasm.ts beside it; `--check` says whether those files are up to date.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import loadWabt from 'wabt';

const sources = join(import.meta.dirname, '..', 'src');
const wabt = await loadWabt();

for (const path of readdirSync(sources, { recursive: true }).filter(path => path.endsWith('.wat'))) {
  const module = wabt.parseWat(path, readFileSync(join(sources, path), 'utf8'), { simd: true });
  module.validate({ simd: true });
  const lines = Buffer.from(module.toBinary({}).buffer)
    .toString('base64')
    .match(/.{1,112}/g);
  const name = `${basename(path, '.wat')}Wasm`;
  const text = [
    `/** ${basename(path)}, assembled: made by scripts/assemble-kernels.mjs, not by hand. In base64. */`,
    `export const ${name} =`,
    ...lines.map((line, i) => `  '${line}'${i < lines.length - 1 ? ' +' : ';'}`),
    '',
  ].join('\n');
  const assembled = join(sources, path, '..', `${name}.ts`);
  if (!process.argv.includes('--check')) writeFileSync(assembled, text);
  else if (readFileSync(assembled, 'utf8') !== text) {
    console.error(`error: ${name}.ts is not what ${path} assembles to\nnext:  node scripts/assemble-kernels.mjs`);
    process.exitCode = 1;
  }
}
