/** The commands that messages recommend: those of the cases, and those in the source of messages without a case. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Message } from './catalogue.js';

export interface Recommendation {
  /** Title of the case, or file and line of the source. */
  readonly where: string;
  /** The first line of the error that recommends the command; empty for the source. */
  readonly error: string;
  /** Without `gala`. */
  readonly command: string;
}

/** Commands in backquotes, or from `gala` and the name of a command to the end of the sentence. */
function commandsIn(text: string, names: readonly string[]): string[] {
  const start = `gala (?=(?:${names.join('|')})(?![\\w-]))`;
  const pattern = new RegExp(`\`${start}([^\`]+)\`|(?<![\\w'’/])${start}(.+?\\S)(?=[;.,:)](?:\\s|$)| \\(|\\s*$)`, 'gm');
  return [...text.matchAll(pattern)].map(([, quoted, plain]) => (quoted ?? plain)!.trim());
}

/** What these messages recommend, each command once. */
export function recommendedByMessages(messages: readonly Message[], names: readonly string[]): Recommendation[] {
  const found = new Map<string, Recommendation>();
  for (const { title, text } of messages) {
    const lines = text.split('\n');
    const said = lines.filter(line => !/^(\$|where:|exit:)/.test(line)).join('\n');
    const error = lines.find(line => line.startsWith('error: ')) ?? '';
    for (const command of commandsIn(said, names))
      if (!found.has(command)) found.set(command, { where: title, error, command });
  }
  return [...found.values()];
}

/** What the strings of the source recommend; values that are filled in are VALUE. */
export function recommendedBySource(folder: string, names: readonly string[]): Recommendation[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.ts'));
  return files.flatMap(file =>
    readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .flatMap((line, i) => {
        if (/^\s*(\*|\/\*|\/\/)/.test(line)) return [];
        const strings = line.replaceAll('\\`', '\u0001').match(/'(?:[^'\\]|\\.)*'|"[^"]*"|`[^`]*`|`.*$|^[^`]*`/g) ?? [];
        const texts = strings.map(text =>
          text
            .slice(1, -1)
            .replaceAll('\u0001', '`')
            .replaceAll(/\$\{[^}]*\}/g, 'VALUE'),
        );
        const commands = texts.flatMap(text => commandsIn(text, names));
        return commands.map(command => ({ where: `${file}:${i + 1}`, error: '', command }));
      }),
  );
}
