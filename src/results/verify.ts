/** Checks all records of a table: the row of each, its faults, and whether its numbers could be counted again. */
import { basename, dirname, join, relative } from 'node:path';
import { configOf } from '../config/identity.js';
import { loadConfig } from '../config/load.js';
import type { Config } from '../config/schema.js';
import { isOfSeed } from '../config/seeds.js';
import { withoutFolders } from '../config/withoutFolders.js';
import { ConfigError, StorageError } from '../errors.js';
import { faultsOf } from './check.js';
import type { ExpectedTable } from './expected.js';
import { differencesFromRow } from './plan.js';
import { filesBelow, listResults, predictionsPath, type ResultRecord, readResult, resultPath } from './record.js';
import { generatedFiles } from './tables.js';
import { truthReader } from './truth.js';

export interface Verification {
  /** Records of a row, also those with faults. */
  recordsOf(row: string): readonly ResultRecord[];
  /** `file: sentence` for everything that is wrong. */
  readonly faults: readonly string[];
  /** Records that were counted again from predictions and labels. */
  readonly recounted: number;
  /** Records whose labels are not here: their numbers were only checked against one another. */
  readonly unlabelled: number;
}

export interface VerificationRequest {
  readonly table: ExpectedTable;
  readonly results: string;
  readonly dataRoot?: string | undefined;
  /** Only these; all when left out. */
  readonly seeds?: readonly number[] | undefined;
  /** Leave out records that belong to no row of the table, and the files made of all records. */
  readonly rowsOnly?: boolean | undefined;
}

/**
 * Checks the records of a table. Throws `ConfigError`, and `DataError` for a data folder that was named and is
 * unusable.
 */
export async function verifyTable(request: VerificationRequest): Promise<Verification> {
  const { table, results, dataRoot, seeds, rowsOnly } = request;
  const rows = table.rows.map(({ row, config }) => ({ row, config: configOfRow(table, config) }));
  const byRow = new Map(rows.map(({ row }) => [row, [] as ResultRecord[]]));
  const truthOf = truthReader(dataRoot);
  const faults: string[] = [];
  let [recounted, unlabelled, unreadable] = [0, 0, 0];
  const paths = listResults(results, table.name);
  for (const path of paths) {
    const fault = (sentence: string) => faults.push(`${relative(process.cwd(), path)}: ${sentence}`);
    try {
      const stored = readResult(path);
      const { record } = stored;
      const row = rows.find(({ config }) => config.name === record.name);
      if ((rowsOnly && !row) || (seeds && !seeds.some(seed => isOfSeed(record, seed)))) continue;
      if (resultPath(results, record) !== path) fault('its name and seeds are not those of the file');
      const differences = row ? differencesFromRow(withoutFolders(row.config), withoutFolders(configOf(record))) : [];
      if (differences.length > 0) fault(`it is not the experiment of row ${row!.row}: ${differences.join(', ')}`);
      if (row && record.test.labels_sha256 !== table.labelsSha256) fault('its test labels are not those of the table');
      const truth = await truthOf(record, row?.config);
      for (const sentence of faultsOf(stored, truth)) fault(sentence);
      if (truth) recounted++;
      else unlabelled++;
      if (row) byRow.get(row.row)!.push(record);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      fault(error.message);
      unreadable++;
    }
  }
  faults.push(...orphans(results, table.name, paths));
  if (unreadable === 0 && !rowsOnly) {
    const stale = generatedFiles(results, table.name).filter(({ isCurrent }) => !isCurrent);
    for (const { path } of stale)
      faults.push(`${relative(process.cwd(), path)}: it is not what the records give; run gala results tables`);
  }
  return { recordsOf: row => byRow.get(row) ?? [], faults, recounted, unlabelled };
}

/** The config of a row, whose records lie in the folder of the table. */
function configOfRow(table: ExpectedTable, nameOrPath: string): Config {
  const { config } = loadConfig(nameOrPath);
  if (dirname(config.name) === table.name) return config;
  throw new ConfigError(`The config ${config.name} cannot be a row of ${table.name}.`, {
    where: nameOrPath,
    next:
      'Records lie in a folder named after the table: give the config a name such as ' +
      `${table.name}/${basename(config.name)}.`,
  });
}

/** Predictions whose record is gone. */
function orphans(results: string, table: string, paths: readonly string[]): string[] {
  const expected = new Set(paths.map(predictionsPath));
  return filesBelow(join(results, table), '.predictions')
    .filter(path => !expected.has(path))
    .map(path => `${relative(process.cwd(), path)}: its record is missing`);
}
