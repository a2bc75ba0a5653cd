/** The report: one HTML file with everything in it. It loads nothing and runs no script. */
import { configOf } from '../config/identity.js';
import { describeConfig } from '../config/namedConfig.js';
import { describeVersions } from '../run/host.js';
import { cautionsOf } from './cautions.js';
import type { Figure, Panel } from './figure.js';
import { escapeHtml, legendHtml, proseHtml } from './markup.js';
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
import { type Fact, provenanceFacts, subjectFacts } from './runTable.js';
import { scoreTableHtml } from './scoreTable.js';
import { type Series, seriesOf } from './series.js';
import { mostColors } from './seriesLabels.js';
import { pageStyle } from './style.js';
import { panelWidths } from './svg.js';
import { ownedValues } from './whose.js';

/** Nothing may be fetched and no script may run, whoever opens the file and wherever it lies. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
/** Most lines of a fact at the top of the page; the table at the end of the page has all. */
const mostTopLines = 3;
/** Most lines of a fact that are shown without a click. */
const mostOpenLines = 8;
/** Series that the title names; more are counted. */
const mostNamed = 3;
/** Most series with a panel each: a page of more would be too long to read. */
const mostPanels = 60;

/** The page of one run or of several; the class frequencies of the first run order the classes. */
export function reportHtml(runs: readonly ReportRun[]): string {
  const all = seriesOf(runs);
  const { figures, notes } = figuresOf(all);
  const title = titleOf(all);
  const links = [...figures, { id: 'runs', title: provenanceTitle(runs) }].map(
    ({ id, title }) => `<a href="#${id}">${escapeHtml(title)}</a>`,
  );
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
<main>
${answerSection(runs, all)}
<nav aria-label="Sections">${links.join('\n')}</nav>
${figures.map(figureHtml).join('\n')}
${notes.map(([id, text]) => `<p class="soft" id="${id}">${escapeHtml(text)}</p>`).join('\n')}
${provenanceSection(runs)}
</main>
</body>
</html>
`;
}

/** The figures for this number of series; `notes` name those that are not drawn, with the anchor of the figure. */
function figuresOf(all: readonly Series[]): { figures: Figure[]; notes: (readonly [id: string, text: string])[] } {
  const shown = all.slice(0, mostPanels);
  const curves = curvesFigure(shown);
  const gradients = gradientRatioFigure(shown);
  const isMany = all.length > mostColors;
  const figures = [
    groupsFigure(shown),
    ...(curves ? [curves] : []),
    frequencyFigure(shown),
    ...(gradients ? [gradients] : []),
    ...(isMany
      ? []
      : [massFigure(all), tauSweepFigure(all), reliabilityFigure(all), confusionsFigure(all), classBarsFigure(all)]),
  ];
  const notes: (readonly [string, string])[] = [];
  if (!curves)
    notes.push(['curves', 'Not drawn: loss and top-1 over training. No run of this report trained for an epoch.']);
  if (!gradients) {
    const what = 'the ratio of positive to received negative gradient per class';
    notes.push(['gradients', `Not drawn: ${what}. No run of this report has a gradients.jsonl.`]);
  }
  if (isMany) {
    const what = 'predicted mass, τ of re-balancing, reliability, worst confusions and accuracy per class';
    notes.push(['mass', `Not drawn: ${what}. Reports of at most ${mostColors} configs have them.`]);
  }
  if (all.length > mostPanels)
    notes.push(['rest', `The figures are of the first ${mostPanels} of ${all.length} configs; the table has all.`]);
  return { figures, notes };
}

function titleOf(all: readonly Series[]): string {
  const runs = all.flatMap(series => series.runs);
  const [only] = runs.map(({ record }) => describeConfig(configOf(record)));
  if (all.length === 1) return runs.length === 1 ? only! : `${only}, ${runs.length} runs`;
  const names = [...new Set(runs.map(({ record }) => record.name))];
  if (names.length > 1 && all.length <= mostNamed)
    return `${all.map(({ label }) => label).join(all.length === 2 ? ' and ' : ', ')} compared`;
  const what = all.length === runs.length ? `${runs.length} runs` : `${all.length} configs, ${runs.length} runs`;
  return names.length === 1 ? `${names[0]}: ${what} compared` : `${what} compared`;
}

function provenanceTitle(runs: readonly ReportRun[]): string {
  return runs.length === 1 ? 'The run' : 'The runs';
}

function answerSection(runs: readonly ReportRun[], all: readonly Series[]): string {
  const facts = subjectFacts.map(fact => factHtml(fact, runs, mostTopLines));
  const cautions = cautionsOf(runs).map(caution => `<li>${escapeHtml(caution)}</li>`);
  return `<section id="answer">
<table class="facts"><tbody>
${facts.join('\n')}
</tbody></table>
${scoreTableHtml(all)}
${cautions.length === 0 ? '' : `<ul class="cautions">${cautions.join('')}</ul>`}
</section>`;
}

function provenanceSection(runs: readonly ReportRun[]): string {
  const gala = escapeHtml(describeVersions().gala);
  return `<section id="runs">
<h2>${provenanceTitle(runs)}</h2>
<p class="soft">Made by gala ${gala}; every number on this page follows from what is stored in the run ${
    runs.length === 1 ? 'folder' : 'folders'
  }.</p>
<table class="facts"><tbody>
${provenanceFacts(runs)
  .map(fact => factHtml(fact, runs))
  .join('\n')}
</tbody></table>
</section>`;
}

/** A row: the value that all runs share, or each value with its runs; a link to the table for more than `most`. */
function factHtml({ title, cellOf }: Fact, runs: readonly ReportRun[], most = Infinity): string {
  const values = ownedValues(runs, cellOf);
  const items = values.map(({ value, owners }) => {
    const text = escapeHtml(value);
    return owners === undefined ? text : `<li><b>${escapeHtml(owners)}:</b> ${text}</li>`;
  });
  const list = `<ul>${items.join('')}</ul>`;
  const folded = `<details><summary>${values.length} values</summary>${list}</details>`;
  const cell =
    values.length > most
      ? '<a href="#runs">differs between the runs</a>'
      : values.length === 1
        ? items[0]!
        : values.length > mostOpenLines
          ? folded
          : list;
  return `<tr><th scope="row">${escapeHtml(title)}</th><td>${cell}</td></tr>`;
}

function figureHtml({ id, title, sentence, legend, panels, columns }: Figure): string {
  return `<figure id="${id}">
<figcaption><h2>${escapeHtml(title)}</h2><p class="soft">${proseHtml(sentence)}</p></figcaption>
${legendHtml(legend)}
<div class="panels columns-${columns}">
${panels.map(panel => panelHtml(panel, columns)).join('\n')}
</div>
</figure>`;
}

/** Drawn twice, because text that shrinks with the picture is too small on a phone; small multiples fit both. */
function panelHtml({ heading, draw }: Panel, columns: Figure['columns']): string {
  const head = heading === undefined ? '' : `<h3>${proseHtml(heading)}</h3>`;
  if (columns === 'small') return `<div>${head}${draw(panelWidths.small)}</div>`;
  const wide = `<div class="wide">${draw(panelWidths[columns])}</div>`;
  return `<div>${head}${wide}<div class="phone">${draw(panelWidths.phone)}</div></div>`;
}
