/** What a reader must know before trusting or comparing the numbers of a report. */
import { configOf, differingKeys, identityValues, typedValue } from '../config/identity.js';
import { withoutFolders } from '../config/withoutFolders.js';
import { changesWithin, factOf, processesOf, processFacts } from '../run/processes.js';
import type { ReportRun } from './reportRun.js';
import { seriesOf } from './series.js';
import { ownersOf } from './whose.js';

/** The cautions, a sentence each. */
export function cautionsOf(runs: readonly ReportRun[]): string[] {
  const owners = new Map<string, Set<ReportRun>>();
  const say = (text: string, run: ReportRun) => owners.set(text, (owners.get(text) ?? new Set()).add(run));
  for (const run of runs) {
    const looks = run.metrics.filter(({ test_top1 }) => typeof test_top1 === 'number').length;
    if (run.evaluation.selected_on !== 'test' || looks === 1) continue;
    say(
      'The epoch was chosen on the test split that it is reported on, so its top-1 is the highest of many; the last ' +
        'evaluated epoch, at the end of this page, was not chosen.',
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
    if (runs.some(other => other !== run && isSameDraw(other, run)))
      say('The same seed more than once makes the spread too small.', run);
  }
  const cautions = [...owners].map(([text, own]) =>
    own.size === runs.length ? text : text.replace(/\.$/, ` (${ownersOf(own, runs)}).`),
  );
  const differences = differencesOf(runs);
  return differences.length === 0 ? cautions : [...cautions, `The runs differ in: ${differences.join('; ')}.`];
}

function isSameDraw(a: ReportRun, b: ReportRun): boolean {
  const [of, other] = [a.record.seeds, b.record.seeds];
  return a.series === b.series && of.run === other.run && of.subset === other.subset;
}

/** Left out here, because the facts of the run say what was used. */
const keysOfFacts: ReadonlySet<string> = new Set(['engine', 'precision', 'eval.select_on']);

/** Each run of a series has its own value. */
const keysOfSeeds: ReadonlySet<string> = new Set(['seed', 'data.subset_seed']);
/** More values of a key are counted, not listed. */
const mostValues = 8;

/**
 * The differences between the runs besides their loss: images, seeds and weights by name, other keys with the values,
 * such as `train.epochs (20, 30)`. Values that each seed draws are compared series by series.
 */
function differencesOf(runs: readonly ReportRun[]): string[] {
  const series = seriesOf(runs);
  const differsBySeries = (of: (run: ReportRun) => string | undefined) =>
    new Set(series.map(own => JSON.stringify([...new Set(own.runs.map(of))]))).size > 1;
  const isOneEach = series.every(own => own.runs.length === 1);
  const drawn: readonly (readonly [name: string, of: (run: ReportRun) => string | undefined])[] = [
    ['training images', ({ record: { splits } }) => splits.train?.index_hash ?? splits.train?.fingerprint],
    ['first stage', ({ record }) => record.first_stage?.weights_sha256],
    ['seeds', ({ record }) => (isOneEach ? undefined : `${record.seeds.run} ${record.seeds.subset}`)],
  ];
  const shared: readonly (readonly [name: string, of: (run: ReportRun) => string | undefined])[] = [
    ['training images', ({ record: { splits } }) => splits.train?.fingerprint],
    ['test images', ({ record: { splits } }) => splits.test?.fingerprint],
    ['initial weights', ({ record }) => record.weights?.sha256],
  ];
  const valued: readonly (readonly [name: string, of: (run: ReportRun) => string])[] = [
    ['choice of the epoch', ({ evaluation }) => evaluation.selected_on ?? 'not recorded'],
    ...processFacts.map(([name, of]) => [name, ({ record }: ReportRun) => factOf(processesOf(record), of)] as const),
  ];
  const withValues = (name: string, values: readonly string[]) => {
    const distinct = [...new Set(values)];
    if (distinct.length < 2) return [];
    return [`${name} (${distinct.length > mostValues ? `${distinct.length} values` : distinct.join(', ')})`];
  };
  const configs = runs.map(({ record }) => identityValues(withoutFolders(configOf(record))));
  const haveFirstStage = runs.every(({ record }) => record.first_stage !== undefined);
  const isTold = (key: string) =>
    !keysOfFacts.has(key) &&
    (isOneEach || !keysOfSeeds.has(key)) &&
    !/^(stages\.representation\.)?loss\./.test(key) &&
    (haveFirstStage || !key.startsWith('stages.')); // beside a run of one stage, “first stage” says it all
  const named = [
    ...drawn.flatMap(([name, of]) => (differsBySeries(of) ? [name] : [])),
    ...shared.flatMap(([name, of]) => (new Set(runs.map(of)).size > 1 ? [name] : [])),
  ];
  return [
    ...new Set(named),
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
