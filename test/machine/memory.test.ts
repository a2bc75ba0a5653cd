/** What is said where memory is limited. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../../src/errors.js';
import { isMemoryShort, type MemoryLimit, memoryError, requireMemory } from '../../src/machine/memory.js';

const addresses = (limit: number, free: number): MemoryLimit => ({
  on: 'addresses',
  limitBytes: limit,
  freeBytes: free,
});
const group = (limit: number, free: number): MemoryLimit => ({
  on: 'inUse',
  limitBytes: limit,
  freeBytes: free,
});
const need = { addresses: 2e9, inUse: 1e8 };

test('A limit that leaves too little is an error that names the limit and how to raise it', () => {
  requireMemory('it', need, []);
  requireMemory('it', need, [addresses(4e9, 2e9), group(1e9, 1e8)]);
  assert.throws(
    () => requireMemory('the engine', need, [addresses(3e9, 1.25e9)]),
    (error: unknown) => {
      assert.ok(error instanceof EngineError);
      assert.equal(error.message, 'Too little memory: the engine needs at least 2.00 GB, and 1.25 GB are free.');
      assert.equal(error.where, 'limit on address space (ulimit -v): 3.00 GB');
      assert.match(error.next!, /ulimit -v unlimited/);
      return true;
    },
  );
  assert.throws(() => requireMemory('it', need, [group(2e8, 9e7)]), /needs at least 0\.10 GB, and 0\.09 GB are free/);
});

test('What failed for lack of memory says so, and advises no installation', () => {
  const told = [
    'Array buffer allocation failed',
    'WebAssembly.Memory(): could not allocate memory',
    'std::bad_alloc',
    'OOM when allocating tensor with shape[64,64]',
    'libx.so: cannot allocate memory in static TLS block',
    'spawn ENOMEM',
  ];
  for (const text of told) {
    const error = memoryError('it ended', new RangeError(text), [group(1e9, 1e6)])!;
    assert.equal(error.message, `Too little memory: it ended: ${text}`);
    assert.match(error.next!, /--memory.*train\.batch_size/);
    assert.ok(memoryError('it ended', new RangeError(text), []), 'without a limit the machine has too little');
  }
  assert.ok(memoryError('x', Object.assign(new Error('Worker terminated'), { code: 'ERR_WORKER_OUT_OF_MEMORY' }), []));
  assert.equal(memoryError('x', new Error('no such file'), [group(1e9, 0)]), undefined);
});

test('A library that cannot be mapped lacks memory where a limit is near, else something else', () => {
  const unclear = new Error('libtensorflow_cc.so.2: failed to map segment from shared object');
  assert.ok(memoryError('x', unclear, [addresses(2e9, 1.5e8)]));
  assert.equal(memoryError('x', unclear, [addresses(8e9, 6e9)]), undefined, 'a disk that forbids execution');
  assert.equal(memoryError('x', unclear, []), undefined);
  assert.deepEqual(
    [isMemoryShort([]), isMemoryShort([group(1e10, 5e8)]), isMemoryShort([group(1e10, 5e9)])],
    [false, true, false],
  );
});
