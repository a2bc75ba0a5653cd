/** Labels and checksums of the files of CIFAR: read from the whole files once, remembered until a file changes. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DataError } from '../../errors.js';
import { md5, sha256 } from '../../io/hash.js';
import { cacheFolder } from '../../io/homePath.js';
import { makeFolderBelow } from '../../io/makeFolder.js';
import { readRegularFile } from '../../io/regularFile.js';
import { readSafetensors, writeSafetensors } from '../../io/safetensors.js';
import type { CifarLayout, PixelOptions } from '../sets/definition.js';
import { strongStampOf } from '../verify/fileStamp.js';
import { archiveBeside, type CifarSplit, cifarSplits, type FoundCifar, pathsOf } from './layouts.js';
import { checkCifarFile, pixelBytes, recordPieces } from './records.js';

/** Bytes; the authors' archives have 0.17 GB. */
const largestArchive = 2 ** 30;

export interface CheckedFiles extends Readonly<Record<CifarSplit, CheckedSplit>> {
  /** md5 (hex) of each file by its name; of a binary archive too, where it lies beside the files. */
  readonly md5: Readonly<Record<string, string>>;
}

interface CheckedSplit {
  /** Class of each image. */
  readonly labels: Uint8Array;
  /** sha256 (hex) of the records. */
  readonly fingerprint: string;
}

/**
 * The remembered labels and checksums. Every byte of the files is read at the first call, after a change of a file, and
 * with `anew`. Throws `DataError`.
 */
export function checkedFiles(
  found: FoundCifar,
  { environment, anew = false }: PixelOptions,
): { checked: CheckedFiles; isFirstLook: boolean } {
  const { layout, folder } = found;
  for (const split of cifarSplits)
    for (const path of pathsOf(found, split)) checkCifarFile(path, layout, layout.recordsPerFile[split]);
  const archive = layout.md5 === undefined ? archiveBeside(found) : undefined;
  const paths = [...cifarSplits.flatMap(split => pathsOf(found, split)), ...(archive === undefined ? [] : [archive])];
  const stamps = stampsOf(paths);
  const memory = join(cacheFolder(undefined, environment), 'verified', `${sha256('cifar\n', folder)}.safetensors`);
  const known = anew ? undefined : recall(memory, stamps);
  if (known) return { checked: known, isFirstLook: false };
  const checked = readWhole(found, archive);
  if (stamps !== undefined && stampsOf(paths) === stamps) remember(memory, stamps, checked);
  return { checked, isFirstLook: true };
}

/** The stamps of files as one text; undefined where one has none. */
function stampsOf(paths: readonly string[]): string | undefined {
  const stamps = paths.map(strongStampOf);
  return stamps.includes(undefined) ? undefined : stamps.join('\n');
}

/** Undefined if the remembered file is of other files or damaged. */
function recall(path: string, stamps: string | undefined): CheckedFiles | undefined {
  if (stamps === undefined || !existsSync(path)) return undefined;
  try {
    const { tensors, metadata } = readSafetensors(path);
    if (metadata.stamps !== stamps) return undefined;
    const split = (name: CifarSplit) => ({ labels: tensors[name]!.data as Uint8Array, fingerprint: metadata[name]! });
    return { train: split('train'), test: split('test'), md5: JSON.parse(metadata.md5!) as CheckedFiles['md5'] };
  } catch {
    return undefined;
  }
}

/** If the cache cannot be written, the next start reads the files again: half a second. */
function remember(path: string, stamps: string, { train, test, md5 }: CheckedFiles): void {
  const tensor = ({ labels }: CheckedSplit) => ({ dtype: 'uint8' as const, shape: [labels.length], data: labels });
  const texts = { stamps, train: train.fingerprint, test: test.fingerprint, md5: JSON.stringify(md5) };
  try {
    makeFolderBelow(dirname(dirname(path)), 'verified');
    writeSafetensors(path, { train: tensor(train), test: tensor(test) }, texts);
  } catch {}
}

function readWhole(found: FoundCifar, archive: string | undefined): CheckedFiles {
  const sums: Record<string, string> = {};
  const [train, test] = cifarSplits.map(split => readSplit(found, split, sums));
  if (archive !== undefined) sums[basename(archive)] = md5(readRegularFile(archive, largestArchive));
  return { train: train!, test: test!, md5: sums };
}

/** Adds the md5 of each file to `sums`. */
function readSplit(found: FoundCifar, split: CifarSplit, sums: Record<string, string>): CheckedSplit {
  const { layout } = found;
  const perFile = layout.recordsPerFile[split];
  const record = layout.labels.length + pixelBytes;
  const paths = pathsOf(found, split);
  const labels = new Uint8Array(paths.length * perFile);
  const whole = createHash('sha256');
  paths.forEach((path, file) => {
    const hash = createHash('md5');
    let index = 0;
    for (const piece of recordPieces(path, layout, perFile, bytes => hash.update(bytes))) {
      whole.update(piece);
      for (let at = 0; at < piece.length; at += record, index++) {
        layout.labels.forEach((classes, l) => {
          const label = piece[at + l]!;
          if (label >= classes) throw labelOutOfRange(label, classes, `${path}, record ${index}`, layout);
          labels[file * perFile + index] = label;
        });
      }
    }
    sums[basename(path)] = hash.digest('hex');
  });
  return { labels, fingerprint: whole.digest('hex') };
}

function labelOutOfRange(label: number, classes: number, where: string, { archive }: CifarLayout): DataError {
  return new DataError(`Label ${label} is out of range 0…${classes - 1}.`, {
    where,
    next: `The file is damaged or of another layout: unpack ${archive.name} again.`,
  });
}
