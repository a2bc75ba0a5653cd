/** TFRecords: length, its checksum, the bytes, their checksum (tensorflow/core/lib/io/record_writer.h). */

/** CRC-32C (Castagnoli), reflected polynomial 0x82F63B78, a byte at a time. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0x82f63b78 : rest >>> 1;
  return rest;
});

/** CRC-32C of the bytes, unsigned; of `123456789` it is e3069283 (RFC 3720, appendix B.4). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** The bytes of one record in a file: 16 more than `bytes`. */
export function tfRecord(bytes: Uint8Array): Uint8Array {
  const record = Buffer.alloc(bytes.length + 16);
  record.writeBigUInt64LE(BigInt(bytes.length), 0);
  record.writeUInt32LE(masked(crc32c(record.subarray(0, 8))), 8);
  record.set(bytes, 12);
  record.writeUInt32LE(masked(crc32c(bytes)), 12 + bytes.length);
  return record;
}

/** Bytes of the whole records at the beginning of a file; fewer than the file has when a crash cut off the last one. */
export function wholeRecords(file: Buffer): number {
  let end = 0;
  while (end + 12 <= file.length) {
    const next = end + 16 + Number(file.readBigUInt64LE(end));
    if (next > file.length) break;
    end = next;
  }
  return end;
}

/** The format stores checksums rotated and shifted, because a checksum of data that hold checksums is weak. */
function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
