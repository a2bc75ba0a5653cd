/** `--engine` and `--device`: short for overrides of the keys of the same names. */
import { Option } from 'commander';

export interface EngineFlags {
  readonly engine?: string;
  readonly device?: string;
}

export const engineOption = () =>
  new Option('--engine <engine>', 'auto, tensorflow, xla or eager; short for --set engine=…');
export const deviceOption = () =>
  new Option('--device <device>', 'auto, cpu, cuda or cuda:N; short for --set device=…');

/** The overrides that the flags stand for. */
export function engineOverrides({ engine, device }: EngineFlags): string[] {
  return [...(engine ? [`engine=${engine}`] : []), ...(device ? [`device=${device}`] : [])];
}
