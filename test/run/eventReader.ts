/** Reads event files for tests, by another way than they are written: checksums bit by bit, messages field by field. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

interface ScalarPoint {
  readonly step: number;
  readonly seconds: number;
  readonly value: number;
}

export interface Events {
  readonly version: string;
  /** Steps of the session starts. */
  readonly starts: readonly number[];
  /** By tag, in the order of the file; a session start cancels the steps from its own on, as in TensorBoard. */
  readonly scalars: ReadonlyMap<string, readonly ScalarPoint[]>;
}

/** The event files of a run folder. */
export function eventFiles(folder: string): string[] {
  return readdirSync(folder)
    .filter(name => name.includes('tfevents'))
    .sort()
    .map(name => join(folder, name));
}

/** Asserts that every record is whole and its checksums are right. */
export function readEvents(path: string): Events {
  const file = readFileSync(path);
  let version = '';
  const starts: number[] = [];
  const scalars = new Map<string, ScalarPoint[]>();
  for (let offset = 0; offset < file.length; ) {
    const length = Number(file.readBigUInt64LE(offset));
    const content = file.subarray(offset + 12, offset + 12 + length);
    assert.equal(file.readUInt32LE(offset + 8), maskedCrc(file.subarray(offset, offset + 8)), `length at ${offset}`);
    assert.equal(file.readUInt32LE(offset + 12 + length), maskedCrc(content), `record at ${offset}`);
    offset += length + 16;

    const event = fieldsOf(content);
    const seconds = (event.get(1)![0] as Buffer).readDoubleLE();
    const step = (event.get(2)?.[0] as number | undefined) ?? 0;
    if (event.has(3)) version = String(event.get(3)![0]);
    if (event.has(7) && fieldsOf(event.get(7)![0] as Buffer).get(1)?.[0] === 1) {
      starts.push(step);
      for (const [tag, points] of scalars)
        scalars.set(
          tag,
          points.filter(point => point.step < step),
        );
    }
    for (const summary of event.get(5) ?? []) {
      for (const value of fieldsOf(summary as Buffer).get(1) ?? []) {
        const scalar = fieldsOf(value as Buffer);
        const tag = String(scalar.get(1)![0]);
        const points = scalars.get(tag) ?? [];
        points.push({ step, seconds, value: (scalar.get(2)![0] as Buffer).readFloatLE() });
        scalars.set(tag, points);
      }
    }
  }
  return { version, starts, scalars };
}

/** Field number → values: numbers for varints, bytes for everything else. */
function fieldsOf(message: Buffer): Map<number, (number | Buffer)[]> {
  const fields = new Map<number, (number | Buffer)[]>();
  let offset = 0;
  const varint = () => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[offset++]!;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  const bytes = (length: number) => {
    offset += length;
    assert.ok(offset <= message.length, 'a field goes past the end of its message');
    return message.subarray(offset - length, offset);
  };
  while (offset < message.length) {
    const key = varint();
    const type = key % 8;
    const value = type === 0 ? varint() : bytes(type === 1 ? 8 : type === 5 ? 4 : varint());
    fields.set(Math.floor(key / 8), [...(fields.get(Math.floor(key / 8)) ?? []), value]);
  }
  return fields;
}

/** CRC-32C by division of polynomials, then TFRecord's rotation by 15 bits and its constant. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc % 2n === 1n ? (crc / 2n) ^ 0x82f63b78n : crc / 2n;
  }
  crc ^= 0xffffffffn;
  return Number((((crc / 2n ** 15n + crc * 2n ** 17n) % 2n ** 32n) + 0xa282ead8n) % 2n ** 32n);
}
