/** The report: one HTML file with everything in it. It loads nothing and runs no script. */
import { describeVersions } from '../run/host.js';
import { cautionsOf } from './cautions.js';
import type { Figure, Panel } from './figure.js';
import { runColor } from './figure.js';
import { escapeHtml, legendHtml } from './markup.js';
import { classBarsFigure } from './plots/classBars.js';
import { confusionsFigure } from './plots/confusions.js';
import { curvesFigure } from './plots/curves.js';
import { frequencyFigure } from './plots/frequency.js';
import { gradientRatioFigure } from './plots/gradientRatio.js';
import { groupsFigure } from './plots/groups.js';
import { massFigure } from './plots/mass.js';
import { reliabilityFigure } from './plots/reliability.js';
import { tauSweepFigure } from './plots/tauSweep.js';
import type { ReportRun } from './reportRun.js';
import { runTableRows } from './runTable.js';
import { pageStyle } from './style.js';
import { panelWidths } from './svg.js';

/** Nothing may be fetched and no script may run, whoever opens the file and wherever it lies. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
const noGradients =
  'Not drawn: the ratio of positive to received negative gradient per class. No run of this report has a gradients.jsonl.';
const noCurves = 'Not drawn: loss and top-1 over training. No run of this report trained for an epoch.';

/** The page of one run, or of several compared; the first one's class frequencies order the classes. */
export function reportHtml(runs: readonly ReportRun[]): string {
  const curves = curvesFigure(runs);
  const gradients = gradientRatioFigure(runs);
  const figures = [
    groupsFigure(runs),
    ...(curves ? [curves] : []),
    frequencyFigure(runs),
    ...(gradients ? [gradients] : []),
    massFigure(runs),
    tauSweepFigure(runs),
    reliabilityFigure(runs),
    confusionsFigure(runs),
    classBarsFigure(runs),
  ];
  const title = runs.length === 1 ? runs[0]!.record.name : `${runs.length} runs compared`;
  const links = figures.map(({ id, title }) => `<a href="#${id}">${escapeHtml(title)}</a>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)} · gala report</title>
<style>${pageStyle}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p class="soft">Made by gala ${escapeHtml(describeVersions().gala)} from the run folder${runs.length === 1 ? '' : 's'}; every number on this page follows from what is stored there.</p>
<nav>${links.join('\n')}</nav>
<main>
${runsSection(runs)}
${figures.map(figureHtml).join('\n')}
${curves ? '' : `<p class="soft" id="curves">${noCurves}</p>`}
${gradients ? '' : `<p class="soft" id="gradients">${noGradients}</p>`}
</main>
</body>
</html>
`;
}

function runsSection(runs: readonly ReportRun[]): string {
  const several = runs.length > 1;
  const heads = runs.map(
    ({ label }, index) => `<th scope="col" style="color:${runColor(index)}">${escapeHtml(label)}</th>`,
  );
  const rows = runTableRows(runs).map(({ title, cells }) => {
    const same = several && cells.every(cell => cell === cells[0]);
    const values = same
      ? [`<td colspan="${runs.length}" data-run="all">${escapeHtml(cells[0]!)}</td>`]
      : cells.map((cell, index) => `<td data-run="${escapeHtml(runs[index]!.label)}">${escapeHtml(cell)}</td>`);
    return `<tr><th scope="row">${escapeHtml(title)}</th>${values.join('')}</tr>`;
  });
  const cautions = cautionsOf(runs).map(caution => `<li>${escapeHtml(caution)}</li>`);
  return `<section id="runs">
<h2>${several ? 'The runs' : 'The run'}</h2>
<table${several ? ' class="several"' : ''}>
${several ? `<thead><tr><td></td>${heads.join('')}</tr></thead>` : ''}
<tbody>
${rows.join('\n')}
</tbody>
</table>
${cautions.length === 0 ? '' : `<ul class="cautions">${cautions.join('')}</ul>`}
</section>`;
}

function figureHtml({ id, title, sentence, legend, panels, columns }: Figure): string {
  return `<figure id="${id}">
<h2>${escapeHtml(title)}</h2>
<figcaption>${escapeHtml(sentence)}</figcaption>
${legendHtml(legend)}
<div class="panels columns-${columns}">
${panels.map(panel => panelHtml(panel, panelWidths[columns])).join('\n')}
</div>
</figure>`;
}

/** Drawn twice: text that shrinks with the picture cannot be read on a phone. */
function panelHtml({ heading, draw }: Panel, width: number): string {
  const head = heading === undefined ? '' : `<h3>${escapeHtml(heading)}</h3>`;
  return `<div>${head}<div class="wide">${draw(width)}</div><div class="phone">${draw(panelWidths.phone)}</div></div>`;
}
