/** Whether CUDA 11 is on this machine, the only one for which tfjs-node-gpu's own binary was made. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const runtime = 'libcudart.so.11.0';
const usualFolders = ['/usr/local/cuda/lib64', '/usr/local/cuda-11/lib64', '/usr/lib/x86_64-linux-gnu'];

/** True where the loader would find CUDA 11's runtime. */
export function hasCuda11(environment: NodeJS.ProcessEnv): boolean {
  const folders = [...(environment.LD_LIBRARY_PATH ?? '').split(':').filter(Boolean), ...usualFolders];
  if (folders.some(folder => existsSync(join(folder, runtime)))) return true;
  const { stdout } = spawnSync('ldconfig', ['-p'], { env: environment, encoding: 'utf8', timeout: 10_000 });
  return (stdout ?? '').includes(runtime);
}
