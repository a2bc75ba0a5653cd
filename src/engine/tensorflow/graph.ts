/** Builds a TF_Graph: operations with typed attributes, and constants. */
import type { HostTensor } from '../../tensor.js';
import type { IrDType } from '../trace/ir.js';
import type { Output, Pointer, TensorFlow } from './cApi.js';

export type TfAttribute =
  | { type: IrDType }
  | { int: number }
  | { ints: readonly number[] }
  | { float: number }
  | { bool: boolean }
  | { string: string }
  | { shape: readonly number[] };

export interface GraphBuilder {
  readonly graph: Pointer;
  /** Adds an operation. An input that is an array is one list input. `control`: operations that must run before. */
  operation(
    type: string,
    inputs: readonly (Output | readonly Output[])[],
    attributes?: Readonly<Record<string, TfAttribute>>,
    control?: readonly Pointer[],
  ): Pointer;
  constant(dtype: IrDType, shape: readonly number[], data: HostTensor['data'] | Uint8Array): Output;
  /** An int32 vector; equal vectors are one constant. */
  vector(values: readonly number[]): Output;
  /** An int32 scalar; equal scalars are one constant. */
  scalar(value: number): Output;
}

/** A builder on a new, empty graph; the caller deletes the graph. */
export function newGraph(api: TensorFlow): GraphBuilder {
  const graph = api.newGraph();
  const shared = new Map<string, Output>();
  let count = 0;

  const setAttribute = (description: Pointer, name: string, value: TfAttribute) => {
    if ('type' in value) api.setAttrType(description, name, api.dataTypes[value.type]);
    else if ('int' in value) api.setAttrInt(description, name, value.int);
    else if ('ints' in value) api.setAttrIntList(description, name, value.ints.map(BigInt), value.ints.length);
    else if ('float' in value) api.setAttrFloat(description, name, value.float);
    else if ('bool' in value) api.setAttrBool(description, name, value.bool ? 1 : 0);
    else if ('shape' in value) api.setAttrShape(description, name, value.shape.map(BigInt), value.shape.length);
    else api.setAttrString(description, name, Buffer.from(value.string), Buffer.byteLength(value.string));
  };

  const operation: GraphBuilder['operation'] = (type, inputs, attributes = {}, control = []) => {
    const description = api.newOperation(graph, type, `${type}_${count++}`);
    for (const input of inputs) {
      if ('oper' in input) api.addInput(description, input);
      else api.addInputList(description, input, input.length);
    }
    for (const dependency of control) api.addControlInput(description, dependency);
    for (const [name, value] of Object.entries(attributes)) setAttribute(description, name, value);
    return api.checked(`build ${type}`, status => api.finishOperation(description, status));
  };

  const constant: GraphBuilder['constant'] = (dtype, shape, data) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const tensor = api.newTensor(dtype, shape, bytes);
    try {
      const description = api.newOperation(graph, 'Const', `Const_${count++}`);
      api.setAttrType(description, 'dtype', api.dataTypes[dtype]);
      api.checked('set a constant', status => api.setAttrTensor(description, 'value', tensor, status));
      return { oper: api.checked('build Const', status => api.finishOperation(description, status)), index: 0 };
    } finally {
      api.deleteTensor(tensor);
    }
  };

  const integers = (shape: readonly number[], values: readonly number[]): Output => {
    const key = `${shape.length}:${values.join()}`;
    let output = shared.get(key);
    if (output === undefined) {
      output = constant('int32', shape, Int32Array.from(values));
      shared.set(key, output);
    }
    return output;
  };

  return {
    graph,
    operation,
    constant,
    vector: values => integers([values.length], values),
    scalar: value => integers([], [value]),
  };
}
