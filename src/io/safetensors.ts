/**
 * Reads and writes safetensors files (https://github.com/huggingface/safetensors): 8 bytes with the length of the
 * header, the header in JSON, and the elements of the tensors, little-endian. The reader is strict: a damaged file is
 * an error.
 */
import { createHash } from 'node:crypto';
import { StorageError } from '../errors.js';
import { type DType, type HostTensor, type HostTensors, sizeOf } from '../tensor.js';
import { writeFileAtomic, writeFileKeeping } from './atomicFile.js';
import { bytesPerElement, decodeElements, type ElementType } from './elements.js';
import { FormatFault, readFormat } from './faults.js';
import { sha256, updateHash } from './hash.js';
import { type OpenedFile, withOpenedFile } from './regularFile.js';
import { parseHeader, type SafetensorsHeader, type TensorEntry } from './safetensorsHeader.js';

export interface Safetensors {
  readonly tensors: HostTensors;
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether the file has gala's checksum, which then matches. Files of other programs have none. */
  readonly isVerified: boolean;
}

/**
 * The metadata key of gala's checksum: the sha256 of everything before the data, with zeros in place of this checksum,
 * and the sha256 of the data. The reader verifies and removes it. Older files have only the sha256 of the data, under
 * the older key.
 */
const checksumKey = 'gala.checksum';
const olderChecksumKey = 'gala.sha256';
const checksumPattern = /^sha256 header ([0-9a-f]{64}) data ([0-9a-f]{64})$/;
const zeros = '0'.repeat(64);
const largestHeader = 100_000_000;
const names: Readonly<Record<DType, string>> = { float32: 'F32', int32: 'I32', uint8: 'U8' };

/**
 * Reads all tensors of a file, with the types of `decodeElements`. Throws `StorageError` with the path for a missing,
 * malformed, truncated or damaged file.
 */
export function readSafetensors(path: string): Safetensors {
  const next = 'Restore the file from a copy, or write it again with the command that made it.';
  return readFormat('safetensors', path, next, () => withOpenedFile(path, readOpened));
}

/**
 * Writes tensors and metadata atomically, with a checksum. Tensors are sorted by name, but uint8 tensors come last,
 * because PyTorch needs tensors that are aligned to their type. Keeps the old file as `previous` where that is given.
 * Throws `StorageError`.
 */
export function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, HostTensor>>,
  metadata: Readonly<Record<string, string>> = {},
  { previous }: { readonly previous?: string | undefined } = {},
): void {
  const ordered = Object.entries(tensors).sort(
    ([a, tensorA], [b, tensorB]) =>
      Number(tensorA.dtype === 'uint8') - Number(tensorB.dtype === 'uint8') || (a < b ? -1 : 1),
  );
  const chunks: Uint8Array[] = [];
  const entries: [string, object][] = [];
  let offset = 0;
  for (const [name, tensor] of ordered) {
    const { data } = tensor;
    if (name === '__metadata__' || data.length !== sizeOf(tensor.shape) || !(data instanceof arrayOf(tensor.dtype))) {
      throw new StorageError(
        `Tensor ${JSON.stringify(name)} cannot be stored: its ${data.constructor.name} of ${data.length} ` +
          `elements is not ${tensor.dtype} [${tensor.shape}].`,
        { where: path, next: 'This is a fault in gala; please report it with the command line.' },
      );
    }
    chunks.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    const end = offset + data.byteLength;
    entries.push([name, { dtype: names[tensor.dtype], shape: tensor.shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const header = Object.fromEntries([
    ['__metadata__', { ...metadata, [checksumKey]: `sha256 header ${zeros} data ${sha256(...chunks)}` }],
    ...entries,
  ]) as object;
  const json = Buffer.from(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const start = Buffer.alloc(8 + length, ' ');
  start.writeBigUInt64LE(BigInt(length));
  json.copy(start, 8);
  start.write(sha256(start), checksumPosition(start), 'latin1');
  if (previous === undefined) writeFileAtomic(path, start, ...chunks);
  else writeFileKeeping(path, previous, start, ...chunks);
}

/**
 * Where the digits of the header's checksum begin. Elsewhere in the header, JSON escapes the quotes of this pattern.
 */
function checksumPosition(start: Buffer): number {
  const pattern = `"${checksumKey}":"sha256 header `;
  return start.indexOf(pattern, 0, 'latin1') + pattern.length;
}

function readOpened(file: OpenedFile): Safetensors {
  const { size } = file;
  if (size < 8) throw new FormatFault(`it has ${size} bytes, fewer than the 8 of the header length`);
  const announced = file.read(0, 8).readBigUInt64LE();
  if (announced > largestHeader || announced > size - 8) {
    throw new FormatFault(
      `its header of ${announced} bytes does not fit (file: ${size} bytes, limit: ${largestHeader})`,
    );
  }
  const dataStart = 8 + Number(announced);
  const start = file.read(0, dataStart);
  const { entries, metadata } = decodeHeader(start.subarray(8));
  const dataChecksum = checkHeader(start, metadata);
  const inOrder = checkLayout(entries, size - dataStart);

  const hash = createHash('sha256');
  const tensors = new Map<string, HostTensor>();
  for (const entry of inOrder) {
    const bytes = file.read(dataStart + entry.begin, entry.end - entry.begin);
    updateHash(hash, bytes);
    const what = `tensor ${JSON.stringify(entry.name)}`;
    const { dtype, data } = decodeElements(what, entry.dtype as ElementType, bytes);
    tensors.set(entry.name, { dtype, shape: entry.shape, data });
  }
  if (dataChecksum !== undefined && dataChecksum !== hash.digest('hex')) {
    throw new FormatFault('its data do not match the sha256 stored with them, so bytes changed after it was written');
  }
  return {
    tensors: Object.fromEntries([...tensors].sort(([a], [b]) => (a < b ? -1 : 1))),
    metadata: Object.fromEntries([...metadata].filter(([key]) => key !== checksumKey && key !== olderChecksumKey)),
    isVerified: dataChecksum !== undefined,
  };
}

/** Verifies everything before the data. Returns the checksum of the data; undefined for a file of another program. */
function checkHeader(start: Buffer, metadata: ReadonlyMap<string, string>): string | undefined {
  const checksum = metadata.get(checksumKey);
  if (checksum === undefined) return metadata.get(olderChecksumKey);
  const [, header, data] = checksumPattern.exec(checksum) ?? [];
  const hashed = Buffer.from(start);
  hashed.write(zeros, checksumPosition(start), 'latin1');
  if (header === undefined || sha256(hashed) !== header) {
    throw new FormatFault('its header does not match the sha256 stored in it, so bytes changed after it was written');
  }
  return data;
}

function decodeHeader(bytes: Uint8Array): SafetensorsHeader {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new FormatFault('its header is not UTF-8');
  }
  return parseHeader(text);
}

/** The entries by offset. Each must have the size of its shape, and together they must fill the data part exactly. */
function checkLayout(entries: readonly TensorEntry[], dataBytes: number): TensorEntry[] {
  const inOrder = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let filled = 0;
  for (const { name, dtype, shape, begin, end } of inOrder) {
    const quoted = JSON.stringify(name);
    const width = bytesPerElement.get(dtype);
    if (width === undefined) {
      throw new FormatFault(
        `tensor ${quoted} has dtype ${JSON.stringify(dtype)}; gala reads ${[...bytesPerElement.keys()].join(', ')}`,
      );
    }
    if (begin !== filled) {
      throw new FormatFault(`tensor ${quoted} begins at byte ${begin} of the data, not at ${filled}: overlap or gap`);
    }
    // A product beyond 2^53 is inexact, but larger than any file, so the comparison is still correct.
    if (end - begin !== sizeOf(shape) * width) {
      throw new FormatFault(`tensor ${quoted} has ${end - begin} bytes, which is not ${dtype} [${shape}]`);
    }
    if (end > dataBytes)
      throw new FormatFault(`tensor ${quoted} ends at byte ${end}, but the data have only ${dataBytes}`);
    filled = end;
  }
  if (filled !== dataBytes) throw new FormatFault(`${dataBytes - filled} bytes at its end belong to no tensor`);
  return inOrder;
}

function arrayOf(dtype: DType) {
  return dtype === 'float32' ? Float32Array : dtype === 'int32' ? Int32Array : Uint8Array;
}
