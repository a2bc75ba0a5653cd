/** Tensors on the devices that share a program: one buffer per device, with the whole tensor or a part of the batch. */
import { type HostTensor, type HostTensors, sizeOf, type TensorSpec } from '../../tensor.js';
import type { Address, Client } from './client.js';

/** One buffer for each device. */
export type DeviceTensor = readonly Address[];

export interface DeviceTensors {
  /** Copies a tensor to every device; with `axis` each device gets its part along this axis. */
  upload(tensor: HostTensor, axis?: number): DeviceTensor;
  /** Uploads several tensors. Where one fails, the others are destroyed. */
  uploadAll(tensors: readonly (readonly [tensor: HostTensor, axis: number | undefined])[]): DeviceTensor[];
  /** Values, by name, of tensors that are whole on each device. */
  download(tensors: readonly (readonly [name: string, tensor: DeviceTensor, spec: TensorSpec])[]): Promise<HostTensors>;
  destroy(tensor: DeviceTensor): void;
}

export function deviceTensors(client: Client, devices: number): DeviceTensors {
  const destroy = (tensor: DeviceTensor) => {
    for (const buffer of tensor) client.destroyBuffer(buffer);
  };
  const upload = (tensor: HostTensor, axis?: number): DeviceTensor => {
    const parts = axis === undefined ? Array<HostTensor>(devices).fill(tensor) : partsOf(tensor, axis, devices);
    const buffers: Address[] = [];
    try {
      for (const [device, part] of parts.entries()) buffers.push(client.upload(part, device));
      return buffers;
    } catch (error) {
      destroy(buffers);
      throw error;
    }
  };
  return {
    upload,
    uploadAll: tensors => {
      const made: DeviceTensor[] = [];
      try {
        for (const [tensor, axis] of tensors) made.push(upload(tensor, axis));
        return made;
      } catch (error) {
        for (const tensor of made) destroy(tensor);
        throw error;
      }
    },
    download: async tensors => {
      const values = await client.download(tensors.map(([, [first], spec]) => [first!, spec] as const));
      return Object.fromEntries(tensors.map(([name], i) => [name, values[i]!]));
    },
    destroy,
  };
}

/** Equal parts of a tensor along `axis`, in order. */
function partsOf({ dtype, shape, data }: HostTensor, axis: number, count: number): HostTensor[] {
  const outer = sizeOf(shape.slice(0, axis));
  const size = shape[axis]! / count;
  const partShape = shape.with(axis, size);
  const run = size * sizeOf(shape.slice(axis + 1));
  return Array.from({ length: count }, (_, part) => {
    if (outer === 1) return { dtype, shape: partShape, data: data.subarray(part * run, (part + 1) * run) };
    const values = data.slice(0, outer * run);
    for (let i = 0; i < outer; i++) {
      const start = (i * count + part) * run;
      values.set(data.subarray(start, start + run), i * run);
    }
    return { dtype, shape: partShape, data: values };
  });
}
