/**
 * What the host does for a step: XLA's list of thunks, of which a command buffer (a CUDA graph) is one launch, whatever
 * is in it. Kernels are listed with the number of their thread blocks.
 */

export interface Thunk {
  /** For instance `kCommandBuffer`, `kConvolution`. */
  readonly kind: string;
  /** Name of the instruction that it runs; undefined for those of control flow. */
  readonly instruction: string | undefined;
  /** Thread blocks of a kernel of XLA's own; undefined for other thunks. */
  readonly blocks: number | undefined;
  readonly inside: readonly Thunk[];
}

/**
 * `sequence`: the list after XLA's passes over it, indented by depth; `metadata`: the instruction of each thunk by its
 * number.
 */
export function parseThunks(sequence: string, metadata: string): Thunk[] {
  const instructions = new Map(
    [...metadata.matchAll(/thunk_info \{\s+profile_annotation: "([^"]*)"\s+thunk_id: (\d+)/g)].map(([, name, id]) => [
      Number(id),
      name!,
    ]),
  );
  const top: Thunk[] = [];
  const open: { indent: number; inside: Thunk[] }[] = [{ indent: -1, inside: top }];
  let inCondition = false;
  for (const line of sequence.split('\n')) {
    const label = /^ *(condition|body):/.exec(line)?.[1];
    if (label) inCondition = label === 'condition';
    const found = /^( *)(\d+): (k\w+)(.*)$/.exec(line);
    if (!found || inCondition) continue;
    const [, { length: indent }, id, kind, rest] = found as unknown as [string, string, string, string, string];
    while (open.at(-1)!.indent >= indent) open.pop();
    const grid = / grid: \[([\d, ]+)\]/.exec(rest)?.[1];
    const inside: Thunk[] = [];
    open.at(-1)!.inside.push({
      kind,
      instruction: controlFlow.has(kind) ? undefined : instructions.get(Number(id)),
      blocks: grid?.split(', ').reduce((product, count) => product * Number(count), 1),
      inside,
    });
    open.push({ indent, inside });
  }
  return top;
}

const controlFlow = new Set(['kCommandBuffer', 'kWhile', 'kConditional', 'kSequential']);

/** The thunks of a step: of the body of the loop over a call's steps, or, without a loop, of the whole program. */
export function thunksOfStep(thunks: readonly Thunk[]): readonly Thunk[] {
  return thunks.find(({ kind }) => kind === 'kWhile')?.inside ?? thunks;
}

/** All thunks that run something, those in command buffers too. */
export function launched(thunks: readonly Thunk[]): Thunk[] {
  return thunks.flatMap(thunk => (controlFlow.has(thunk.kind) ? launched(thunk.inside) : [thunk]));
}
