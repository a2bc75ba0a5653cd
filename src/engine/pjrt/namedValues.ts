/** Options for a plugin, by name: an array of PJRT_NamedValue in native memory. */
import { type Address, newBlock } from './cApi.js';

/** A flag, a fraction, a list of whole numbers, or a text. */
export type Option = boolean | { readonly float: number } | readonly number[] | string;

const wordsEach = 7;
const types = { text: 0, integers: 2, float: 3, flag: 4 } as const;

/** The array and its length; `free` frees the array. */
export function namedValues(options: Readonly<Record<string, Option>>): {
  address: Address;
  count: number;
  free(): void;
} {
  const entries = Object.entries(options).map(([name, option]) => ({ name: Buffer.from(name), ...encoded(option) }));
  const dataBytes = entries.reduce((sum, { name, data }) => sum + aligned(name.length) + aligned(data.length), 0);
  const block = newBlock(8 * wordsEach * entries.length + dataBytes);
  let free = 8 * wordsEach * entries.length;
  const put = (bytes: Uint8Array): bigint => {
    const address = block.address + BigInt(free);
    block.bytes.set(bytes, free);
    free += aligned(bytes.length);
    return address;
  };
  for (const [i, { name, type, data, count, inPlace }] of entries.entries()) {
    const value = inPlace
      ? new BigUint64Array(Uint8Array.from({ length: 8 }, (_, b) => data[b] ?? 0).buffer)[0]!
      : put(data);
    block.words.set(
      [BigInt(8 * wordsEach), 0n, put(name), BigInt(name.length), BigInt(type), value, BigInt(count)],
      wordsEach * i,
    );
  }
  return { address: block.address, count: entries.length, free: block.free };
}

function encoded(option: Option): { type: number; data: Uint8Array; count: number; inPlace: boolean } {
  if (typeof option === 'boolean')
    return { type: types.flag, data: Uint8Array.of(option ? 1 : 0), count: 1, inPlace: true };
  if (typeof option === 'string')
    return { type: types.text, data: Buffer.from(option), count: Buffer.byteLength(option), inPlace: false };
  if ('float' in option) {
    const data = new Uint8Array(Float32Array.of(option.float).buffer);
    return { type: types.float, data, count: 1, inPlace: true };
  }
  const data = new Uint8Array(BigInt64Array.from(option, BigInt).buffer);
  return { type: types.integers, data, count: option.length, inPlace: false };
}

const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;
