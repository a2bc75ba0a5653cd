/** What a reader must know before trusting or comparing the numbers of a report. */
import { configOf, differingKeys, typedValue, weightyValues } from '../config/identity.js';
import { withoutFolders } from '../config/withoutFolders.js';
import { changesWithin, factOf, processFacts } from '../run/processes.js';
import { processesOf } from '../run/record.js';
import type { ReportRun } from './reportRun.js';

/** A sentence each; none when there is nothing to say. */
export function cautionsOf(runs: readonly ReportRun[]): string[] {
  const labels = new Map<string, string[]>();
  const say = (text: string, { label }: ReportRun) => labels.set(text, [...(labels.get(text) ?? []), label]);
  for (const run of runs) {
    if (run.evaluation.selectedOn !== 'test') continue;
    say(
      'The epoch was chosen on the test split that it is reported on, so its top-1 is the highest of many looks; “last evaluated epoch” was not chosen.',
      run,
    );
  }
  for (const run of runs) {
    const processes = processesOf(run.record);
    const changes = changesWithin(processes);
    if (run.record.status !== 'finished') say('Not finished: the numbers are of an unfinished training.', run);
    if (processes.some(({ git }) => git?.dirty))
      say('The working folder had changes that its commit does not tell.', run);
    if (changes.length > 0)
      say(`On the way ${changes.join(', ')} changed: an unbroken run need not give these numbers.`, run);
  }
  const cautions = [...labels].map(([text, own]) =>
    own.length === runs.length ? text : `${text} (${own.join(', ')})`,
  );
  const differences = differencesOf(runs);
  return differences.length === 0 ? cautions : [...cautions, `The runs differ in: ${differences.join('; ')}.`];
}

/** Told by what was used, not by what was asked for. */
const keysOfFacts: ReadonlySet<string> = new Set(['engine', 'precision', 'eval.select_on']);

/** In what the runs differ besides their loss: images and weights by name, all else with the values, such as `train.epochs (20, 30)`. */
function differencesOf(runs: readonly ReportRun[]): string[] {
  const named: readonly (readonly [name: string, of: (run: ReportRun) => string | undefined])[] = [
    ['training images', ({ record: { splits } }) => splits.train?.index_hash ?? splits.train?.fingerprint],
    ['test images', ({ record: { splits } }) => splits.test?.fingerprint],
    ['first stage', ({ record }) => record.first_stage?.weights_sha256],
    ['initial weights', ({ record }) => record.weights?.sha256],
  ];
  const valued: readonly (readonly [name: string, of: (run: ReportRun) => string])[] = [
    ['choice of the epoch', ({ evaluation }) => evaluation.selectedOn ?? 'not recorded'],
    ...processFacts.map(([name, of]) => [name, ({ record }: ReportRun) => factOf(processesOf(record), of)] as const),
  ];
  const withValues = (name: string, values: readonly string[]) => {
    const distinct = [...new Set(values)];
    return distinct.length > 1 ? [`${name} (${distinct.join(', ')})`] : [];
  };
  const configs = runs.map(({ record }) => weightyValues(withoutFolders(configOf(record))));
  const haveFirstStage = runs.every(({ record }) => record.first_stage !== undefined);
  const isTold = (key: string) =>
    !keysOfFacts.has(key) &&
    !/^(stages\.representation\.)?loss\./.test(key) &&
    (haveFirstStage || !key.startsWith('stages.')); // beside a run of one stage, “first stage” says it all
  return [
    ...named.flatMap(([name, of]) => (new Set(runs.map(of)).size > 1 ? [name] : [])),
    ...valued.flatMap(([name, of]) => withValues(name, runs.map(of))),
    ...differingKeys(configs)
      .filter(isTold)
      .flatMap(key =>
        withValues(
          key,
          configs.map(values => typedValue(values.get(key))),
        ),
      ),
  ];
}
