// Installs the pinned cuDNN for CUDA 13, alone, for tests: node scripts/install-cudnn.mjs CACHE (366 MB to download,
// 493 MB on disk).
import { xlaCuda13 } from '../dist/src/engine/install/cudaPins.js';
import { installEngine } from '../dist/src/engine/install/install.js';

const pin = xlaCuda13.companions.find(({ name }) => name === 'nvidia-cudnn-cu13');
const { folder } = await installEngine({ cache: process.argv[2], pin });
console.log(folder);
