/** The report of `gala data verify` for a person. */

import { faults, oddities, type Verdict } from '../../data/verify/verdict.js';
import type { ClassReport, SplitReport } from '../../data/verify/verifyReport.js';
import { visibleLine } from '../../io/visibleText.js';
import type { Column } from '../../tables/column.js';
import { formatTable } from '../../tables/format.js';

const classesShown = 20;
const filesShown = 10;

/** A line when all is well; else what was found, the classes it was found in, the first files and what to get. */
export function describeReport(report: SplitReport): string {
  const { split, images, source, found, classes, files, missingFolders, wrongCounts, advice } = report;
  const kinds = [...faults, ...oddities].filter(verdict => found[verdict] !== undefined);
  const well = found.unchecked === undefined ? 'sound' : 'there';
  const rest = (found.sound ?? 0) + (found.unchecked ?? 0);
  const counts = [...(rest > 0 ? [`${rest} ${well}`] : []), ...kinds.map(verdict => `${found[verdict]} ${verdict}`)];
  const lines = [`${split}: ${images} images (${visibleLine(source)}): ${counts.join(', ')}.`];
  if (classes.length > 0) {
    lines.push('', formatTable(classes.slice(0, classesShown), columnsOf(kinds), 'terminal'));
    if (classes.length > classesShown)
      lines.push(`… and ${classes.length - classesShown} more classes (--json has them all).`);
  }
  for (const { candidates: folders } of missingFolders.slice(0, filesShown)) {
    const candidates = folders.map(visibleLine);
    lines.push(candidates.length === 1 ? `No folder ${candidates[0]}` : `Neither ${candidates.join(' nor ')} exists.`);
  }
  if (missingFolders.length > filesShown) lines.push(`… and ${missingFolders.length - filesShown} more folders.`);
  const inFolders = files.filter(
    ({ path }) => !missingFolders.some(({ candidates }) => path.startsWith(`${candidates[0]}/`)),
  );
  for (const { path, verdict } of inFolders.slice(0, filesShown)) lines.push(`${verdict}: ${visibleLine(path)}`);
  if (inFolders.length > filesShown)
    lines.push(`… and ${inFolders.length - filesShown} more files (--json has them all).`);
  for (const { label, name, listed, published } of wrongCounts.slice(0, filesShown)) {
    lines.push(
      `wrong count: class ${label} (${visibleLine(name)}) has ${listed} images in the list, ${published} as published`,
    );
  }
  if (wrongCounts.length > filesShown)
    lines.push(`… and ${wrongCounts.length - filesShown} more classes of another count.`);
  if (advice !== undefined) lines.push(`next: ${advice}`);
  if (lines.length > 1) lines.push('');
  return `${lines.join('\n')}\n`;
}

function columnsOf(kinds: readonly Verdict[]): Column<ClassReport>[] {
  return [
    { key: 'class', title: 'class', kind: 'number', value: row => row.label },
    { key: 'name', title: 'name', kind: 'text', value: row => row.name },
    { key: 'listed', title: 'listed', kind: 'number', value: row => row.listed },
    ...kinds.map(
      (verdict): Column<ClassReport> => ({
        key: verdict,
        title: verdict,
        kind: 'number',
        value: row => row.found[verdict],
      }),
    ),
  ];
}
