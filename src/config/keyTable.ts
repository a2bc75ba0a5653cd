/** The table of all config keys, for docs/configs.md and `gala config keys`. */
import { describeKeys } from './keys.js';

/** Markdown rows `| key | value | default | what it does |`, in the order of the schema. */
export function keyTable(): string {
  const rows = describeKeys().map(({ key, choice, expected, description, required, default: value }) => {
    const shown =
      value === undefined ? (required ? 'required' : '–') : `\`${JSON.stringify(value).replaceAll('"', '')}\``;
    const only = choice === undefined ? '' : `(${choice}) `;
    return `| \`${key}\` | ${expected} | ${shown} | ${only}${description} |`;
  });
  return ['| key | value | default | what it does |', '|---|---|---|---|', ...rows].join('\n');
}
