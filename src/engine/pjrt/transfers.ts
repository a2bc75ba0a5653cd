/** Copies between host memory and the devices of a PJRT client. No copy blocks the main thread. */
import { type DType, type HostTensor, sizeOf, type TensorSpec } from '../../tensor.js';
import { hostTensor } from '../hostTensor.js';
import { type Address, newBlock, type Pjrt } from './cApi.js';

/** PJRT_Buffer_Type. */
const bufferTypes: Readonly<Record<DType, number>> = { int32: 4, uint8: 6, float32: 11 };
const elementBytes: Readonly<Record<DType, number>> = { int32: 4, uint8: 1, float32: 4 };
/** PJRT_HostBufferSemantics: the host does not change the data until the event of the copy. */
const unchangedUntilCopied = 1;
/** Number of copies to the host at a time: each one needs memory for its tensor. */
const downloadsAtATime = 32;

export interface Transfers {
  /**
   * A buffer for a copy of the tensor on a device, by default the first. Returns before the copy is complete; runs on
   * the buffer wait for the copy.
   */
  upload(tensor: HostTensor, device?: number): Address;
  /** Copies the values of buffers to the host, several at a time. */
  download(buffers: readonly (readonly [buffer: Address, spec: TensorSpec])[]): Promise<HostTensor[]>;
  /** Resolves when all copies to devices are complete. */
  uploadsDone(): Promise<unknown>;
}

export function transfersOf(api: Pjrt, client: Address, devices: readonly { readonly address: Address }[]): Transfers {
  const uploads = new Set<Promise<void>>();

  const startDownload = async (buffer: Address, spec: TensorSpec): Promise<HostTensor> => {
    const bytes = sizeOf(spec.shape) * elementBytes[spec.dtype];
    const block = newBlock(bytes);
    try {
      const [, , , , event] = api.call('toHostBuffer', [buffer, 0, block.address, bytes, 0], 'return a tensor');
      await settled(api, event, 'return a tensor');
      return hostTensor(spec, block.bytes.slice(0, bytes).buffer as ArrayBuffer);
    } finally {
      block.free();
    }
  };

  return {
    upload: ({ data, dtype, shape }, index = 0) => {
      const dataBytes = Math.ceil(data.byteLength / 8) * 8;
      const block = newBlock(dataBytes + 8 * shape.length);
      block.bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      for (const [axis, size] of shape.entries()) block.words[dataBytes / 8 + axis] = BigInt(size);
      const sizes = block.address + BigInt(dataBytes);
      const ofData = [client, block.address, bufferTypes[dtype], sizes, shape.length, 0, 0, unchangedUntilCopied];
      let words: bigint[];
      try {
        words = api.call('bufferFromHost', [...ofData, devices[index]!.address, 0, 0, 0, 0], 'take a tensor');
      } catch (error) {
        block.free();
        throw error;
      }
      // Where the copy fails, the plugin reports the error to the runs on the buffer.
      const upload = settled(api, words[11], 'take a tensor')
        .catch(() => undefined)
        .then(() => {
          block.free();
          uploads.delete(upload);
        });
      uploads.add(upload);
      return words[12]!;
    },
    download: async buffers => {
      const tensors: HostTensor[] = [];
      for (let first = 0; first < buffers.length; first += downloadsAtATime) {
        const some = buffers.slice(first, first + downloadsAtATime);
        const ends = await Promise.allSettled(some.map(([buffer, spec]) => startDownload(buffer, spec)));
        for (const end of ends) {
          if (end.status === 'rejected') throw end.reason;
          tensors.push(end.value);
        }
      }
      return tensors;
    },
    uploadsDone: () => Promise.all(uploads),
  };
}

/**
 * Waits for an event of the plugin, on another thread unless it has come already, and destroys the event. Throws
 * `EngineError` with the error of the work that the event stands for.
 */
export async function settled(api: Pjrt, event: Address | undefined, what: string): Promise<void> {
  if (!event) return;
  try {
    const [, isReady] = api.call('eventIsReady', [event, 0], what);
    if (isReady! & 1n) api.call('eventAwait', [event], what);
    else await api.callAsync('eventAwait', [event], what);
  } finally {
    api.call('eventDestroy', [event], 'destroy an event');
  }
}
