/** `gala bench plan`: memory, kernels and convolutions of a config on a GPU that this machine need not have. */
import { type Command, Option } from 'commander';
import { type TargetName, targetNames } from '../../plan/gpus.js';
import type { Plan, ProgramPlan, StagePlan } from '../../plan/plan.js';
import { printJson } from '../display/output.js';

interface PlanFlags {
  readonly config: string;
  readonly target: TargetName;
  readonly set?: string[];
  readonly json?: boolean;
}

export function registerBenchPlan(bench: Command): void {
  bench
    .command('plan')
    .description('compile a config for a GPU that this machine need not have: does it fit, what does a step launch')
    .requiredOption('--config <config>', 'whose programs to compile')
    .addOption(new Option('--target <gpu>', 'the GPU').choices(targetNames).makeOptionMandatory())
    .option('--set <key=value...>', 'override keys, such as --set train.batch_size=128 devices=4')
    .option('--json', 'print JSON')
    .action(planAction);
}

async function planAction({ config: name, target, set, json }: PlanFlags): Promise<void> {
  const [{ loadConfig }, { openPlanner, planConfig }] = await Promise.all([
    import('../../config/load.js'),
    import('../../plan/plan.js'),
  ]);
  const { config } = loadConfig(name, { ...(set && { set }) });
  const planner = openPlanner(target, line => process.stderr.write(`${line}\n`));
  const plan = await planConfig(config, planner);
  const described = {
    bench: 'plan',
    config: name,
    plugin: planner.plugin,
    cudnn: planner.cudnn !== undefined,
    ...plan,
  };
  if (json) printJson(described, 2);
  else process.stdout.write(planText(name, plan));
}

function planText(name: string, { gpu, devices, precision, stages }: Plan): string {
  const shared = devices > 1 ? ` × ${devices}, each batch shared by them` : '';
  const head = `${name} on ${gpu}${shared}, ${precision}\n`;
  return [head, ...stages.map(stage => stageText(stage))].join('\n');
}

function stageText(plan: StagePlan): string {
  const { stage, programs, batch_size, accumulate } = plan;
  const micro = accumulate > 1 ? ` in ${accumulate} micro-batches` : '';
  return [`${stage}: batches of ${batch_size}${micro}\n`, ...programs.map(programText), memoryText(plan)].join('\n');
}

function programText({ program, batch, steps_per_call, compile_seconds, memory, step, ...rest }: ProgramPlan): string {
  const kinds = Object.entries(step.kinds).map(([kind, { kernels }]) => `${kernels} ${kind}`);
  const graphs = `${step.graph_launches} graph ${step.graph_launches === 1 ? 'launch' : 'launches'}`;
  const lines = [
    ['memory', `${gigabytes(memory.arguments)} arguments, ${gigabytes(memory.temporaries)} temporaries`],
    ['a step', `${step.kernels} kernels (${kinds.join(', ')})`],
    ['', `${gigabytes(step.bytes)} moved, ${graphs}, ${step.launches_outside_graphs} launches outside of graphs`],
    ...rest.convolutions.map(
      ({ direction, precision, convolutions, shapes, shapes_without_tensor_cores: without }, i) => [
        i === 0 ? 'cuDNN' : '',
        `${convolutions} convolutions ${direction} in ${precision}, ${tensorCores(shapes, without)}`,
      ],
    ),
    ...(rest.convolutions_outside_cudnn > 0
      ? [['', `${rest.convolutions_outside_cudnn} convolutions do not call cuDNN: they are slow`]]
      : []),
  ];
  const head = `  ${program}: ${batch} images, ${steps_per_call} in a call; compiled in ${compile_seconds} s`;
  return [head, ...lines.map(([label, text]) => `    ${label!.padEnd(8)}${text}`), ''].join('\n');
}

function tensorCores(shapes: number, without: number | null): string {
  const different = `${shapes} different`;
  if (without === null) return `${different}; without cuDNN, whether they use tensor cores is unknown`;
  if (without === 0) return `${different}, each with engines on tensor cores`;
  return `${different}, ${without} of them without an engine on tensor cores`;
}

function memoryText({ memory, accumulate_to_fit: fitting }: StagePlan): string {
  const { state, inputs, temporaries, largest_program, total, limit, fits } = memory;
  const own = `${gigabytes(temporaries)} for ${largest_program}`;
  const parts = `${gigabytes(state)} state, ${gigabytes(inputs)} images, ${own}`;
  const verdict = `${gigabytes(total)} (${parts}) of ${gigabytes(limit)}`;
  if (fits) return `  It fits: ${verdict}, without what cuDNN takes to work in.\n`;
  const next =
    fitting === undefined
      ? 'Use more devices or a smaller batch.'
      : fitting !== null
        ? `With --set train.accumulate=${fitting} it fits.`
        : largest_program === 'train'
          ? 'No number of micro-batches makes it fit.'
          : 'Set eval.batch_size to less.';
  return `  It does NOT fit: ${verdict}. ${next}\n`;
}

function gigabytes(bytes: number): string {
  return bytes < 1e8 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
