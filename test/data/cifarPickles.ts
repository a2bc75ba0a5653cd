/** Pickles of CIFAR's Python archives as Python 2 wrote them, and as Python 3 writes them again. */

/** Who wrote it: Python 2 (every text a byte string), or Python 3 with one of these protocols. */
export type Writer = 'python 2' | 2 | 3 | 5;

const bytes = (text: string) => Buffer.from(text, 'latin1');
const long = (value: number) => {
  const encoded = Buffer.alloc(4);
  encoded.writeInt32LE(value);
  return encoded;
};
const unicode = (value: string) => {
  const encoded = Buffer.from(value);
  return Buffer.concat([Buffer.from('X'), long(encoded.length), encoded]); // BINUNICODE
};
// SHORT_BINSTRING
const byteString = (value: string) => Buffer.concat([Buffer.of(0x55, value.length), Buffer.from(value)]);

/** A dictionary of lists of small numbers or texts, and the array `data` of [count, 3072] bytes when given. */
export function cifarPickle(
  lists: Readonly<Record<string, readonly (number | string)[]>>,
  data?: { readonly count: number; readonly bytes: Uint8Array },
  writer: Writer = 'python 2',
): Buffer {
  const text = writer === 'python 2' ? byteString : unicode;
  let kept = 0;
  const keep = () => Buffer.of(0x71, ++kept & 0xff); // BINPUT
  const parts: Buffer[] = [
    Buffer.of(0x80, writer === 'python 2' ? 2 : writer),
    Buffer.from('}'),
    keep(),
    Buffer.from('('),
  ];
  for (const [key, values] of Object.entries(lists)) {
    parts.push(text(key), keep(), Buffer.from(']'), keep(), Buffer.from('('));
    for (const value of values) parts.push(typeof value === 'number' ? Buffer.of(0x4b, value) : text(value));
    parts.push(Buffer.from('e'));
  }
  if (data !== undefined) parts.push(text('data'), keep(), ...arrays[writer](data.count, data.bytes));
  parts.push(Buffer.from('u.'));
  return Buffer.concat(parts);
}

const shapeOf = (count: number) => [bytes('J'), long(count), bytes('J'), long(3072), bytes('\x86')];
/** The type of bytes, with the state that NumPy gives it. */
const typeOf = (text: (value: string) => Buffer) => [
  bytes('cnumpy\ndtype\n'),
  text('u1'),
  bytes('K\x00K\x01\x87R(K\x03'),
  text('|'),
  bytes('NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb'),
];
/** An empty array, then its state: version, shape, type, order and content. */
const reconstructed = (
  module: string,
  text: (value: string) => Buffer,
  letter: Buffer,
  content: Buffer,
  count: number,
) => [
  bytes(`c${module}.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85`),
  letter,
  bytes('\x87R(K\x01'),
  ...shapeOf(count),
  ...typeOf(text),
  bytes('\x89'),
  content,
  bytes('tb'),
];
/** Protocol 2 of Python 3 has no bytes: it calls for the Latin-1 encoding of a text. */
const encoded = (content: Uint8Array) =>
  Buffer.concat([
    bytes('c_codecs\nencode\n'),
    unicode(Buffer.from(content).toString('latin1')),
    unicode('latin1'),
    bytes('\x86R'),
  ]);

const arrays: Record<Writer, (count: number, content: Uint8Array) => Buffer[]> = {
  'python 2': (count, content) => {
    const whole = Buffer.concat([bytes('T'), long(content.length), content]); // BINSTRING
    return reconstructed('numpy.core', byteString, byteString('b'), whole, count);
  },
  2: (count, content) => reconstructed('numpy.core', unicode, encoded(bytes('b')), encoded(content), count),
  3: (count, content) => {
    const whole = Buffer.concat([bytes('B'), long(content.length), content]); // BINBYTES
    return reconstructed('numpy._core', unicode, bytes('C\x01b'), whole, count);
  },
  5: (count, content) => {
    const whole = Buffer.concat([bytes('\x96'), long(content.length), long(0), content]); // BYTEARRAY8
    const from = [unicode('numpy._core.numeric'), unicode('_frombuffer'), bytes('\x93(')];
    return [...from, whole, ...typeOf(unicode), ...shapeOf(count), unicode('C'), bytes('tR')];
  },
};
