/** A TF.js backend whose kernels record nodes and compute nothing. TF.js' own autodiff works on top of it. */
import { EngineError } from '../../errors.js';
import tf from '../../tfjs.cjs';
import { type Attributes, type IrDType, type Node, typeOf, type Value, type ValueType } from './ir.js';
import { type KernelRule, kernelRules } from './kernels.js';

interface Entry {
  value?: Value;
  /** A tensor from the host (tf.scalar, tf.ones, …). It becomes a Constant when a kernel first uses it. */
  host?: { values: tf.BackendValues; shape: number[]; dtype: tf.DataType };
}

class TraceBackend extends tf.KernelBackend {
  private readonly entries = new WeakMap<object, Entry>();

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object {
    const dataId = {};
    this.entries.set(dataId, { host: { values, shape, dtype } });
    return dataId;
  }
  override move(dataId: object, values: tf.BackendValues, shape: number[], dtype: tf.DataType): void {
    this.entries.set(dataId, { host: { values, shape, dtype } });
  }
  override read(): never {
    throw new EngineError(
      'A traced program tried to read the value of a tensor; while it is recorded there are no values yet.',
      {
        next: 'Compute with TF.js ops only; values come back as outputs of the program.',
      },
    );
  }
  override readSync(): never {
    return this.read();
  }
  override disposeData(): boolean {
    return true;
  }
  override refCount(): number {
    return 1;
  }
  override incRef(): void {}
  decRef(): void {}
  override numDataIds(): number {
    return 0;
  }
  override timerAvailable(): boolean {
    return false;
  }
  override floatPrecision(): 32 {
    return 32;
  }
  override epsilon(): number {
    return 1e-7;
  }
  override memory() {
    return { unreliable: true };
  }

  node(kernel: string, inputs: readonly Value[], attributes: Attributes, outputs: readonly ValueType[]): Node {
    return { kernel, inputs, attributes, outputs };
  }

  /** A TF.js tensor for `value`. TF.js has no uint8: it becomes int32. */
  tensor(value: Value, { shape, dtype }: ValueType): tf.Tensor {
    return tf.engine().makeTensorFromTensorInfo(this.info(value, { shape, dtype }));
  }

  info(value: Value, { shape, dtype }: ValueType): tf.TensorInfo {
    const dataId = {};
    this.entries.set(dataId, { value });
    return { dataId: dataId as tf.TensorInfo['dataId'], shape: [...shape], dtype: tfjsType(dtype) };
  }

  valueFor(info: tf.TensorInfo): Value {
    const entry = this.entries.get(info.dataId);
    if (entry === undefined)
      throw new EngineError('A tensor made outside the program is used inside it.', {
        next: 'Pass it as state or input.',
      });
    entry.value ??= { node: this.constant(entry.host!), index: 0 };
    const type = typeOf(entry.value);
    if (sameShape(type.shape, info.shape)) return entry.value;
    // TF.js may give the same data another shape without a kernel
    return { node: this.node('Reshape', [entry.value], {}, [{ dtype: type.dtype, shape: [...info.shape] }]), index: 0 };
  }

  private constant({ values, shape, dtype }: NonNullable<Entry['host']>): Node {
    const irType = irDType(dtype);
    const data =
      irType === 'float32' ? Float32Array.from(values as Float32Array) : Int32Array.from(values as Int32Array);
    const hostType = irType === 'float32' ? ('float32' as const) : ('int32' as const);
    const node = this.node('Constant', [], {}, [{ dtype: irType, shape: [...shape] }]);
    return { ...node, constant: { dtype: hostType, shape: [...shape], data } };
  }
}

function tfjsType(dtype: IrDType): tf.DataType {
  if (dtype === 'uint8') return 'int32';
  return dtype === 'bfloat16' ? 'float32' : dtype;
}

function irDType(dtype: tf.DataType): IrDType {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new EngineError(`A traced program uses the element type ${dtype}.`, { next: 'Use float32, int32 or bool.' });
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** The one trace backend of this process; TF.js knows it by the name `trace`. */
export const traceBackend = new TraceBackend();

tf.registerBackend('trace', () => traceBackend, 0);

for (const [kernel, rule] of Object.entries(kernelRules)) register(kernel, rule);
tf.registerKernel({
  kernelName: 'Identity',
  backendName: 'trace',
  kernelFunc: ({ inputs }) => {
    const x = (inputs as Record<string, tf.TensorInfo>).x!;
    const value = traceBackend.valueFor(x);
    return traceBackend.info(value, typeOf(value));
  },
});

function register(kernel: string, rule: KernelRule): void {
  tf.registerKernel({
    kernelName: kernel,
    backendName: 'trace',
    kernelFunc: ({ inputs, attrs }) => {
      const given = inputs as unknown as Record<string, tf.TensorInfo>;
      const names = rule.inputs === 'list' ? Object.keys(given) : rule.inputs;
      const values = names.map(name => operand(kernel, rule, name, given[name]));
      const types = values.map(typeOf);
      const { attributes, outputs } = rule.infer(types, (attrs ?? {}) as Record<string, unknown>);
      if (changesNothing(kernel, types, outputs)) return traceBackend.info(values[0]!, outputs[0]!);
      const node = traceBackend.node(kernel, values, attributes, outputs);
      const infos = outputs.map((type, index) => traceBackend.info({ node, index }, type));
      return infos.length === 1 && rule.outputs !== 'list' ? infos[0]! : infos;
    },
  });
}

/** Whether a cast or reshape keeps type and shape, as many do in TF.js' gradients. Such an op records no node. */
function changesNothing(kernel: string, [x]: readonly ValueType[], [y]: readonly ValueType[]): boolean {
  return (kernel === 'Cast' || kernel === 'Reshape') && x!.dtype === y!.dtype && sameShape(x!.shape, y!.shape);
}

/** A kernel's input, cast to the type that the kernel's rule names. Bytes are cast to int32, their type in TF.js. */
function operand(kernel: string, rule: KernelRule, name: string, info: tf.TensorInfo | null | undefined): Value {
  if (!info)
    throw new EngineError(`The op '${kernel}' is used without its input '${name}'.`, {
      next: `Pass '${name}': the compiled engines need all inputs of the op.`,
    });
  const value = traceBackend.valueFor(info);
  const { dtype, shape } = typeOf(value);
  const wanted = rule.operands ?? (dtype === 'uint8' && kernel !== 'Cast' ? 'int32' : dtype);
  return wanted === dtype
    ? value
    : { node: traceBackend.node('Cast', [value], {}, [{ dtype: wanted, shape }]), index: 0 };
}
