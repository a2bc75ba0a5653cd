/** What `gala data verify` found in a split, by class. */

import type { ImageSplitFiles } from '../files/imageSplits.js';
import { archiveAdvice } from '../files/locateFiles.js';
import { publishedClassCounts } from '../lists/officialLists.js';
import type { ImageSplit, PublishedSet } from '../sets/definition.js';
import { codeOf, faults, isFault, oddities, type Verdict, verdicts } from './verdict.js';

export interface ClassReport {
  readonly label: number;
  readonly name: string;
  readonly listed: number;
  /** Number of its images with each verdict other than sound. */
  readonly found: Readonly<Partial<Record<Verdict, number>>>;
}

export interface SplitReport {
  readonly split: ImageSplit;
  /** The list, or the folder in place of one. */
  readonly source: string;
  readonly images: number;
  /** Images of each verdict; `unchecked` where they were only looked for. */
  readonly found: Readonly<Partial<Record<Verdict, number>>>;
  /** Classes with anything but sound images. */
  readonly classes: readonly ClassReport[];
  /** Every image that is not sound. */
  readonly files: readonly { readonly path: string; readonly label: number; readonly verdict: Verdict }[];
  /** Folders of which no candidate exists. */
  readonly missingFolders: readonly { readonly folder: string; readonly candidates: readonly string[] }[];
  /** Classes of which the list has another number of images than published. */
  readonly wrongCounts: readonly {
    readonly label: number;
    readonly name: string;
    readonly listed: number;
    readonly published: number;
  }[];
  /** What to get, where something is missing or bad. */
  readonly advice: string | undefined;
}

/** Makes the report of a split from its verdicts, one code a file. */
export function reportSplit(
  split: ImageSplit,
  { files, located, source }: ImageSplitFiles,
  codes: Uint8Array,
  root: string,
  set: PublishedSet | undefined,
): SplitReport {
  const classes = files.classNames.length;
  const table = new Int32Array(classes * verdicts.length);
  const listed = new Int32Array(classes);
  const bad: { path: string; label: number; verdict: Verdict }[] = [];
  let firstFault = -1;
  codes.forEach((code, i) => {
    const label = files.labels[i]!;
    const verdict = verdicts[code]!;
    listed[label]!++;
    table[label * verdicts.length + code]!++;
    if (firstFault === -1 && isFault(code)) firstFault = i;
    if (isFault(code) || oddities.includes(verdict)) bad.push({ path: files.path(i), label, verdict });
  });
  const foundIn = (labels: readonly number[]) => {
    const entries = verdicts.flatMap((verdict, code): [Verdict, number][] => {
      const count = labels.reduce((sum, label) => sum + table[label * verdicts.length + code]!, 0);
      return count > 0 ? [[verdict, count]] : [];
    });
    return Object.fromEntries(entries) as Partial<Record<Verdict, number>>;
  };
  const labels = files.classNames.map((_, label) => label);
  const adviceOn = (fault: number) => {
    if (set !== undefined || codes[fault] === codeOf('missing'))
      return archiveAdvice(root, located.listFolders[located.table.folderOf[fault]!]!, set);
    return `Fetch them again${split === 'train' ? ', or train without them: --set data.on_bad_image=skip' : ''}.`;
  };
  return {
    split,
    source,
    images: files.length,
    found: foundIn(labels),
    classes: labels.flatMap(label => {
      const { sound: _, unchecked: __, ...found } = foundIn([label]);
      const name = files.classNames[label]!;
      return Object.keys(found).length > 0 ? [{ label, name, listed: listed[label]!, found }] : [];
    }),
    files: bad,
    missingFolders: located.missingFolders,
    wrongCounts: split === 'train' && set !== undefined ? wrongCounts(set, listed, files.classNames) : [],
    advice: firstFault === -1 ? undefined : adviceOn(firstFault),
  };
}

/** Whether something is missing or bad; odd images are not. */
export function isFaulty({ found }: SplitReport): boolean {
  return faults.some(verdict => found[verdict] !== undefined);
}

/** Codes of a split that was only looked for. */
export function codesOfMissing(length: number, missing: Int32Array): Uint8Array {
  const codes = new Uint8Array(length).fill(codeOf('unchecked'));
  for (const i of missing) codes[i] = codeOf('missing');
  return codes;
}

function wrongCounts(set: PublishedSet, listed: Int32Array, classNames: readonly string[]): SplitReport['wrongCounts'] {
  const published = publishedClassCounts(set);
  return Array.from(published).flatMap((count, label) =>
    listed[label] === count
      ? []
      : [{ label, name: classNames[label] ?? `class ${label}`, listed: listed[label] ?? 0, published: count }],
  );
}
