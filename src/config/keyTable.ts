/** The table of all config keys, for docs/configs.md. */
import { describeKeys } from './keys.js';

/** Markdown rows `| key | value | default | what it does |`, in the order of the schema. */
export function keyTable(): string {
  const rows = describeKeys().map(({ key, choice, expected, description, required, defaultText }) => {
    const value = defaultText === undefined ? (required ? 'required' : '–') : `\`${defaultText}\``;
    const only = choice === undefined ? '' : `(${choice}) `;
    return `| \`${key}\` | ${expected} | ${value} | ${only}${description} |`;
  });
  return ['| key | value | default | what it does |', '|---|---|---|---|', ...rows].join('\n');
}
