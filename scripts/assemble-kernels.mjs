// Assembles src/data/kernels/image.wat into imageWasm.ts beside it; `--check` says whether that file is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import loadWabt from 'wabt';

const folder = join(import.meta.dirname, '..', 'src', 'data', 'kernels');
const wabt = await loadWabt();
const module = wabt.parseWat('image.wat', readFileSync(join(folder, 'image.wat'), 'utf8'), { simd: true });
module.validate({ simd: true });
const { buffer } = module.toBinary({});
const lines = Buffer.from(buffer)
  .toString('base64')
  .match(/.{1,112}/g);
const text = [
  '/** image.wat, assembled: made by scripts/assemble-kernels.mjs, not by hand. In base64. */',
  'export const imageWasm =',
  ...lines.map((line, i) => `  '${line}'${i < lines.length - 1 ? ' +' : ';'}`),
  '',
].join('\n');

const path = join(folder, 'imageWasm.ts');
if (!process.argv.includes('--check')) writeFileSync(path, text);
else if (readFileSync(path, 'utf8') !== text) {
  console.error('error: imageWasm.ts is not what image.wat assembles to\nnext:  node scripts/assemble-kernels.mjs');
  process.exitCode = 1;
}
