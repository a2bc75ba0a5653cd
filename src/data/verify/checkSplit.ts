/**
 * Before the first step: every image of a split is there and decodes, or the reader learns which does not and what to
 * do.
 */
import { DataError } from '../../errors.js';
import { type ImageFiles, subsetOfFiles } from '../files/imageFiles.js';
import type { ImageSplitFiles } from '../files/imageSplits.js';
import { archiveAdvice, missingImages, verifyCommand } from '../files/locateFiles.js';
import type { ImageSplit, PublishedSet } from '../sets/definition.js';
import { inspectImage } from './inspectImage.js';
import { isFault, verdicts } from './verdict.js';
import { verifyImages } from './verifyImages.js';

/** Whoever shows the check to a person, and may end it. */
export interface CheckWatcher {
  onCheck(check: { readonly split: ImageSplit; readonly checked: number; readonly total: number }): void;
  onChecked(): void;
  stopped?(): boolean;
}

/** The check was ended by its watcher; what was found so far is remembered. */
export class CheckStopped extends Error {}

export interface CheckOptions {
  readonly root: string;
  readonly set: PublishedSet | undefined;
  /** Decode the images, not only look for the files. */
  readonly deep: boolean;
  /** Leave bad images out instead of stopping. */
  readonly skips: boolean;
  readonly watcher?: CheckWatcher;
  readonly environment?: NodeJS.ProcessEnv;
}

export interface CheckedSplit {
  readonly files: ImageFiles;
  /** Of `files`, [N, 2]; only where their images were decoded. */
  readonly digests?: Int32Array;
  readonly notes: readonly string[];
}

/**
 * The files of a split that can be read, with notes: on those that were left out, on a cache that cannot be written.
 * Throws `DataError` for missing or bad images, `CheckStopped`.
 */
export async function checkSplit(
  split: ImageSplit,
  opened: ImageSplitFiles,
  options: CheckOptions,
): Promise<CheckedSplit> {
  const { files, located } = opened;
  const { root, set, skips, watcher, environment } = options;
  if (located.missing.length === files.length || (located.missing.length > 0 && !skips)) {
    throw missingImages(split, opened, root, set);
  }
  if (!options.deep) return { files, notes: [] };
  const result = await verifyImages(files, {
    missing: located.missing,
    ...(environment && { environment }),
    onProgress: checked => watcher?.onCheck({ split, checked, total: files.length }),
    stopped: () => watcher?.stopped?.() ?? false,
  }).finally(() => watcher?.onChecked());
  if (!result.finished) throw new CheckStopped();
  const notes = result.note === undefined ? [] : [result.note];
  const bad = indicesWhere(result.verdicts, isFault);
  if (bad.length === 0) return { files, digests: result.digests, notes };
  if (!skips) throw await badImages(split, opened, bad, result.verdicts, options);
  const sound = indicesWhere(result.verdicts, code => !isFault(code));
  requireEveryClass(files, sound, bad);
  const named = Array.from(bad.subarray(0, 5), i => `${files.path(i)} (${verdicts[result.verdicts[i]!]})`);
  const others = bad.length > 5 ? `, and ${bad.length - 5} more` : '';
  return {
    files: subsetOfFiles(files, sound),
    digests: new Int32Array(Array.from(sound).flatMap(i => [...result.digests.subarray(2 * i, 2 * i + 2)])),
    notes: [
      ...notes,
      `${bad.length} of the ${files.length} ${split} images are left out (data.on_bad_image: skip): ` +
        `${named.join(', ')}${others}.`,
    ],
  };
}

function indicesWhere(codes: Uint8Array, wanted: (code: number) => boolean): Int32Array {
  const found: number[] = [];
  codes.forEach((code, i) => {
    if (wanted(code)) found.push(i);
  });
  return Int32Array.from(found);
}

async function badImages(
  split: ImageSplit,
  { files, located }: ImageSplitFiles,
  bad: Int32Array,
  codes: Uint8Array,
  { root, set }: CheckOptions,
): Promise<DataError> {
  const counts = verdicts.flatMap((verdict, code) => {
    const count = bad.reduce((sum, i) => sum + (codes[i] === code ? 1 : 0), 0);
    return count > 0 ? `${count} ${verdict}` : [];
  });
  const first = bad[0]!;
  const { message } = await inspectImage(files.path(first));
  const advice = archiveAdvice(root, located.listFolders[located.table.folderOf[first]!]!, set);
  const verify = `${verifyCommand(root, set)} --deep`;
  const skip = split === 'train' ? ', or train without them: --set data.on_bad_image=skip' : '';
  return new DataError(
    (
      `${bad.length} of the ${files.length} ${split} images cannot be used (${counts.join(', ')}). ` +
      `${message ?? ''}`
    ).trim(),
    {
      where: `the first: ${files.path(first)}`,
      next: `Fetch them again (\`${verify}\` names each one)${skip}. ${set ? advice : ''}`.trim(),
    },
  );
}

function requireEveryClass(files: ImageFiles, sound: Int32Array, bad: Int32Array): void {
  const seen = new Uint8Array(files.classNames.length);
  for (const i of sound) seen[files.labels[i]!] = 1;
  const lost = bad.find(i => seen[files.labels[i]!] === 0);
  if (lost === undefined) return;
  const label = files.labels[lost]!;
  throw new DataError(
    `Without its bad images class ${label} (${files.classNames[label]}) has no training image left.`,
    {
      where: files.path(lost),
      next: 'Fetch these images again; data.on_bad_image: skip cannot do without a whole class.',
    },
  );
}
