// Why is a step slow? Its time at several batch sizes, and what XLA made of it: the list of thunks and the optimized
// module.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { milliseconds } from './limit.mjs';
import { batchSizes } from './speed.mjs';

/** What comes back of a dump, of the largest module: that of the train step. */
const wanted = ['thunk_sequence_after_thunk_passes.txt', 'after_optimizations.txt', 'autotune_results.pbtxt'];

export function explain(check, note) {
  const figures = batchSizes(check, note);
  const folder = mkdtempSync(join(check.home, 'dump-'));
  const XLA_FLAGS = `${process.env.XLA_FLAGS ?? ''} --xla_dump_to=${folder} --xla_dump_hlo_as_text`.trim();
  const args = ['bench', 'train', '--steps', '1', '--warmup', '1', '--set', 'engine=xla', `device=${check.device}`];
  const keys = check.onCpu ? ['train.batch_size=2', 'threads=2'] : [];
  const { status, stderr } = spawnSync(
    process.execPath,
    [join(check.gala, 'bin/gala.mjs'), ...args, ...keys, 'precision=bf16'],
    // Flags are part of what a compiled program is found by, so this one is compiled anew
    { encoding: 'utf8', env: { ...process.env, XLA_FLAGS }, timeout: milliseconds(check.left()) },
  );
  if (status !== 0) throw new Error(`no dump: ${stderr.slice(-800)}`);
  const names = readdirSync(folder);
  const kept = wanted.flatMap(suffix => {
    const largest = names
      .filter(name => name.endsWith(suffix))
      .map(name => ({ name, bytes: readFileSync(join(folder, name)) }))
      .sort((a, b) => b.bytes.length - a.bytes.length)[0];
    if (!largest) return [];
    const file = join(check.home, `${suffix}.gz`);
    writeFileSync(file, gzipSync(largest.bytes));
    if (check.out !== check.home) copyFileSync(file, join(check.out, `${suffix}.gz`));
    return [`${suffix}.gz`];
  });
  rmSync(folder, { recursive: true, force: true });
  process.stdout.write(`dumped: ${kept.join(', ')}\n`);
  note({ dumped: kept });
  return { ok: kept.length > 0 && Object.values(figures).every(({ error }) => !error) };
}
