/** Checks that a pinned engine runs on this machine, before anything is downloaded. */
import { EngineError } from '../../errors.js';
import type { WheelPin } from './pin.js';

/** The oldest GNU C library that all pinned wheels run with. */
const minimumGlibc = '2.27';

export interface Platform {
  readonly system: string;
  readonly architecture: string;
  /** Version of the GNU C library; undefined on a system with another C library (musl). */
  readonly glibc: string | undefined;
}

/** The machine that this process runs on. */
export function thisPlatform(): Platform {
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return { system: process.platform, architecture: process.arch, glibc: report.header.glibcVersionRuntime };
}

/** Throws `EngineError` unless the pinned libraries run on the platform; the error names what to use instead. */
export function requirePlatform(platform: Platform, pin: WheelPin): void {
  const { system, architecture, glibc } = platform;
  if (system !== 'linux' || architecture !== 'x64') {
    throw new EngineError(`The engine ${pin.name} ${pin.version} runs on Linux x86-64 only.`, {
      where: `this machine: ${system} ${architecture}`,
      next:
        'Here `gala eval --logits FILE`, `gala config list` and `gala table DIR` work; to train, use a Linux ' +
        'x86-64 machine, a container on it, or WSL 2.',
    });
  }
  if (glibc !== undefined && !isOlder(glibc, minimumGlibc)) return;
  throw new EngineError(
    `The engine ${pin.name} ${pin.version} needs the GNU C library ${minimumGlibc} or newer.`,
    glibc === undefined
      ? {
          where: 'this machine: Linux with another C library (musl, as in Alpine)',
          next: 'Use an image with glibc, for instance node:22-bookworm-slim in place of node:22-alpine.',
        }
      : {
          where: `this machine: glibc ${glibc}`,
          next: 'Use a newer Linux (Debian 10, Ubuntu 18.04, RHEL 9 or later) or a container of one.',
        },
  );
}

function isOlder(version: string, minimum: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [minimumMajor = 0, minimumMinor = 0] = minimum.split('.').map(Number);
  return major < minimumMajor || (major === minimumMajor && minor < minimumMinor);
}
