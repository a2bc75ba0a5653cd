// One call on the GPU machine: run.mjs HOME OUT first|rest|STAGE…. Each stage is a process with a budget in seconds,
// so that a crash or a hang does not affect other stages. Each result is written to summary.json at once. The exit code
// is 1 when a check failed.
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeMachine } from './machine.mjs';

/** Budget of each stage in seconds; GPU_CHECK_SECONDS is the budget of a whole call. The most important comes first. */
const budgets = {
  ...{ look: 165, kernels: 45, steps: 60 },
  ...{ train: 130, again: 80, explain: 80, large: 100, variants: 100 },
};
const calls = {
  first: { seconds: 270, stages: ['look', 'kernels', 'steps'] },
  rest: { seconds: 430, stages: ['train', 'again', 'explain', 'large', 'variants'] },
};
/** A stage is not started with less than this left. */
const least = 15;

const [home, out, ...wanted] = process.argv.slice(2);
const began = performance.now();
const call = calls[wanted[0]];
const names = call?.stages ?? wanted;
const unknown = names.find(name => !(name in budgets));
if (unknown !== undefined || names.length === 0) {
  process.stderr.write(
    `error: there is no stage ${unknown ?? ''}\nnext:  first, rest or ${Object.keys(budgets).join(', ')}\n`,
  );
  process.exit(2);
}
const seconds = Number(process.env.GPU_CHECK_SECONDS ?? call?.seconds ?? 600);
mkdirSync(out, { recursive: true });
const summaryPath = join(home, 'summary.json');
const summary = read(summaryPath) ?? {};
const keep = (name, result) => {
  summary[name] = result;
  writeFileSync(summaryPath, `${JSON.stringify(summary, null, 2)}\n`);
  if (out !== home) copyFileSync(summaryPath, join(out, 'summary.json'));
};

process.env.GALA_CACHE = join(home, 'cache');
process.env.GALA_DATA = join(home, 'stage', 'cifar-100-binary');
const machine = await describeMachine().catch(({ message, next }) => {
  process.stderr.write(`error: ${message}\n${next === undefined ? '' : `next:  ${next}\n`}`);
  process.exit(5);
});
if (machine.plugin !== undefined) process.env.GALA_PJRT_PLUGIN = machine.plugin;
keep('machine', machine);
process.stdout.write(`${machine.gpu ?? 'no GPU'}, ${machine.cores} cores, plugin ${machine.plugin}\n`);

const times = [];
let failed = false;
for (const name of names) {
  const left = seconds - sinceBegin();
  if (left < least) {
    keep(name, { ok: false, error: `not begun: ${left.toFixed(0)} s were left` });
    times.push([name, 0, 'not begun']);
    continue;
  }
  const limit = Math.min(budgets[name], left);
  process.stdout.write(`\n== ${name} (${limit.toFixed(0)} s)\n`);
  const started = sinceBegin();
  const { result, ending } = await runStage(name, limit);
  const took = Math.round(10 * (sinceBegin() - started)) / 10;
  keep(name, { ...result, ok: ending === 'done' && result.ok === true, seconds: took, ending });
  failed ||= !summary[name].ok;
  times.push([name, took, summary[name].ok ? 'ok' : ending === 'done' ? 'NOT OK' : ending]);
}
process.stdout.write('\n| stage | seconds | budget | |\n|---|---:|---:|---|\n');
for (const [name, took, ending] of times)
  process.stdout.write(`| ${name} | ${took.toFixed(0)} | ${budgets[name]} | ${ending} |\n`);
process.stdout.write(`| in all | ${sinceBegin().toFixed(0)} | ${seconds} | |\nsummary: ${join(out, 'summary.json')}\n`);
keep('time', { ...summary.time, [wanted[0]]: { seconds: Math.round(sinceBegin()), budget: seconds } });
process.exit(failed ? 1 : 0);

/** Runs a stage. Resolves to the results that it has written, and how it ended. */
function runStage(name, limit) {
  const notes = join(home, `stage-${name}.json`);
  rmSync(notes, { force: true });
  const script = join(import.meta.dirname, 'stage.mjs');
  // A process group, so that its own child processes end with it
  const child = spawn(process.execPath, [script, name, home, out, notes, `${limit}`], {
    stdio: 'inherit',
    detached: true,
  });
  const kill = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile
    }
  };
  const stopped = signal => {
    kill();
    process.kill(process.pid, signal);
  };
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'];
  for (const signal of signals) process.once(signal, stopped);
  let cut = false;
  const timer = setTimeout(() => {
    cut = true;
    kill();
  }, 1000 * limit);
  return new Promise(resolve => {
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      for (const signal of signals) process.off(signal, stopped);
      const crashed = code === 0 ? 'done' : `crashed (${signal ?? `exit code ${code}`})`;
      resolve({ result: read(notes) ?? {}, ending: cut ? 'cut off at its budget' : crashed });
    });
  });
}

function sinceBegin() {
  return (performance.now() - began) / 1000;
}

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
