/** What Pillow and torchvision made of the photographs in ../shared/golden/images. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../../src/io/hash.js';
import { sharedPath } from '../../shared.js';

const goldenImages = sharedPath('golden', 'images');
export const skipped = goldenImages === undefined && 'needs ../shared/golden/images';

export interface GoldenOutput {
  readonly image: string;
  readonly output: string;
  readonly shape: readonly [height: number, width: number, channels: number];
  readonly offset: number | null;
  readonly sha256: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

export const golden = (name: string) => join(goldenImages!, name);
export const goldenJson = <T>(name: string): T => JSON.parse(readFileSync(golden(name), 'utf8')) as T;

/** Outputs of transforms.json by kind. */
export function outputs(...kinds: readonly string[]): GoldenOutput[] {
  if (goldenImages === undefined) return [];
  const { records } = goldenJson<{ records: GoldenOutput[] }>('transforms.json');
  return records.filter(({ output }) => kinds.some(kind => output === kind || output.startsWith(`${kind}_`)));
}

/** The bytes of an output whose `offset` is a number. */
export function bytesOf({ shape, offset }: Pick<GoldenOutput, 'shape' | 'offset'>, file = 'transforms.u8'): Uint8Array {
  const [height, width, channels] = shape;
  return readFileSync(golden(file)).subarray(offset!, offset! + height * width * channels);
}

/** Whether `pixels` are the bytes of a golden output; says how far they are apart where its bytes are kept. */
export function differenceFrom(pixels: Uint8Array, output: GoldenOutput, file?: string): string {
  if (sha256(pixels) === output.sha256) return 'none';
  if (output.offset === null) return 'other bytes';
  const expected = bytesOf(output, file);
  let count = 0;
  let largest = 0;
  pixels.forEach((value, i) => {
    const gap = Math.abs(value - expected[i]!);
    if (gap > 0) count++;
    if (gap > largest) largest = gap;
  });
  return `${pixels.length} of ${expected.length} bytes, ${count} differ, by up to ${largest}`;
}
