/**
 * tfjs-node-gpu, which `engine: eager` runs on: its npm packages with their checksums, and where it lies in the cache.
 */
import { join } from 'node:path';
import { enginesFolder, type Manifest, wholeManifest } from './cache.js';

export interface PackagePin {
  /** Name and version in the npm registry. */
  readonly name: string;
  readonly version: string;
  /** Of the package's tarball. */
  readonly sha256: string;
}

export const addonPackage: PackagePin = {
  name: '@tensorflow/tfjs-node-gpu',
  version: '4.22.0',
  sha256: 'afd5599ee1662e732c00a0ad1f52a3d001bdc118a1f44bd592a0a0ebf2daa4c7',
};

/** What tfjs-node-gpu loads beside TF.js itself. Its other dependencies serve its own installation. */
export const addonDependencies: readonly PackagePin[] = [
  {
    name: 'google-protobuf',
    version: '3.21.4',
    sha256: '38299bb1802ce06900ea2e43650aded8393cd6a00012ed97ffc716eeab1e1091',
  },
  { name: 'progress', version: '2.0.3', sha256: '701865e18ff6c0e3ba778756ddef8db1dc05c00a901babe57bc7a0a7e0e82aa4' },
];

/** The headers of Node's stable interface for addons (Node-API): what is built with them runs on every later Node. */
export const nodeHeaders: PackagePin = {
  name: 'node-api-headers',
  version: '1.9.0',
  sha256: '6cbfac49542194ae2c8f1dee5fa2dc00d66bec9cbf3b59e3a4e5f16d14eb0d19',
};

/** Where the addon is, or will be, in the cache. */
export function addonFolder(cache: string): string {
  return join(enginesFolder(cache), `tfjs-node-gpu-${addonPackage.version}`);
}

/** The manifest of the addon in the cache, provided that it was made from the pinned package and is whole. */
export function installedAddon(cache: string): Manifest | undefined {
  const manifest = wholeManifest(addonFolder(cache));
  return manifest?.sha256 === addonPackage.sha256 ? manifest : undefined;
}
