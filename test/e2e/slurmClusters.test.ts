/**
 * `gala sweep --launcher slurm` where SLURM's programs print what they print on real clusters: stand-ins, first in
 * PATH.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../temporaryFolder.js';
import { errorOf, gala } from './gala.js';

const temporary = temporaryFolder();
const banner = 'echo "*** Maintenance on Monday: see https://example.org/2026 ***"; echo "sbatch: info: 12 jobs" >&2';
const unreachable = 'echo "slurm_load_jobs error: Unable to contact slurm controller (connect failure)" >&2; exit 1';

let clusters = 0;

/** A cluster whose programs are these shell scripts; `calls` is what they were called with. */
function cluster(programs: Readonly<Record<string, string>>) {
  const cwd = join(temporary, String(clusters++));
  const bin = join(cwd, 'bin');
  mkdirSync(bin, { recursive: true });
  const all = {
    sbatch: 'echo 4711',
    squeue: 'exit 0',
    sacct: 'exit 1',
    scancel: 'exit 0',
    scontrol: 'exit 1',
    ...programs,
  };
  const write = (changed: Readonly<Record<string, string>>) => {
    for (const [name, body] of Object.entries(changed)) {
      const text = `#!/bin/bash\necho "${name} $*" >> ${cwd}/calls\n${body}\n`;
      writeFileSync(join(bin, name), text, { mode: 0o755 });
    }
  };
  write(all);
  const environment = { PATH: `${bin}${delimiter}${process.env.PATH}` };
  return {
    cwd,
    write,
    calls: () => readFileSync(join(cwd, 'calls'), 'utf8').split('\n').filter(Boolean),
    gala: (args: readonly string[], exitCode: number) => gala(args, exitCode, { cwd, environment }),
    manifest: () => JSON.parse(readFileSync(join(cwd, 'runs/sweeps/s/sweep.json'), 'utf8')),
  };
}

const start = (seeds: string, ...slurm: string[]) => [
  ...['sweep', '--config', 'fashion_mnist_lt/gala', '--seeds', seeds, '--name', 's', '--launcher', 'slurm'],
  ...(slurm.length > 0 ? ['--slurm', ...slurm] : []),
];
const statesOf = (stdout: string) =>
  (JSON.parse(stdout) as { tasks: { state: string }[] }).tasks.map(({ state }) => state);

test('Banners around the id, around states and in the answer of scancel change nothing', async () => {
  const slurm = cluster({ sbatch: `${banner}; echo 4711; ${banner}`, scancel: `${banner}; exit 0` });
  const { stderr } = await slurm.gala(start('0,1'), 0);
  assert.match(stderr, /^Submitted: job array 4711 of 2 tasks\./m);
  assert.equal(slurm.manifest().jobs[0].id, '4711');
  slurm.write({ squeue: `${banner}; echo "4711_0|RUNNING|None"; echo "4711_1|PENDING|Priority"; ${banner}` });
  const { stdout } = await slurm.gala(['sweep', 'status', 's', '--json'], 0);
  assert.deepEqual(statesOf(stdout), ['running', 'waiting']);
  const resumed = await slurm.gala(['sweep', 'resume', 's'], 0);
  assert.match(resumed.stderr, /^Nothing to resume\.$/m);
  await slurm.gala(['sweep', 'cancel', 's'], 0);
  assert.ok(slurm.calls().includes('scancel 4711_0 4711_1'));
});

test('Without an id in the answer of sbatch the text is told, and the sweep stays, for the job may run', async () => {
  const slurm = cluster({ sbatch: `${banner}; echo "Job accepted by the gateway"` });
  const refused = await slurm.gala(start('0'), 2);
  const { message, next } = errorOf(refused);
  assert.match(message, /no job id, but: .*Maintenance on Monday.*Job accepted by the gateway/);
  assert.match(next, /squeue --me/);
  assert.deepEqual(slurm.manifest().jobs, []);
});

test('An order that may have been taken keeps its sweep; what a program says on stdout is told', async () => {
  const late = 'echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1';
  for (const [sbatch, said] of [
    [late, /ended with exit code 1 and said: .*Socket timed out/],
    ['echo 4711; echo "epilogue of the site failed" >&2; exit 3', /exit code 3 and said: 4711; epilogue/],
  ] as const) {
    const slurm = cluster({ sbatch });
    const { message, next } = errorOf(await slurm.gala(start('0'), 2));
    assert.match(message, said);
    assert.match(next, /squeue --me/);
    assert.deepEqual(slurm.manifest().jobs, []);
  }
  const slurm = cluster({ sbatch: 'echo "Your project has no hours left"; exit 1' });
  assert.match(errorOf(await slurm.gala(start('0'), 2)).message, /^SLURM refused: Your project has no hours left$/);
  assert.ok(!existsSync(join(slurm.cwd, 'runs/sweeps/s')));
});

test(
  'A controller that does not answer loses no job: status and resume end with its words, nothing is ' + 'submitted',
  async () => {
    const slurm = cluster({});
    await slurm.gala(start('0'), 0);
    for (const squeue of [unreachable, unreachable.replace('exit 1', 'exit 0')]) {
      slurm.write({ squeue });
      for (const verb of ['status', 'resume', 'cancel']) {
        const refused = errorOf(await slurm.gala(['sweep', verb, 's'], 2));
        assert.match(refused.message, /Unable to contact slurm controller/);
        assert.match(refused.next, /try again later/);
      }
    }
    assert.equal(slurm.calls().filter(call => call.startsWith('sbatch')).length, 1);
  },
);

test('More runs than MaxArraySize become several arrays, each found again under its own indices', async () => {
  const limits = 'echo "MaxArraySize            = 11"';
  const sbatch = 'case "$*" in *submit-0*) echo 70;; *submit-1*) echo 71;; *) echo 72;; esac';
  const slurm = cluster({ scontrol: limits, sbatch });
  const seeds = Array.from({ length: 21 }, (_, i) => i).join();
  const dry = await slurm.gala([...start(seeds), '--dry-run'], 0);
  assert.match(dry.stderr, /^3 job arrays \(the cluster's MaxArraySize\)/m);
  const { stderr } = await slurm.gala(start(seeds, 'parallel=2'), 0);
  assert.match(stderr, /^Submitted: job arrays 70, 71, 72 of 21 tasks\./m);
  const folder = join(slurm.cwd, 'runs/sweeps/s');
  const arrays = [0, 1, 2].map(k => /--array=(.*)$/m.exec(readFileSync(join(folder, `submit-${k}.sh`), 'utf8'))![1]);
  assert.deepEqual(arrays, ['0-9%2', '0-9%2', '0%2']);
  const submissions = slurm.calls().filter(call => call.startsWith('sbatch'));
  assert.match(submissions[1]!, /--dependency=afterany:70 .*submit-1\.sh$/, 'no more than 2 at a time in all');
  slurm.write({ squeue: 'echo "71_3|RUNNING|None"; echo "72_0|PENDING|Dependency"' });
  const { stdout } = await slurm.gala(['sweep', 'status', 's', '--json'], 0);
  const active = statesOf(stdout).flatMap((state, index) => (state === 'not started' ? [] : [`${index} ${state}`]));
  assert.deepEqual(active, ['13 running', '20 waiting']);
});

test('What SLURM took before it refused the next array is recorded, and the error says how to go on', async () => {
  const limit = 'sbatch: error: QOSMaxSubmitJobPerUserLimit';
  const sbatch = `case "$*" in *submit-0*) echo 70;; *) echo "${limit}" >&2; exit 1;; esac`;
  const slurm = cluster({ scontrol: 'echo "MaxArraySize = 10"', sbatch });
  const { message, next } = errorOf(await slurm.gala(start('0,1,2,3,4,5,6,7,8,9,10'), 2));
  assert.match(message, /QOSMaxSubmitJobPerUserLimit/);
  assert.match(next, /wait until some have ended.*Submitted so far: job array 70\..*gala sweep resume s/);
  assert.deepEqual(
    slurm.manifest().jobs.map(({ id }: { id: string }) => id),
    ['70'],
  );
  slurm.write({ squeue: 'for i in 0 1 2 3 4 5 6 7 8 9; do echo "70_$i|PENDING|None"; done', sbatch: 'echo 71' });
  const { stderr } = await slurm.gala(['sweep', 'resume', 's'], 0);
  assert.match(stderr, /^Submitted: job array 71 of 1 tasks\./m);
});

test('Names of digits, short limits and paths that end a directive', async () => {
  const slurm = cluster({});
  const flags = await slurm.gala([...start('0', 'account=0123', 'partition=08'), '--dry-run'], 0);
  assert.match(flags.stdout, /^#SBATCH --partition=08\n#SBATCH.*--cpus.*\n#SBATCH --account=0123$/m);
  const file = 'config: fashion_mnist_lt/gala\nlauncher: slurm\nslurm: { account: 0123, qos: 1e5, cpus: 2 }\n';
  writeFileSync(join(slurm.cwd, 's.yaml'), file);
  const { stdout } = await slurm.gala(['sweep', '--file', 's.yaml', '--dry-run'], 0);
  assert.match(stdout, /^#SBATCH --cpus-per-task=2\n#SBATCH --account=0123\n#SBATCH --qos=1e5$/m);
  const short = errorOf(await slurm.gala([...start('0', 'time=2'), '--dry-run'], 2));
  assert.match(short.message, /time limit 2 \(120 s\) is not longer than signal_seconds/);
  const output = 'n\ntouch PWNED #';
  for (const flags of [['--dry-run'], []]) {
    const broken = await slurm.gala([...start('0'), '--output', output, ...flags], 2);
    assert.match(errorOf(broken).message, /cannot hold this path/);
    assert.doesNotMatch(broken.stdout, /touch/);
  }
  const kept = existsSync(join(slurm.cwd, output)) ? readdirSync(join(slurm.cwd, output, 'sweeps')) : [];
  assert.deepEqual(kept, [], 'the refused sweep does not keep its name');
  assert.ok(!slurm.calls().some(call => call.startsWith('sbatch')));
});
