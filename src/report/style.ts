/** The page's style: light and dark by the reader's setting, one column on a phone, no font or image to load. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --background: #ffffff; --text: #1c2128; --soft: #59636e; --line: #d1d9e0; --shade: #f6f8fa; --caution: #9a6700;
  --run-0: #1f6feb; --run-1: #d9480f; --run-2: #12805c; --run-3: #a23fb5;
  --run-4: #9a6b00; --run-5: #0b7f95; --run-6: #c2255c; --run-7: #6b7280;
  --many: #1f6feb; --medium: #9a6b00; --few: #c2255c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --background: #12161c; --text: #e2e7ed; --soft: #9aa5b1; --line: #38414c; --shade: #1a2028; --caution: #e3b341;
    --run-0: #6cb0ff; --run-1: #ff9a5c; --run-2: #4ccf9f; --run-3: #dc9cf0;
    --run-4: #e0b83f; --run-5: #4fc9de; --run-6: #ff8fb3; --run-7: #aab4c0;
    --many: #6cb0ff; --medium: #e0b83f; --few: #ff8fb3;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 24px 20px 64px; max-width: 960px; background: var(--background); color: var(--text);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
}
h1 { font-size: 1.6rem; margin: 0 0 4px; }
h2 { font-size: 1.2rem; margin: 0 0 4px; }
h3 { font-size: 0.9rem; font-weight: 600; margin: 4px 0; }
body { overflow-wrap: anywhere; }
p { margin: 0 0 8px; }
a { color: inherit; }
nav { margin: 12px 0 28px; font-size: 0.9rem; }
nav a { display: inline-block; margin: 0 14px 4px 0; }
figure, section { margin: 0 0 44px; }
.soft { color: var(--soft); font-size: 0.9rem; }
.cautions {
  margin: 16px 0 0; padding: 10px 14px 10px 30px; border-left: 4px solid var(--caution); background: var(--shade);
  font-size: 0.9rem;
}
.cautions li { margin: 2px 0; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; margin: 0 0 8px; }
th, td { padding: 4px 10px 4px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
td { font-variant-numeric: tabular-nums; }
.facts th { color: var(--soft); font-weight: 400; width: 11.5em; }
.facts ul { margin: 0; padding: 0; list-style: none; }
.facts b { font-weight: 600; margin-right: 6px; }
summary { cursor: pointer; color: var(--soft); }
#answer .facts { margin-bottom: 22px; }
#answer .facts th, #answer .facts td { border: 0; padding: 1px 10px 1px 0; }
#answer .facts th { width: 6em; }
.scores {
  margin-bottom: 10px; border-top: 2px solid var(--text); border-bottom: 2px solid var(--text);
}
.scores thead th { font-weight: 600; border-bottom: 1px solid var(--text); }
.scores tbody th[scope=row], .scores thead th { white-space: nowrap; }
.scores tbody th { font-weight: 400; }
.scores tbody th[rowspan] { font-weight: 600; min-width: 9em; max-width: 20em; }
.scores td, .scores thead th:nth-child(n+3) { text-align: right; white-space: nowrap; padding: 4px 0 4px 8px; }
.scores tbody tr:first-child th, .scores tbody tr:first-child td { border-bottom: 0; padding-bottom: 1px; }
.scores tbody tr:last-child th, .scores tbody tr:last-child td { padding-top: 1px; }
.scores tbody tr:first-child th[rowspan] { border-bottom: 1px solid var(--line); }
.scores tbody:last-child > tr > * { border-bottom: 0 !important; }
.scores small { display: block; color: var(--soft); font-size: 0.78rem; font-weight: 400; line-height: 1.25; }
.scores.compact small { display: inline; margin-left: 8px; }
.scores .std { color: var(--soft); font-size: 0.8rem; }
.swatch { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 7px; }
.legend {
  display: flex; flex-wrap: wrap; gap: 2px 16px; margin: 8px 0 0; padding: 0; list-style: none; font-size: 0.88rem;
}
.legend svg { width: 24px; height: 12px; margin-right: 6px; vertical-align: -1px; }
/* A heading of two lines must not push its plot below its neighbours'; those of the classes differ in height. */
.panels { display: grid; gap: 8px 20px; margin-top: 10px; align-items: end; }
#classes .panels { align-items: start; }
.columns-2 { grid-template-columns: repeat(2, minmax(0, 1fr)); }
.columns-3, .columns-small { grid-template-columns: repeat(3, minmax(0, 1fr)); }
.plot { display: block; max-width: 100%; height: auto; --plot-background: var(--background); }
.plot text { white-space: pre; }
.phone { display: none; }
@media (max-width: 979px) {
  .panels { grid-template-columns: repeat(auto-fill, minmax(min(350px, 100%), 1fr)); }
  .columns-small { grid-template-columns: repeat(auto-fill, minmax(292px, 1fr)); }
  .wide { display: none; }
  .phone { display: block; }
  .scores, .scores tbody, .scores tbody th[rowspan] { display: block; max-width: none; }
  .scores thead { display: none; }
  .scores tbody { border-bottom: 1px solid var(--line); padding: 6px 0; }
  .scores tbody:last-child { border: 0; }
  .scores tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(76px, 1fr)); gap: 0 6px; }
  .scores tbody th, .scores tbody tr:first-child th[rowspan] { grid-column: 1 / -1; border: 0; padding: 2px 0 0; }
  .scores td { text-align: left; padding: 0 0 4px; border: 0; white-space: normal; }
  .scores td::before { content: attr(data-column); display: block; color: var(--soft); font-size: 0.8rem; }
  .scores.compact small { display: inline; margin-left: 8px; }
  .scores .std { display: block; }
}
@media (max-width: 640px) {
  body { padding: 16px 16px 48px; }
  .facts, .facts tbody, .facts tr, .facts th, .facts td { display: block; width: auto; }
  .facts th, #answer .facts th { padding: 6px 0 0; border: 0; width: auto; }
  .facts td { padding: 0 0 6px; }
}
@media print { nav { display: none; } figure { break-inside: avoid; } }
`;
