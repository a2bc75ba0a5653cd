/** The processes that worked on one run, and the facts about them that can change its numbers. */

import { describeEnvironment } from '../engine/environment.js';
import type { RecordedProcess, RunRecord } from './recordSchema.js';

/** A process in run.json, or in a result record, where the host has no name. */
export interface Process {
  readonly engine: {
    readonly engine: string;
    readonly version: string;
    readonly precision: string;
    readonly threads: number;
    readonly device?: unknown;
    readonly devices?: unknown;
    readonly operations?: unknown;
    readonly instructions?: unknown;
    readonly environment?: Readonly<Record<string, string>> | undefined;
  };
  readonly versions: { readonly gala: string; readonly node: string };
  readonly host: { readonly cpu: string };
  readonly git?: { readonly commit: string; readonly dirty: boolean } | undefined;
}

/** A run that another one took its network from. */
interface Source<Part> {
  readonly processes?: readonly Part[] | undefined;
}

/** The other processes of a run, in run.json (`resumes`) or in a result record (`resumed_with`). */
interface Computed<Part> {
  readonly first_stage?: Source<Part> | undefined;
  readonly teachers?: readonly Source<Part>[] | undefined;
  readonly resumes: number | readonly Part[];
  readonly resumed_with?: readonly Part[] | undefined;
}

/** The processes of a run: of its first stage and teachers, the one that began it, those that resumed it. */
export function processesOf(run: RecordedProcess & Computed<RecordedProcess>): RecordedProcess[];
export function processesOf(run: Process & Computed<Process>): Process[];
export function processesOf(run: Process & Computed<Process>): Process[] {
  const resumed = typeof run.resumes === 'number' ? run.resumed_with : run.resumes;
  return [...sourcesOf(run).flatMap(({ processes }) => processes ?? []), run, ...(resumed ?? [])];
}

/** A copy of the parts of a process that can change the numbers, without the name of its machine. */
export function processOf({
  engine,
  versions,
  host,
  git,
}: RecordedProcess & { readonly host: { readonly name?: string } }) {
  const { name: _, ...machine } = host;
  return { engine: { ...engine }, versions: { ...versions }, host: machine, ...(git && { git: { ...git } }) };
}

export type ProcessFact = (process: Process) => string;

export const processFacts: readonly (readonly [name: string, of: ProcessFact])[] = [
  ['engine', ({ engine }) => `${engine.engine} ${engine.version}`],
  [
    'device',
    ({ engine }) => `${engine.device ?? 'unknown'}${(engine.devices ?? 1) === 1 ? '' : ` × ${engine.devices}`}`,
  ],
  ['precision', ({ engine }) => engine.precision],
  ['threads', ({ engine }) => String(engine.threads)],
  ['gala’s operations', ({ engine }) => String(engine.operations ?? 'none')],
  ['CPU', ({ host }) => host.cpu],
  ['instruction set', ({ engine }) => String(engine.instructions ?? 'unknown')],
  ['environment', ({ engine }) => describeEnvironment(engine.environment)],
  ['gala', ({ versions }) => versions.gala],
  ['Node', ({ versions }) => versions.node],
  ['commit', ({ git }) => (git ? `${git.commit.slice(0, 7)}${git.dirty ? ' with changes' : ''}` : 'unknown')],
];

/** The values of a fact in the order of the processes, each once; several where the run was resumed under another. */
export function valuesOf(processes: readonly Process[], of: ProcessFact): string[] {
  return [...new Set(processes.map(of))];
}

/** `bf16`, or `bf16 then fp32` where the run was resumed under another value. */
export function factOf(processes: readonly Process[], of: ProcessFact): string {
  return valuesOf(processes, of).join(' then ');
}

/** The precision of a run's epoch lines where its results have another one; undefined where they have the same. */
export function epochPrecision({ results, ...run }: RunRecord): string | undefined {
  const precision = factOf([run, ...run.resumes], ({ engine }) => engine.precision);
  return [undefined, precision].includes(results[0]?.precision) ? undefined : precision;
}

/** `precision (bf16 then fp32)` for each fact that changed between the processes. */
export function changesWithin(processes: readonly Process[]): string[] {
  return processFacts.flatMap(([name, of]) =>
    valuesOf(processes, of).length > 1 ? [`${name} (${factOf(processes, of)})`] : [],
  );
}

/** The processes in their order; of processes that are equal in all facts only the first. */
export function distinctProcesses<Given extends Process>(processes: readonly Given[]): Given[] {
  const factsOf = (process: Process) => JSON.stringify(processFacts.map(([, of]) => of(process)));
  const known = new Set<string>();
  return processes.filter(process => {
    const facts = factsOf(process);
    if (known.has(facts)) return false;
    known.add(facts);
    return true;
  });
}

/** Seconds in training steps of a run, and of its first stage and teachers, with theirs. */
export function trainingSeconds(run: RunRecord): number {
  return sourceTimesOf(run).reduce((sum, source) => sum + source.training_seconds, run.training_seconds);
}

/** First stage and teachers of a run, with theirs; a run that is several of these stands there once. */
export function sourceTimesOf(run: RunRecord): { readonly run: string; readonly training_seconds: number }[] {
  const times = sourcesOf(run).flatMap(source => [source, ...(source.sources ?? [])]);
  return [...new Map(times.map(({ run, training_seconds }) => [run, { run, training_seconds }])).values()];
}

function sourcesOf<Source>(run: { readonly first_stage?: Source; readonly teachers?: readonly Source[] }) {
  return [...(run.first_stage ? [run.first_stage] : []), ...(run.teachers ?? [])];
}
