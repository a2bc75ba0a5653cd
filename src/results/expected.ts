/** `configs/expected.yaml`: for each table its rows (which config is which row) and what is claimed of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { configsFolder } from '../config/locate.js';
import { experimentName } from '../config/schema.js';
import { ConfigError } from '../errors.js';
import { type MetricKey, metricKeys } from '../eval/scores.js';
import { reasonOf } from '../io/faults.js';

/** A metric of plain or of re-balanced predictions, of the reported checkpoint. */
export type ClaimMetric = MetricKey | `${MetricKey}_rebalanced`;

const claimMetrics: ClaimMetric[] = [...metricKeys, ...metricKeys.map(key => `${key}_rebalanced` as const)];

const claimSchema = z.strictObject({
  row: z.string(),
  /** `_rebalanced` is at the config's τ. */
  metric: z.enum(claimMetrics),
  /** Percent. */
  value: z.number().min(0).max(100),
  source: z.string(),
  /** Standard deviation between seeds, percentage points. */
  std: z.number().min(0),
});

const tableSchema = z.strictObject({
  labels_sha256: z
    .string()
    .describe('sha256 of the test labels, one byte each (two, little-endian, of more than 256 classes)'),
  rows: z.record(z.string(), z.string()),
  claims: z.array(claimSchema),
});

export type Claim = z.output<typeof claimSchema>;

export interface ExpectedTable {
  readonly name: string;
  readonly labelsSha256: string;
  /** In the order in which they are run. */
  readonly rows: readonly { readonly row: string; readonly config: string }[];
  readonly claims: readonly Claim[];
}

/** The file that comes with gala. */
const expectedFile = join(configsFolder, 'expected.yaml');

/** A table of the file, with `rows` only when they are given. Throws `ConfigError`. */
export function readExpected(name: string, path = expectedFile, rows?: readonly string[]): ExpectedTable {
  const tables = readTables(path);
  const table = Object.hasOwn(tables, name) ? tables[name] : undefined;
  if (table === undefined) {
    throw new ConfigError(`There is no table ${JSON.stringify(name)}.`, {
      where: path,
      next: `Give one of ${Object.keys(tables).join(', ')}.`,
    });
  }
  const known = Object.keys(table.rows);
  const unknown = [...(rows ?? []), ...table.claims.map(({ row }) => row)].find(row => !known.includes(row));
  if (unknown !== undefined) {
    throw new ConfigError(`The table ${name} has no row ${JSON.stringify(unknown)}.`, {
      where: path,
      next: `Its rows are ${known.join(', ')}.`,
    });
  }
  const chosen = known.filter(row => rows === undefined || rows.includes(row));
  return {
    name,
    labelsSha256: table.labels_sha256,
    rows: chosen.map(row => ({ row, config: table.rows[row]! })),
    claims: table.claims.filter(({ row }) => chosen.includes(row)),
  };
}

/** Names of all tables of the file. Throws `ConfigError`. */
export function expectedTables(path = expectedFile): string[] {
  return Object.keys(readTables(path));
}

function readTables(path: string): Record<string, z.output<typeof tableSchema>> {
  try {
    return z.record(experimentName, tableSchema).parse(parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const fault = reasonOf(error);
    throw new ConfigError(`The expected values are not usable: ${fault}`, {
      where: path,
      next: 'See docs/reproduce.md for what the file holds.',
      cause: error,
    });
  }
}
