/** Programs compiled by the plugin and kept on disk: found again, checked, replaced when damaged. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadPlugin, type Pjrt } from '../../../src/engine/pjrt/cApi.js';
import { type Address, type Client, newClient } from '../../../src/engine/pjrt/client.js';
import { compileCached, compilerIdentity, prune } from '../../../src/engine/pjrt/compileCache.js';
import { compileForPjrt } from '../../../src/engine/pjrt/executable.js';
import { requirePlugin } from '../../../src/engine/pjrt/locate.js';
import type { CompileRequest } from '../../../src/engine/program.js';
import { openLibrary } from '../../../src/io/koffi.js';
import type { HostTensors } from '../../../src/tensor.js';
import { float32 } from '../../numbers.js';
import { describeUnless } from '../../shared.js';
import { temporaryFolder } from '../../temporaryFolder.js';
import { threads } from '../compute.js';
import { compileLibrary, noCompiler } from '../sharedLibrary.js';
import { noPlugin } from './plugin.js';

const temporary = temporaryFolder();
const moduleAdding = (number: number) => `module {
  func.func public @main(%arg0: tensor<2xf32>) -> tensor<2xf32> {
    %0 = stablehlo.constant dense<${number}.0> : tensor<2xf32>
    %1 = stablehlo.add %arg0, %0 : tensor<2xf32>
    return %1 : tensor<2xf32>
  }
}`;

describeUnless(noPlugin, 'With the CPU plugin', () => {
  let client: Client;
  let identity: string;
  before(() => {
    const api = loadPlugin(requirePlugin(), threads);
    client = newClient(api);
    identity = compilerIdentity(api, client);
  });
  after(() => client.destroy());

  /** Compiles or loads the module and runs it on [1, 2]. */
  async function run(text: string, folder: string, as = identity) {
    const { executable, outcome } = await compileCached(client, text, as, folder);
    const input = client.upload(float32([2], [1, 2]));
    const [[output]] = (await client.execute(executable, [[input]], 1)) as [[Address]];
    const [sum] = await client.download([[output!, { dtype: 'float32', shape: [2] }]]);
    client.destroyBuffer(input);
    client.destroyBuffer(output!);
    client.destroyExecutable(executable);
    return { outcome, result: [...sum!.data] };
  }
  const onlyEntry = (folder: string) => {
    const names = readdirSync(folder);
    assert.equal(names.length, 1, names.join());
    return join(folder, names[0]!);
  };

  test('the second compilation of a module is a loading, another module or plugin is not', async () => {
    const folder = join(temporary, 'twice');
    assert.deepEqual(await run(moduleAdding(3), folder), { outcome: 'compiled', result: [4, 5] });
    assert.deepEqual(await run(moduleAdding(3), folder), { outcome: 'loaded', result: [4, 5] });
    assert.deepEqual(await run(moduleAdding(4), folder), { outcome: 'compiled', result: [5, 6] });
    assert.equal((await run(moduleAdding(3), folder, `${identity} and another plugin`)).outcome, 'compiled');
    assert.equal(readdirSync(folder).length, 3);
  });

  test(
    'an entry with a changed byte, one cut short, an empty one and one of nonsense are compiled again and ' +
      'replaced',
    async () => {
      const folder = join(temporary, 'damaged');
      await run(moduleAdding(3), folder);
      const path = onlyEntry(folder);
      const whole = readFileSync(path);
      const changed = Buffer.from(whole);
      changed[whole.length - 10]! ^= 1;
      for (const damaged of [changed, whole.subarray(0, whole.length / 2), Buffer.alloc(0), Buffer.from('nonsense')]) {
        writeFileSync(path, damaged);
        assert.deepEqual(await run(moduleAdding(3), folder), { outcome: 'compiled', result: [4, 5] });
        assert.deepEqual(await run(moduleAdding(3), folder), { outcome: 'loaded', result: [4, 5] });
      }
    },
  );

  test('an entry that is whole and that the plugin refuses is compiled again', async () => {
    const folder = join(temporary, 'refused');
    await run(moduleAdding(3), folder);
    const path = onlyEntry(folder);
    const foreign: Client = { ...client, serialize: () => Buffer.from('of another plugin') };
    const { executable } = await compileCached(foreign, moduleAdding(5), identity, folder);
    client.destroyExecutable(executable);
    const other = readdirSync(folder)
      .map(name => join(folder, name))
      .find(entry => entry !== path)!;
    assert.equal(statSync(other).size < statSync(path).size, true);
    assert.deepEqual(await run(moduleAdding(5), folder), { outcome: 'compiled', result: [6, 7] });
    assert.deepEqual(await run(moduleAdding(5), folder), { outcome: 'loaded', result: [6, 7] });
  });

  test('a folder that cannot be written costs nothing but the time', async () => {
    const file = join(temporary, 'file');
    writeFileSync(file, '');
    assert.deepEqual(await run(moduleAdding(3), join(file, 'compiled')), { outcome: 'compiled', result: [4, 5] });
    assert.ok(!existsSync(join(file, 'compiled')));
  });

  test('a stateful program that was loaded computes the bits of one that was compiled', async () => {
    const request: CompileRequest = {
      state: { w: float32([3], [0.1, 0.2, 0.3]) },
      programs: {
        step: {
          inputs: { x: float32([3], [0, 0, 0]) },
          apply: ({ w }, { x }) => ({ state: { w: w!.mul(0.7).add(x!.exp()) }, outputs: { sum: w!.square().sum() } }),
        },
      },
    };
    const train = async (): Promise<HostTensors[]> => {
      const options = { threads, precision: 'fp32', compileCache: join(temporary, 'state') } as const;
      const executable = await compileForPjrt(loadPlugin(requirePlugin(), threads), request, options);
      const outputs: HostTensors[] = [];
      for (let i = 0; i < 3; i++) outputs.push(await executable.run('step', { x: float32([3], [i, 0.5, -i]) }));
      outputs.push(await executable.readState());
      executable.dispose();
      return outputs;
    };
    const compiled = await train();
    const stored = statSync(onlyEntry(join(temporary, 'state'))).mtimeMs;
    assert.deepEqual(await train(), compiled);
    assert.ok(statSync(onlyEntry(join(temporary, 'state'))).mtimeMs >= stored);
  });
});

test('What was not used for the longest time is removed first, as are temporary files of killed writes', () => {
  const folder = join(temporary, 'prune');
  mkdirSync(folder);
  const entry = (digit: string) => `${digit.repeat(64)}.xla`;
  const leftover = (digit: string) => `${entry('f')}.${digit.repeat(12)}.tmp`;
  const [old, older, recent, killed, writing] = [entry('a'), entry('b'), entry('c'), leftover('d'), leftover('e')];
  const own = 'mine.xla'; // of somebody else
  const ages = { [old]: 3, [older]: 5, [recent]: 1, [killed]: 30, [writing]: 0, [own]: 90 };
  for (const [name, hours] of Object.entries(ages)) {
    writeFileSync(join(folder, name), Buffer.alloc(100));
    const time = new Date(Date.now() - hours * 3600 * 1000);
    utimesSync(join(folder, name), time, time);
  }
  prune(folder, 200);
  assert.deepEqual(readdirSync(folder).sort(), [old, recent, writing, own].sort());
});

test('A compiled program for a GPU belongs to the versions of cuDNN and cuBLAS that the process has loaded', {
  skip: noCompiler,
}, () => {
  const folder = join(temporary, 'libraries');
  mkdirSync(folder);
  const identityWith = (cuda: 13 | undefined) =>
    compilerIdentity(
      { path: import.meta.filename, version: '0.112', cuda } as Pjrt,
      { platform: 'cuda', platformVersion: '13', devices: [] as unknown } as Client,
    );
  const versions = {
    'libcudnn.so.9': ['cudnnGetVersion', 91_901],
    'libcublasLt.so.13': ['cublasLtGetVersion', 130_202],
  };
  for (const [name, [symbol, version]] of Object.entries(versions))
    openLibrary(compileLibrary(join(folder, name), `unsigned long ${symbol}(void) { return ${version}; }`));
  assert.match(identityWith(13), /"libcudnn\.so\.9":91901,"libcublasLt\.so\.13":130202/);
  assert.doesNotMatch(identityWith(undefined), /libcudnn/);
});
