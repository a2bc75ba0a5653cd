/** Sweeps: their files, points, names, launchers. */

import { createSweep, draftSweep, openSweep } from '../../src/sweep/manifest.js';
import { expandPoints, parseValues, type SweepSpec } from '../../src/sweep/points.js';
import { runsOf } from '../../src/sweep/resolve.js';
import { cancelJobs } from '../../src/sweep/slurm/client.js';
import { parseSlurmOptions } from '../../src/sweep/slurm/options.js';
import { arrayParts, batchScript } from '../../src/sweep/slurm/script.js';
import { readSweepFile, withAssignments } from '../../src/sweep/sweepFile.js';
import type { Cases, Place } from './catalogue.js';

const spec = (changes: Partial<SweepSpec>): SweepSpec => ({
  config: 'fashion_mnist_lt/gala',
  set: new Map(),
  grid: new Map(),
  list: [],
  exclude: [],
  ...changes,
});
const values = (count: number) => Array.from({ length: count }, (_, i) => String(i));

function made({ folder }: Place, name = 'lambda1') {
  const { points } = expandPoints(spec({}));
  const sweep = draftSweep({ name, output: folder, launcher: { name: 'local', slots: 1 }, points });
  createSweep(sweep, points);
  return { sweep, points };
}

export const sweepCases: Cases = {
  'a sweep file that does not exist': () => readSweepFile('sweep.yaml'),
  'a sweep file with a misspelt key': ({ file }) =>
    readSweepFile(file('sweep.yaml', 'config: fashion_mnist_lt/gala\ngird: {seed: [1]}\n')),
  'a sweep file with a wrong value': ({ file }) =>
    readSweepFile(file('sweep.yaml', 'config: fashion_mnist_lt/gala\nseeds: [one]\n')),
  'a --set that is no list of values': () => parseValues('loss.lambda1'),
  'a sweep of too many runs': () =>
    expandPoints(
      spec({
        grid: new Map([
          ['seed', values(200)],
          ['loss.lambda1', values(100)],
        ]),
      }),
    ),
  'a sweep without a config': () => expandPoints(spec({ config: undefined })),
  'a sweep that excludes everything': () => expandPoints(spec({ exclude: [new Map([['seed', '0']])] })),
  'a sweep with two kinds of seeds': () => expandPoints(spec({ seeds: [0], grid: new Map([['seed', ['1']]]) })),
  'a name that cannot name a sweep': place => made(place, '../x'),
  'a name that is taken': place => {
    const { sweep, points } = made(place);
    createSweep(sweep, points);
  },
  'a name of a folder that is no sweep': place => {
    place.file('sweeps/lambda1/notes.txt', '');
    made(place);
  },
  'a --set of several values for a key of a list': () =>
    withAssignments(spec({ list: [new Map([['loss.lambda1', '2']])] }), ['loss.lambda1=0.5,1']),
  'a sweep that does not exist': place => {
    made(place);
    openSweep('lambda2', place.folder);
  },
  'a manifest that is not JSON': place => {
    made(place);
    place.file('sweeps/lambda1/sweep.json', '');
    openSweep('lambda1', place.folder);
  },
  'a manifest of another version': place => {
    made(place);
    place.file('sweeps/lambda1/sweep.json', '{"format": 2}');
    openSweep('lambda1', place.folder);
  },
  'a report of a sweep without a finished run': place => {
    made(place);
    runsOf(['lambda1'], place.folder);
  },
  'a sweep below a file': ({ file, ...place }) => {
    file('sweeps', '');
    made({ ...place, file });
  },
  'an unknown SLURM option': () => parseSlurmOptions({ tmie: 5 }, '--slurm tmie=5'),
  'a SLURM option of a wrong kind': () => parseSlurmOptions({ time: 'long' }, '--slurm time=long'),
  'a SLURM time limit that is shorter than the lead of its signal': () => parseSlurmOptions({ time: '2' }, 'slurm'),
  'a SLURM option that gala sets itself': () => parseSlurmOptions({ extra: '--array=0-3' }, 'slurm'),
  'a path that no batch script can hold': () => {
    const { points } = expandPoints(spec({}));
    const launcher = { name: 'slurm', options: parseSlurmOptions({}, 'slurm') } as const;
    const sweep = draftSweep({ name: 'lambda1', output: '/runs\ntouch x', launcher, points });
    batchScript(sweep, launcher.options, { first: 0, tasks: [0], digits: 3 });
  },
  'a cluster whose job arrays are too small': () => arrayParts([0, 1, 2, 3], 3),
  'an id that is none of a SLURM job': () => cancelJobs(['--all']),
  'no SLURM': () => {
    const path = process.env.PATH;
    process.env.PATH = '';
    try {
      cancelJobs(['1']);
    } finally {
      process.env.PATH = path;
    }
  },
};
