/**
 * Parses the JSON header of a safetensors file. Unlike `JSON.parse`, this parser finds repeated names, has no recursion
 * that could exhaust the stack, and allocates memory only in proportion to the header.
 */
import { FormatFault } from './faults.js';

/** The place of a tensor: `begin` and `end` are bytes from the start of the data part. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly entries: readonly TensorEntry[];
  readonly metadata: ReadonlyMap<string, string>;
}

const largestRank = 32;
/** Networks have some thousand tensors. Each tensor takes memory, also an empty one. */
const mostTensors = 2 ** 16;

/** Parses the header text. Throws `FormatFault`. */
export function parseHeader(text: string): SafetensorsHeader {
  const reader = jsonReader(text);
  const entries: TensorEntry[] = [];
  let metadata = new Map<string, string>();
  const seen = new Set<string>();
  reader.object(name => {
    if (seen.has(name)) throw new FormatFault(`the name ${JSON.stringify(name)} appears twice in the header`);
    seen.add(name);
    if (name === '__metadata__') metadata = readMetadata(reader);
    else if (entries.length === mostTensors) throw new FormatFault(`it has more than ${mostTensors} tensors`);
    else entries.push(readEntry(reader, name));
  });
  reader.end();
  return { entries, metadata };
}

function readMetadata(reader: JsonReader): Map<string, string> {
  const metadata = new Map<string, string>();
  reader.object(key => {
    if (metadata.has(key)) throw new FormatFault(`the metadata key ${JSON.stringify(key)} appears twice`);
    metadata.set(key, reader.string());
  });
  return metadata;
}

function readEntry(reader: JsonReader, name: string): TensorEntry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  const quoted = JSON.stringify(name);
  reader.object(key => {
    if (key === 'dtype' && dtype === undefined) dtype = reader.string();
    else if (key === 'shape' && shape === undefined) shape = reader.wholeNumbers(largestRank);
    else if (key === 'data_offsets' && offsets === undefined) offsets = reader.wholeNumbers(2);
    else throw new FormatFault(`tensor ${quoted} has an unknown or repeated field ${JSON.stringify(key)}`);
  });
  if (dtype === undefined || shape === undefined || offsets?.length !== 2) {
    throw new FormatFault(`tensor ${quoted} lacks its dtype, shape or two data_offsets`);
  }
  return { name, dtype, shape, begin: offsets[0]!, end: offsets[1]! };
}

interface JsonReader {
  /** Reads `{"key": …}`; `value` must read the value of each key. */
  object(value: (key: string) => void): void;
  string(): string;
  /** Reads an array of at most `most` whole numbers that a double holds exactly. */
  wholeNumbers(most: number): number[];
  /** Throws where anything but white space follows. */
  end(): void;
}

function jsonReader(text: string): JsonReader {
  let at = 0;
  const skipSpace = () => {
    while (at < text.length && ' \t\r\n'.includes(text[at]!)) at++;
  };
  const peek = () => {
    skipSpace();
    return text[at];
  };
  const fault = (wanted: string) =>
    new FormatFault(
      `the header has ${at < text.length ? JSON.stringify(text[at]) : 'its end'} at character ${at} where ` +
        `${wanted} is due`,
    );
  const take = (character: string) => {
    if (peek() !== character) throw fault(`"${character}"`);
    at++;
  };
  const string = () => {
    take('"');
    const start = at - 1;
    while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    if (at >= text.length) throw fault('the end of a string');
    at++;
    try {
      return JSON.parse(text.slice(start, at)) as string;
    } catch {
      at = start;
      throw fault('a valid string');
    }
  };
  const wholeNumber = () => {
    skipSpace();
    const start = at;
    while (at < text.length && text[at]! >= '0' && text[at]! <= '9') at++;
    const digits = text.slice(start, Math.min(at, start + 17));
    const value = Number(digits);
    if (at === start || (digits.length > 1 && digits[0] === '0') || !Number.isSafeInteger(value)) {
      at = start;
      throw fault('a whole number below 2^53');
    }
    return value;
  };
  /** Comma-separated items up to `close`. */
  const items = (close: string, item: () => void) => {
    if (peek() === close) {
      at++;
      return;
    }
    for (;;) {
      item();
      if (peek() === close) {
        at++;
        return;
      }
      take(',');
    }
  };
  return {
    string,
    object(value) {
      take('{');
      items('}', () => {
        const key = string();
        take(':');
        value(key);
      });
    },
    wholeNumbers(most) {
      const numbers: number[] = [];
      take('[');
      items(']', () => {
        if (numbers.length === most) throw fault(`an array of at most ${most} numbers`);
        numbers.push(wholeNumber());
      });
      return numbers;
    },
    end() {
      if (peek() !== undefined) throw fault('the end of the header');
    },
  };
}
