/** Builds an ONNX graph and writes its model: messages of onnx/onnx.proto (github.com/onnx/onnx). */
import { bytesField, floatField, message, varintField } from '../../io/protobuf.js';
import type { HostTensor } from '../../tensor.js';

/** The operators of ONNX 1.12, which runtimes from 2022 on support. */
export const opset = 17;
const irVersion = 8;

type OnnxType = 'float32' | 'uint8' | 'int32' | 'int64';
/** TensorProto.DataType. */
const dataTypes: Readonly<Record<OnnxType, number>> = { float32: 1, uint8: 2, int32: 6, int64: 7 };

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number };

/** An input or output of the graph. A name in `shape` is an axis of any size. */
interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  /** Adds a node with one output and returns the output's name, by default a new one. */
  node(
    type: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, OnnxAttribute>>,
    name?: string,
  ): string;
  /** Adds a constant, unless the name exists already, and returns its name. */
  constant(name: string, tensor: HostTensor): string;
  /** Adds an int64 vector as a constant and returns its name. */
  integers(values: readonly number[]): string;
  /** A new, unused name. */
  fresh(prefix: string): string;
  /** The bytes of the whole model. */
  model(parts: OnnxModelParts): Buffer;
}

interface OnnxModelParts {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly producerVersion: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export function newOnnxGraph(): OnnxGraph {
  const nodes: Buffer[] = [];
  const constants = new Map<string, Buffer>();
  let count = 0;
  const fresh = (prefix: string) => `${prefix}_${count++}`;
  return {
    fresh,
    node: (type, inputs, attributes = {}, name = fresh(type)) => {
      const fields = [
        ...inputs.map(input => bytesField(1, input)),
        bytesField(2, name),
        bytesField(3, name),
        bytesField(4, type),
        ...Object.entries(attributes).map(([key, value]) => bytesField(5, attributeProto(key, value))),
      ];
      nodes.push(bytesField(1, message(...fields)));
      return name;
    },
    constant: (name, { dtype, shape, data }) => {
      if (!constants.has(name)) {
        const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        constants.set(name, bytesField(5, tensorProto(name, dtype, shape, bytes)));
      }
      return name;
    },
    integers: values => {
      const name = `int64[${values.join()}]`;
      const bytes = new Uint8Array(BigInt64Array.from(values.map(BigInt)).buffer);
      constants.set(name, bytesField(5, tensorProto(name, 'int64', [values.length], bytes)));
      return name;
    },
    model: ({ inputs, outputs, producerVersion, metadata }) =>
      message(
        varintField(1, irVersion),
        bytesField(2, 'gala'),
        bytesField(3, producerVersion),
        bytesField(
          7,
          message(
            ...nodes,
            bytesField(2, 'gala'),
            ...constants.values(),
            ...inputs.map(value => bytesField(11, valueProto(value))),
            ...outputs.map(value => bytesField(12, valueProto(value))),
          ),
        ),
        bytesField(8, message(bytesField(1, ''), varintField(2, opset))),
        ...Object.entries(metadata).map(([key, value]) =>
          bytesField(14, message(bytesField(1, key), bytesField(2, value))),
        ),
      ),
  };
}

/** AttributeProto; field 20 is an AttributeProto.AttributeType. */
function attributeProto(name: string, value: OnnxAttribute): Buffer {
  const named = bytesField(1, name);
  if ('float' in value) return message(named, floatField(2, value.float), varintField(20, 1));
  if ('int' in value) return message(named, varintField(3, value.int), varintField(20, 2));
  return message(named, ...value.ints.map(int => varintField(8, int)), varintField(20, 7));
}

/** TensorProto with raw data, little-endian. */
function tensorProto(name: string, type: OnnxType, shape: readonly number[], bytes: Uint8Array): Buffer {
  const dims = shape.map(size => varintField(1, size));
  return message(...dims, varintField(2, dataTypes[type]), bytesField(8, name), bytesField(9, bytes));
}

/** ValueInfoProto of a tensor. */
function valueProto({ name, type, shape }: OnnxValue): Buffer {
  const dims = shape.map(size => bytesField(1, typeof size === 'string' ? bytesField(2, size) : varintField(1, size)));
  const tensor = message(varintField(1, dataTypes[type]), bytesField(2, message(...dims)));
  return message(bytesField(1, name), bytesField(2, bytesField(1, tensor)));
}
