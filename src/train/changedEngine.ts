/** Compares the engine of a resumed run with the one that began it: another engine rounds differently. */
import { describeEnvironment } from '../engine/environment.js';
import type { EngineInfo } from '../engine/program.js';
import { describeHost } from '../run/host.js';
import type { RunRecord } from '../run/recordSchema.js';

type Fact = readonly [name: string, before: unknown, now: unknown];

/** A sentence for each difference between the engine that began a run and the one that continues it. */
export function describeChanges(before: RunRecord, engine: EngineInfo): string[] {
  const then = before.engine;
  const certain: Fact[] = [
    ...(['engine', 'version', 'threads', 'device'] as const).map((key): Fact => [key, then[key], engine[key]]),
    ['devices', then.devices ?? 1, engine.devices ?? 1],
    ['gala’s operations', then.operations ?? 'none', engine.operations ?? 'none'],
  ];
  const machines: Fact[] = [
    ['CPU', before.host.cpu, describeHost().cpu],
    // Records of older versions of gala lack it.
    ['instruction set', then.instructions ?? engine.instructions, engine.instructions ?? then.instructions],
  ];
  const possible: Fact[] = [
    ...(then.device === 'cpu' && engine.device === 'cpu' ? machines : []),
    ['environment', describeEnvironment(then.environment), describeEnvironment(engine.environment)],
  ];
  return [...sentences(certain, 'will'), ...sentences(possible, 'can')];
}

function sentences(facts: readonly Fact[], verb: string): string[] {
  return facts
    .filter(([, before, now]) => before !== now)
    .map(
      ([name, before, now]) =>
        `This run began with ${name} ${before} and goes on with ${now}: its numbers ${verb} differ from those ` +
        'of an unbroken run.',
    );
}
