/** The table of all config keys, for docs/configs.md. */
import { defaultText, describeKeys } from './keys.js';

/** Markdown rows `| key | value | default | what it does |`, in the order of the schema. */
export function keyTable(): string {
  const rows = describeKeys().map(entry => {
    const { key, choice, expected, description, required } = entry;
    const standard = defaultText(entry);
    const value = standard === undefined ? (required ? 'required' : '–') : `\`${standard}\``;
    const only = choice === undefined ? '' : `(${choice}) `;
    return `| \`${key}\` | ${expected} | ${value} | ${only}${description} |`;
  });
  return ['| key | value | default | what it does |', '|---|---|---|---|', ...rows].join('\n');
}
