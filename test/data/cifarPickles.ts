/** Pickles as Python 2 wrote the files of CIFAR's Python archives (protocol 2; every text a byte string). */

const text = (value: string) => Buffer.concat([Buffer.of(0x55, value.length), Buffer.from(value)]); // SHORT_BINSTRING

/** A dictionary of lists of small numbers or texts, and the array `data` of [count, 3072] bytes when given. */
export function cifarPickle(
  lists: Readonly<Record<string, readonly (number | string)[]>>,
  data?: { readonly count: number; readonly bytes: Uint8Array },
): Buffer {
  let kept = 0;
  const keep = () => Buffer.of(0x71, ++kept & 0xff); // BINPUT
  const parts: Buffer[] = [Buffer.from('\x80\x02}', 'latin1'), keep(), Buffer.from('(')];
  for (const [key, values] of Object.entries(lists)) {
    parts.push(text(key), keep(), Buffer.from(']'), keep(), Buffer.from('('));
    for (const value of values) parts.push(typeof value === 'number' ? Buffer.of(0x4b, value) : text(value));
    parts.push(Buffer.from('e'));
  }
  if (data !== undefined) parts.push(text('data'), keep(), ...array(data));
  parts.push(Buffer.from('u.'));
  return Buffer.concat(parts);
}

function array({ count, bytes }: { readonly count: number; readonly bytes: Uint8Array }): Buffer[] {
  const number = (value: number) => {
    const encoded = Buffer.alloc(5, 'J');
    encoded.writeInt32LE(value, 1);
    return encoded;
  };
  const length = Buffer.alloc(5, 'T'); // BINSTRING
  length.writeInt32LE(bytes.length, 1);
  return [
    Buffer.from('cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01', 'latin1'),
    number(count),
    number(3072),
    Buffer.from('\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN', 'latin1'),
    number(-1),
    number(-1),
    Buffer.from('K\x00tb\x89', 'latin1'),
    length,
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    Buffer.from('tb'),
  ];
}
