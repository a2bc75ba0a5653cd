/** Engines: not installed, not installable, not loadable, and programs that they cannot run. */
import * as tf from '@tensorflow/tfjs';
import { matching } from '../../src/engine/hostTensor.js';
import { installEngine } from '../../src/engine/install/install.js';
import { requireTensorFlow } from '../../src/engine/install/locate.js';
import { readWheelDirectory } from '../../src/engine/install/wheelFile.js';
import { loadPlugin, requireVersion } from '../../src/engine/pjrt/cApi.js';
import { requirePlugin } from '../../src/engine/pjrt/locate.js';
import type { Tensors } from '../../src/engine/program.js';
import { trace } from '../../src/engine/trace/trace.js';
import { requireMemory } from '../../src/machine/memory.js';
import { fakePython, linux, writeFakeWheel } from '../engine/install/fakeWheel.js';
import type { Cases, Place } from './catalogue.js';

type Changes = Partial<Parameters<typeof installEngine>[0] & object>;
const install =
  (changes: (place: Place, made: ReturnType<typeof writeFakeWheel>) => Changes) =>
  (place: Place): Promise<unknown> => {
    const made = writeFakeWheel(place.folder);
    return installEngine({
      pin: made.pin,
      cache: place.at('cache'),
      from: made.wheel,
      platform: linux,
      ...changes(place, made),
    });
  };
const download = (script: string, pip?: string) =>
  install(({ folder }) => ({ from: undefined as unknown as string, environment: fakePython(folder, script, pip) }));

const x = { dtype: 'float32', shape: [2] } as const;
const program = (apply: (state: Tensors, inputs: Tensors) => { state: Tensors; outputs: Tensors }) => () =>
  trace({ inputs: { x }, apply }, { w: x });

export const engineCases: Cases = {
  'too few addresses for an engine': () =>
    requireMemory('the engine', { addresses: 2.1e9, inUse: 1.4e8 }, [
      { on: 'addresses', limitBytes: 2e9, freeBytes: 1e9 },
    ]),
  'a container with too little memory for an engine': () =>
    requireMemory('the engine', { addresses: 2.1e9, inUse: 1.4e8 }, [
      { on: 'inUse', limitBytes: 1.5e8, freeBytes: 7e7 },
    ]),
  'a GALA_TENSORFLOW without TensorFlow': ({ folder }) => requireTensorFlow({ GALA_TENSORFLOW: folder }),
  'no PJRT plugin': () => requirePlugin({ GALA_CACHE: '/nowhere' }),
  'a PJRT plugin that does not exist': () => loadPlugin({ path: '/nowhere/plugin.so' }),
  'a PJRT plugin that is no library': ({ file }) => loadPlugin({ path: file('plugin.so', 'text') }),
  'a PJRT plugin that is too old': () => requireVersion('plugin.so', 400, 0, 20),
  'an installation on another system': install(() => ({
    platform: { system: 'darwin', architecture: 'arm64', glibc: undefined },
  })),
  'an installation on another C library': install(() => ({ platform: { ...linux, glibc: undefined } })),
  'an installation on an old C library': install(() => ({ platform: { ...linux, glibc: '2.17' } })),
  'an installation without Python': install(({ at }) => ({
    from: undefined as unknown as string,
    environment: { PATH: at('nothing') },
  })),
  'an installation without pip': download('exit 1', 'exit 1'),
  'an installation without network': download(
    "echo 'ERROR: No matching distribution found for tiny-engine==1.0.0' >&2; exit 1",
  ),
  'an installation during which the disk runs full': download(
    "echo 'OSError: [Errno 28] No space left on device' >&2; exit 1",
  ),
  'an installation without space': install(() => ({ freeBytes: () => 100 * 2 ** 20 })),
  'an installation from a file that does not exist': install(({ at }) => ({ from: at('absent.whl') })),
  'an installation from another file': install((_, { pin }) => ({ pin: { ...pin, sha256: 'f'.repeat(64) } })),
  'an installation from a wheel without a library': install((_, { pin }) => ({
    pin: { ...pin, members: [...pin.members, { path: 'lib/missing.so', bytes: 1 }] },
  })),
  'an installation below a file': install(({ file }) => ({ cache: `${file('taken', '')}/cache` })),
  'a wheel that is no zip file': ({ file }) => readWheelDirectory(file('engine.whl', 'text')),
  'a program that reads a tensor’s value': program((_, inputs) => {
    inputs.x!.dataSync();
    return { state: {}, outputs: {} };
  }),
  'a program that uses a tensor from outside': async () => {
    await tf.setBackend('cpu');
    const outside = tf.tensor1d([1, 2]);
    return program((_, inputs) => ({ state: {}, outputs: { y: inputs.x!.add(outside) } }))();
  },
  'a program with an op that is not known': program((_, inputs) => ({ state: {}, outputs: { y: inputs.x!.asin() } })),
  'a program with a state entry of its own': program((_, inputs) => ({ state: { v: inputs.x! }, outputs: {} })),
  'a program that changes a type': program((_, inputs) => ({ state: { w: inputs.x!.sum() }, outputs: {} })),
  'a tensor of another shape': () => matching("input 'x'", { ...x, shape: [3], data: new Float32Array(3) }, x),
};
