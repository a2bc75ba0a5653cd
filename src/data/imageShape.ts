/** Height, width and channels of an image, and the bytes that it takes. */
export interface ImageShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** Bytes of one uint8 image. */
export function imageBytes({ height, width, channels }: ImageShape): number {
  return height * width * channels;
}
