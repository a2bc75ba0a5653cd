/** Small shared libraries of C, which stand for drivers and plugins that no machine here has. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';

/** Reason to skip, or false. */
export const noCompiler =
  spawnSync('cc', ['--version'], { stdio: 'ignore' }).status === 0 ? false : 'no C compiler (cc)';

/** Compiles C to a library at `path`. */
export function compileLibrary(path: string, code: string): string {
  const source = `${path}.c`;
  writeFileSync(source, code);
  const name = `-Wl,-soname,${basename(path)}`; // by which the loader knows it once it is loaded
  const { status, stderr } = spawnSync('cc', ['-shared', '-fPIC', name, '-o', path, source], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return path;
}
