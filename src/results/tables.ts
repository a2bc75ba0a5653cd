/**
 * What is generated from the records: `results/<table>.csv`, and the table between two markers of README.md beside
 * `results`.
 */
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { metricKeys } from '../eval/scores.js';
import { writeFileAtomic } from '../io/atomicFile.js';
import { largestText, readRegularText } from '../io/regularFile.js';
import { factOf, type ProcessFact, processesOf } from '../run/processes.js';
import { type Column, twoDecimals } from '../tables/column.js';
import { formatTable } from '../tables/format.js';
import { predictionsCell, tauChoiceCell } from '../tables/scoreColumns.js';
import { type Claim, type ClaimMetric, expectedTables, readExpected } from './expected.js';
import { groupColumns } from './groupColumns.js';
import { groupResults, type ResultGroup } from './groups.js';
import { listResults, type ResultRecord, readResult, type Score } from './record.js';

interface Line {
  readonly record: ResultRecord;
  readonly score: Omit<Score, 'checkpoint' | 'correct'> & { readonly checkpoint: string };
}

const text = <Row>(key: string, value: (row: Row) => string | number | undefined): Column<Row> => ({
  key,
  title: key,
  kind: 'text',
  value,
});

/** A fact of the run's processes; both values where a resume changed it: `bf16 then fp32`. */
const fact = (key: string, of: ProcessFact) => text<Line>(key, ({ record }) => factOf(processesOf(record), of));

/** One line per score: percent with two decimals, and the facts that tell two runs apart. */
const csvColumns: readonly Column<Line>[] = [
  text('config', ({ record }) => record.name),
  text('seed', ({ record }) => record.seeds.run),
  text('subset_seed', ({ record }) => record.seeds.subset),
  text('subset_hash', ({ record }) => record.train.index_hash),
  text('checkpoint', ({ score }) => score.checkpoint),
  text('epoch', ({ score }) => score.epoch),
  text('selected_on', ({ score }) => score.selected_on),
  text('predictions', ({ score }) => predictionsCell(score)),
  text('tau', ({ score }) => score.tau),
  text('tau_selected_on', ({ score }) => tauChoiceCell(score)),
  ...metricKeys.map(key => text<Line>(key, ({ score }) => twoDecimals(score[key]))),
  fact('engine', ({ engine }) => `${engine.engine} ${engine.version}`),
  fact('precision', ({ engine }) => engine.precision),
  fact('threads', ({ engine }) => String(engine.threads)),
  fact('cpu', ({ host }) => host.cpu),
  text('training_hours', ({ record }) => record.training_hours),
  fact('gala', ({ versions }) => versions.gala),
  text('commit', ({ record }) =>
    processesOf(record).some(({ git }) => git) ? factOf(processesOf(record), ({ git }) => git?.commit ?? 'none') : '',
  ),
];

interface Row extends ResultGroup {
  readonly claims: readonly Claim[];
}

const claimColumn = (key: string, metric: ClaimMetric): Column<Row> => ({
  key,
  title: 'claimed',
  kind: 'number',
  value: ({ claims }) => claims.find(claim => claim.metric === metric)?.value.toFixed(1),
});

const readmeColumns: readonly Column<Row>[] = [
  groupColumns.config,
  groupColumns.runs,
  groupColumns.selectedOn,
  groupColumns.top1,
  claimColumn('claim', 'top1'),
  groupColumns.groups,
  groupColumns.rebalanced,
  claimColumn('claim_rebalanced', 'top1_rebalanced'),
  groupColumns.rebalancedBest,
  groupColumns.oracle,
  groupColumns.equalMasses,
  groupColumns.last,
  groupColumns.precision,
  groupColumns.hours,
];

/** Text of `results/<table>.csv`. */
export function resultsCsv(records: readonly ResultRecord[]): string {
  const lines = records.flatMap(record => linesOf(record).map(score => ({ record, score })));
  return `${formatTable(lines, csvColumns, 'csv')}\n`;
}

/**
 * The scores, and the metrics of the epoch that re-balanced accuracy would have selected, which has no checkpoint.
 */
function linesOf({ scores, rebalanced_best: best }: ResultRecord): Line['score'][] {
  return best ? [...scores, { ...best, checkpoint: 'none kept', tau_selected_on: 'config' }] : scores;
}

/**
 * The table of README.md: a line per experiment with the mean ± standard deviation over its runs and the claims.
 */
export function resultsMarkdown(
  records: readonly ResultRecord[],
  claimsOf: (config: string) => readonly Claim[] = () => [],
): string {
  if (records.length === 0) return 'No run is recorded yet.';
  const rows = groupResults(records).map(group => ({ ...group, claims: claimsOf(group.name) }));
  return formatTable(rows, readmeColumns, 'md');
}

export interface GeneratedFile {
  readonly path: string;
  readonly content: string;
  readonly isCurrent: boolean;
}

/** The content that the generated files of a table should have, and whether they have it. No CSV without records. */
export function generatedFiles(results: string, table: string): GeneratedFile[] {
  const records = listResults(results, table).map(path => readResult(path).record);
  const files: GeneratedFile[] = [];
  const add = (path: string, content: string) =>
    files.push({ path, content, isCurrent: existsSync(path) && readRegularText(path, largestText) === content });
  if (records.length > 0) add(join(results, `${table}.csv`), resultsCsv(records));
  const readme = join(dirname(resolve(results)), 'README.md');
  // Only the folder `results` belongs to the README beside it: `--results mine` must not rewrite the README.
  const page = basename(results) === 'results' && existsSync(readme) ? readRegularText(readme, largestText) : '';
  const [before, after] = [`<!-- results:${table} (made by gala results tables) -->`, `<!-- /results:${table} -->`];
  const [start, end] = [page.indexOf(before), page.indexOf(after)];
  if (start !== -1 && end > start) {
    const results = resultsMarkdown(records, claimsOfConfigs(table));
    add(readme, `${page.slice(0, start + before.length)}\n\n${results}\n\n${page.slice(end)}`);
  }
  return files;
}

/** Writes the generated files that are not current and returns their paths. Throws `StorageError`. */
export function writeGeneratedFiles(results: string, table: string): string[] {
  const stale = generatedFiles(results, table).filter(({ isCurrent }) => !isCurrent);
  for (const { path, content } of stale) writeFileAtomic(path, content);
  return stale.map(({ path }) => path);
}

/** What configs/expected.yaml claims of a config; nothing for a table that is not in it. */
function claimsOfConfigs(table: string): (config: string) => readonly Claim[] {
  if (!expectedTables().includes(table)) return () => [];
  const { rows, claims } = readExpected(table);
  return config => claims.filter(claim => rows.some(({ row, config: name }) => row === claim.row && name === config));
}
