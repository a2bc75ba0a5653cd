/** Text for HTML, and the small pictures of a legend. */
import { visibleText } from '../io/visibleText.js';
import type { LegendEntry, LegendMark } from './figure.js';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for elements and quoted attributes of HTML; control signs, which HTML cannot hold, are made visible. */
export function escapeHtml(text: string): string {
  return visibleText(text).replaceAll(/[&<>"']/g, character => entities[character]!);
}

/** Escaped text that keeps `τ = 1` and `14.8 ± 0.2 %` on one line. */
export function proseHtml(text: string): string {
  return escapeHtml(text)
    .replaceAll('τ = ', 'τ\u00a0=\u00a0')
    .replaceAll(' ± ', '\u00a0±\u00a0')
    .replaceAll(' %', '\u00a0%');
}

const marks: Readonly<Record<LegendMark, string>> = {
  line: '<path d="M0 6H24" stroke="currentColor" stroke-width="2.5"/>',
  dashed: '<path d="M0 6H24" stroke="currentColor" stroke-width="2.5" stroke-dasharray="5 3"/>',
  bar: '<rect x="2" y="1" width="20" height="10" fill="currentColor" fill-opacity=".8"/>',
  faint: '<rect x="2" y="1" width="20" height="10" fill="currentColor" fill-opacity=".4"/>',
  tick: '<path d="M12 0V12" stroke="currentColor" stroke-width="2.5"/>',
  dot: '<circle cx="12" cy="6" r="4.5" fill="currentColor"/>',
  ring: '<circle cx="12" cy="6" r="4.5" fill="none" stroke="currentColor" stroke-width="2"/>',
};

/** A legend as a list; nothing for no entries. */
export function legendHtml(entries: readonly LegendEntry[]): string {
  if (entries.length === 0) return '';
  const items = entries.map(({ label, color, mark }) => {
    const picture = `<svg viewBox="0 0 24 12" aria-hidden="true" style="color:${color}">${marks[mark]}</svg>`;
    return `<li>${picture}${escapeHtml(label)}</li>`;
  });
  return `<ul class="legend">${items.join('')}</ul>`;
}
