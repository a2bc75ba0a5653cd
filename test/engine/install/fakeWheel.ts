/** A small wheel made of text, its pin, and a stand-in for `python3 -m pip` that "downloads" it. */
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { crc32, deflateRawSync } from 'node:zlib';
import type { WheelPin } from '../../../src/engine/install/pin.js';
import type { Platform } from '../../../src/engine/install/platform.js';

export const linux: Platform = { system: 'linux', architecture: 'x64', glibc: '2.36' };

export const wheelContent: Readonly<Record<string, Buffer>> = {
  'tensorflow/__init__.py': Buffer.from('raise ImportError\n'),
  'tensorflow/libtensorflow_framework.so.2': Buffer.alloc(300_000, 'framework '),
  'tensorflow/libtensorflow_cc.so.2': Buffer.alloc(1_500_000, 'kernels '),
  'tensorflow/include/LICENSE': Buffer.from('licence\n'),
};

/** A folder that goes away with the test. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'gala-install-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a small wheel into `folder`; every other member is stored, the rest deflated. */
export function writeFakeWheel(
  folder: string,
  project = 'tiny-engine',
  content = wheelContent,
): { wheel: string; pin: WheelPin } {
  const name = `${project.replaceAll('-', '_')}-1.0.0-py3-none-any.whl`;
  const wheel = join(folder, name);
  writeFileSync(wheel, zip(content));
  const pin: WheelPin = {
    name: project,
    version: '1.0.0',
    wheel: name,
    wheelBytes: statSync(wheel).size,
    sha256: createHash('sha256').update(readFileSync(wheel)).digest('hex'),
    members: Object.entries(content)
      .filter(([path]) => !path.endsWith('.py'))
      .map(([path, content]) => ({ path, bytes: content.length })),
  };
  return { wheel, pin };
}

/**
 * A PATH of one folder with a `python3` whose `-m pip download` runs `download` (shell; `$dest` is pip's --dest
 * folder).
 */
export function fakePython(folder: string, download: string, pip = 'exit 0'): NodeJS.ProcessEnv {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const script = `#!/bin/sh
case "$*" in
  --version) exit 0 ;;
  "-m pip --version") ${pip} ;;
esac
printf '%s\\n' "$*" >> ${bin}/calls
while [ "$1" != --dest ]; do shift; done
dest=$2
${download}
`;
  writeFileSync(join(bin, 'python3'), script);
  chmodSync(join(bin, 'python3'), 0o755);
  return { PATH: bin, HOME: folder };
}

/** The arguments of each `pip download` so far, one line a call. */
export function downloadCalls(environment: NodeJS.ProcessEnv): string[] {
  return readFileSync(join(environment.PATH!, 'calls'), 'utf8').trim().split('\n');
}

function zip(content: Readonly<Record<string, Buffer>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [index, [path, bytes]] of Object.entries(content).entries()) {
    const method = index % 2 === 0 ? 0 : 8;
    const data = method === 0 ? bytes : deflateRawSync(bytes);
    const name = Buffer.from(path);
    // The local header has an extra field that the central one lacks: readers must not mix up their lengths.
    const extra = Buffer.alloc(4 * index);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.from(common);
    local.writeUInt16LE(extra.length, 24);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, rest, name);
    const member = [Buffer.from('PK\x03\x04', 'latin1'), local, name, extra, data];
    parts.push(...member);
    offset += Buffer.concat(member).length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(Object.keys(content).length, 8);
  end.writeUInt16LE(Object.keys(content).length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, central, end]);
}
