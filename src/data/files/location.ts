/** Where the bytes of one image lie: small plain data that is sent to worker threads with each batch. */

export interface ImageLocation {
  /** An image file, or a shard of a packed set. */
  readonly path: string;
  /** Only in a shard. */
  readonly packed?: PackedPlace;
}

/** A decoded image inside a shard. */
export interface PackedPlace {
  /** First byte. */
  readonly offset: number;
  readonly height: number;
  readonly width: number;
  /** CRC-32 of the bytes. */
  readonly checksum: number;
}
