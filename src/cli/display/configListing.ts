/** The text of `gala config list`. */
import type { NamedConfig } from '../../config/locate.js';

type Listed = Pick<NamedConfig, 'name' | 'summary'>;

const byNumber = new Intl.Collator('en', { numeric: true });

/**
 * The configs in groups by dataset, which is the folder of their names. A group has a heading, the words with which all
 * its summaries begin, and a line for each config: its name and the rest of its summary.
 */
export function configListing(configs: readonly Listed[]): string {
  const datasets = new Set(configs.map(datasetOf));
  return [...datasets].map(dataset => group(configs.filter(config => datasetOf(config) === dataset))).join('\n');
}

function group(configs: readonly Listed[]): string {
  const heading = commonBeginning(configs.map(({ summary }) => summary));
  const width = Math.max(...configs.map(({ name }) => name.length));
  const lines = [...configs]
    .sort((a, b) => byNumber.compare(a.name, b.name))
    .map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary.slice(heading.length)}`);
  return `${[heading.replace(/, $/, ''), ...lines].join('\n')}\n`;
}

/** What all texts begin with, up to the last comma and blank that they share. */
function commonBeginning(texts: readonly string[]): string {
  const [first = '', ...others] = texts;
  let end = 0;
  while (end < first.length && others.every(text => text[end] === first[end])) end++;
  return first.slice(0, first.slice(0, end).lastIndexOf(', ') + 2);
}

function datasetOf({ name }: Listed): string {
  return name.slice(0, name.lastIndexOf('/'));
}
