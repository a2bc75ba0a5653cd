/** The table of all config keys, for docs/configs.md and `gala config keys`. */
import { Help } from 'commander';
import { ConfigError } from '../errors.js';
import { describeKeys, type KeyDescription } from './keys.js';

/** Markdown rows `| key | value | default | what it does |`, in the order of the schema. */
export function keyTable(): string {
  const rows = describeKeys().map(entry => {
    const { key, choice, expected, description } = entry;
    const value = defaultText(entry, text => `\`${text}\``);
    const only = choice === undefined ? '' : `(${choice}) `;
    return `| \`${key}\` | ${expected} | ${value} | ${only}${description} |`;
  });
  return ['| key | value | default | what it does |', '|---|---|---|---|', ...rows].join('\n');
}

/**
 * The keys of the section `word`, or with `word` in name or meaning, or all keys, as blocks of lines of at most `width`
 * columns. Throws `ConfigError` where no key matches.
 */
export function keyListing(word: string | undefined, width = 100): string {
  const chosen = keysWith(word);
  const wrap = (text: string) => new Help().boxWrap(text, Math.max(40, width) - 4).replace(/^/gm, '    ');
  return chosen
    .map(entry => {
      const { key, choice, expected, description } = entry;
      const only = choice === undefined ? '' : ` (of ${choice})`;
      const value = defaultText(entry, text => text);
      const default_ = value === '–' ? '' : value === 'required' ? '; required' : `; default ${value}`;
      return `${key}${only}\n${wrap(`${expected}${default_}`)}\n${wrap(description)}`;
    })
    .join('\n\n');
}

function keysWith(word: string | undefined): readonly KeyDescription[] {
  const all = describeKeys();
  if (word === undefined) return all;
  const named = all.filter(({ key }) => key === word || key.startsWith(`${word}.`));
  if (named.length > 0) return named;
  const sought = word.toLowerCase();
  const found = all.filter(({ key, description }) => `${key} ${description}`.toLowerCase().includes(sought));
  if (found.length > 0) return found;
  const sections = [...new Set(all.map(({ key }) => key.split('.')[0]))].join(', ');
  throw new ConfigError(`No key has ${JSON.stringify(word)} in its name or meaning.`, {
    where: 'gala config keys',
    next: `\`gala config keys\` prints all keys; the sections are ${sections}.`,
  });
}

function defaultText({ default: value, required }: KeyDescription, quote: (text: string) => string): string {
  if (value === undefined) return required ? 'required' : '–';
  return quote(JSON.stringify(value).replaceAll('"', ''));
}
