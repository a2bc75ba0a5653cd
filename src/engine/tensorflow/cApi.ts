/** The C API of TensorFlow (tensorflow/c/c_api.h) through koffi: the functions that a graph session needs. */
import { closeSync, openSync } from 'node:fs';
import { EngineError } from '../../errors.js';
import { type LibraryHandle, loadKoffi, type TypeObject } from '../../io/koffi.js';
import { memoryError } from '../../machine/memory.js';
import { prepareEnvironment } from '../environment.js';
import type { TensorFlowLocation } from '../install/locate.js';
import type { IrDType } from '../trace/ir.js';

const koffi = loadKoffi();

/** A pointer to an object of the C API. */
export type Pointer = unknown;
/** `TF_Output`: one output of an operation in a graph. */
export interface Output {
  readonly oper: Pointer;
  readonly index: number;
}

// RTLD_LAZY | RTLD_GLOBAL | RTLD_NODELETE. RTLD_NOW takes a third longer: 0.1 s to look up functions that no training
// calls. Without NODELETE Node crashes at its exit, because the library is unloaded while TensorFlow's threads run.
const openFlags = 0x1 | 0x100 | 0x1000;
const dataTypes: Readonly<Record<IrDType, number>> = { float32: 1, int32: 3, uint8: 4, bool: 10, bfloat16: 14 };

export type TensorFlow = ReturnType<typeof bind>;

const loaded = new Map<string, TensorFlow>();
let operationsAreLoaded = false;

export type Libraries = Pick<TensorFlowLocation, 'libraryFolder' | 'libraries'>;

/** Loads TensorFlow's libraries, once per process. Throws `EngineError`. */
export function loadTensorFlow({ libraryFolder: folder, libraries }: Libraries): TensorFlow {
  const known = loaded.get(folder);
  if (known) return known;
  const verbose = process.env.TF_CPP_MIN_LOG_LEVEL === '0';
  prepareEnvironment();
  try {
    const libc = koffi.load('libc.so.6');
    const dlopen = libc.func('void* dlopen(const char*, int)');
    const dlerror = libc.func('const char* dlerror()');
    const open = () => {
      for (const library of libraries) {
        if (!dlopen(`${folder}/${library}`, openFlags)) throw new Error(dlerror());
      }
    };
    if (verbose) open();
    else withoutStderr(libc, open);
    const api = bind(koffi.load(`${folder}/${libraries.at(-1)}`));
    loaded.set(folder, api);
    return api;
  } catch (cause) {
    const short = memoryError('the TensorFlow library could not be loaded', cause);
    if (short) throw short;
    throw new EngineError(`The TensorFlow library could not be loaded: ${(cause as Error).message}`, {
      where: folder,
      next:
        'Run `gala engine install --force`, or point GALA_TENSORFLOW to a folder with libtensorflow_cc.so.2 ' +
        'and libtensorflow_framework.so.2.',
      cause,
    });
  }
}

/**
 * Calls `body` without output to stderr: TensorFlow prints a note on oneDNN from a static initialiser, before it reads
 * TF_CPP_MIN_LOG_LEVEL. Failures to load are reported by dlerror.
 */
function withoutStderr(libc: LibraryHandle, body: () => void): void {
  const dup = libc.func('int dup(int)');
  const dup2 = libc.func('int dup2(int, int)');
  const close = libc.func('int close(int)');
  const stderr = dup(2);
  const nowhere = openSync('/dev/null', 'w');
  dup2(nowhere, 2);
  try {
    body();
  } finally {
    dup2(stderr, 2);
    close(stderr);
    closeSync(nowhere);
  }
}

function bind(library: LibraryHandle) {
  const output = koffi.struct({ oper: 'void*', index: 'int' });
  const outputs = koffi.pointer(output);
  const f = (result: string, name: string, ...parameters: (string | TypeObject | ReturnType<typeof koffi.out>)[]) =>
    library.func(name, result, parameters);
  const c = {
    version: f('const char*', 'TF_Version'),
    newStatus: f('void*', 'TF_NewStatus'),
    deleteStatus: f('void', 'TF_DeleteStatus', 'void*'),
    getCode: f('int', 'TF_GetCode', 'void*'),
    message: f('const char*', 'TF_Message', 'void*'),
    newGraph: f('void*', 'TF_NewGraph'),
    deleteGraph: f('void', 'TF_DeleteGraph', 'void*'),
    newOperation: f('void*', 'TF_NewOperation', 'void*', 'str', 'str'),
    addInput: f('void', 'TF_AddInput', 'void*', output),
    addInputList: f('void', 'TF_AddInputList', 'void*', outputs, 'int'),
    addControlInput: f('void', 'TF_AddControlInput', 'void*', 'void*'),
    setAttrType: f('void', 'TF_SetAttrType', 'void*', 'str', 'int'),
    setAttrInt: f('void', 'TF_SetAttrInt', 'void*', 'str', 'int64'),
    setAttrIntList: f('void', 'TF_SetAttrIntList', 'void*', 'str', 'int64*', 'int'),
    setAttrFloat: f('void', 'TF_SetAttrFloat', 'void*', 'str', 'float'),
    setAttrBool: f('void', 'TF_SetAttrBool', 'void*', 'str', 'uchar'),
    setAttrString: f('void', 'TF_SetAttrString', 'void*', 'str', 'const void*', 'size_t'),
    setAttrShape: f('void', 'TF_SetAttrShape', 'void*', 'str', 'int64*', 'int'),
    setAttrTensor: f('void', 'TF_SetAttrTensor', 'void*', 'str', 'void*', 'void*'),
    finishOperation: f('void*', 'TF_FinishOperation', 'void*', 'void*'),
    allocateTensor: f('void*', 'TF_AllocateTensor', 'int', 'int64*', 'int', 'size_t'),
    tensorData: f('void*', 'TF_TensorData', 'void*'),
    tensorByteSize: f('size_t', 'TF_TensorByteSize', 'void*'),
    deleteTensor: f('void', 'TF_DeleteTensor', 'void*'),
    newSessionOptions: f('void*', 'TF_NewSessionOptions'),
    deleteSessionOptions: f('void', 'TF_DeleteSessionOptions', 'void*'),
    setConfig: f('void', 'TF_SetConfig', 'void*', 'const void*', 'size_t', 'void*'),
    newSession: f('void*', 'TF_NewSession', 'void*', 'void*', 'void*'),
    closeSession: f('void', 'TF_CloseSession', 'void*', 'void*'),
    deleteSession: f('void', 'TF_DeleteSession', 'void*', 'void*'),
    sessionRun: f(
      'void',
      'TF_SessionRun',
      ...['void*', 'void*', outputs, 'void**', 'int'],
      ...[outputs, koffi.out(koffi.pointer('void*')), 'int', 'void**', 'int', 'void*', 'void*'],
    ),
  };

  /** Calls `body` with a new status. Throws `EngineError` with TensorFlow's message where the status is an error. */
  const checked = <T>(what: string, body: (status: Pointer) => T): T => {
    const status = c.newStatus();
    try {
      const result = body(status);
      if (c.getCode(status) !== 0)
        throw new EngineError(`TensorFlow could not ${what}: ${firstLine(c.message(status))}`);
      return result;
    } finally {
      c.deleteStatus(status);
    }
  };

  /** A new TF_Tensor with a copy of `bytes`; the caller deletes it. */
  const newTensor = (dtype: IrDType, shape: readonly number[], bytes: Uint8Array): Pointer => {
    const tensor = c.allocateTensor(dataTypes[dtype], shape.map(BigInt), shape.length, bytes.byteLength);
    if (bytes.byteLength > 0) new Uint8Array(koffi.view(c.tensorData(tensor), bytes.byteLength)).set(bytes);
    return tensor;
  };

  /** A copy of a TF_Tensor's bytes. */
  const tensorBytes = (tensor: Pointer): ArrayBuffer => {
    const size = Number(c.tensorByteSize(tensor));
    return size === 0 ? new ArrayBuffer(0) : koffi.view(c.tensorData(tensor), size).slice(0);
  };

  /** Makes gala's own operations known to TensorFlow, once per process. Throws `EngineError`. */
  const loadOperations = (path: string): void => {
    if (operationsAreLoaded) return;
    let code: number;
    try {
      code = koffi.load(path).func('int gala_register_operations()')();
    } catch (cause) {
      throw operationsError((cause as Error).message, path, cause);
    }
    if (code !== 0) throw operationsError(`TensorFlow does not take them (code ${code})`, path);
    operationsAreLoaded = true;
  };

  return { ...c, checked, newTensor, tensorBytes, loadOperations, dataTypes };
}

function operationsError(reason: string, path: string, cause?: unknown): EngineError {
  return new EngineError(`gala's operations could not be loaded: ${reason}`, {
    where: path,
    next:
      'gala engine remove operations. Training then uses TensorFlow’s operations, and `gala engine install` ' +
      'compiles gala’s for this machine.',
    cause,
  });
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0]!;
}
