/** What SLURM's programs print on real clusters: nothing around an answer becomes an id, a state or a lost job. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { arraySizeIn, isJobId, statesIn, submittedId } from '../../../src/sweep/slurm/answers.js';

const banner = `
*******************************************************************
*  Maintenance on 2026-12-01: jobs longer than 24:00:00 will wait. *
*******************************************************************
sbatch: info: Your project p123 has used 45 % of 100000 core hours.
lua: job routed to partition gpu|long
Job submitted 12 | PENDING | x
`;

test('The id is the one line that is an id', () => {
  for (const text of [
    '4711',
    '4711;cluster-a',
    'Submitted batch job 4711',
    'Submitted batch job 4711 on cluster a',
    ' 4711\r',
  ])
    for (const around of [
      ['', ''],
      [banner, '\n'],
      ['\n', banner],
      [banner, banner],
    ])
      assert.equal(submittedId(`${around[0]}${text}${around[1]}`), '4711', JSON.stringify(text));
});

test('A text without an id, or with two, has none', () => {
  for (const text of [
    '',
    banner,
    'Job 4711 is queued',
    '-1',
    '0',
    '12_3',
    '4711 4712',
    '0x10',
    '1e5',
    '4711\n4712',
    '20261130112233',
  ])
    assert.equal(submittedId(text), undefined, text);
});

test('Only job ids are ids', () => {
  assert.ok(['1', '12_0', '4711_10000'].every(isJobId));
  const others = [
    '',
    '0',
    '-1',
    '--all',
    '12_',
    '12_[0-3]',
    '1 2',
    '1;2',
    '1\n',
    ' 1',
    '12.batch',
    '12_3_4',
    'a',
    '１',
  ];
  assert.deepEqual(others.filter(isJobId), []);
});

test('States are the lines of that form, whatever is printed around them', () => {
  const lines = [
    '12_0|PENDING|Resources',
    '12_1|RUNNING|None',
    '12_2|CANCELLED by 1000',
    '13|OUT_OF_MEMORY|OutOfMemory',
  ];
  const expected = [
    { id: '12_0', word: 'PENDING', phase: 'waiting', reason: 'Resources' },
    { id: '12_1', word: 'RUNNING', phase: 'running' },
    { id: '12_2', word: 'CANCELLED', phase: 'over' },
    { id: '13', word: 'OUT_OF_MEMORY', phase: 'over' },
  ];
  assert.deepEqual(statesIn(lines.join('\n')), expected);
  assert.deepEqual(statesIn(`${banner}${lines.join(`\n${banner}`)}${banner}`), expected);
  assert.deepEqual(statesIn(`JOBID|STATE|REASON\n${lines.join('\r\n')}`), expected, 'a header; lines of Windows');
});

test('Waiting tasks of an array may share a line', () => {
  const ids = (line: string) => statesIn(line).map(({ id, phase }) => `${id} ${phase}`);
  assert.deepEqual(
    ids('12_[0-2,7%2]|PENDING|Priority'),
    ['12_0', '12_1', '12_2', '12_7'].map(id => `${id} waiting`),
  );
  assert.deepEqual(ids('12_[1,4,9,...,81,100|PENDING|Priority'), ['12_* waiting'], 'a list that squeue cut off');
});

test('A word that nobody knows yet is no end: the job would be submitted twice', () => {
  const phase = (word: string) => statesIn(`1_1|${word}|x`)[0]!.phase;
  assert.equal(phase('HIBERNATING'), 'running');
  assert.deepEqual(['COMPLETING', 'SUSPENDED', 'STAGE_OUT'].map(phase), ['running', 'running', 'running']);
  assert.deepEqual(['REQUEUED', 'REQUEUE_HOLD', 'CONFIGURING'].map(phase), ['waiting', 'waiting', 'waiting']);
  assert.deepEqual(['TIMEOUT', 'NODE_FAIL', 'PREEMPTED'].map(phase), ['over', 'over', 'over']);
});

test('No text makes an id or a state of anything else', () => {
  const piece = fc.constantFrom(
    '1',
    '12',
    '_',
    '|',
    ';',
    ' ',
    '\n',
    '[',
    ']',
    ',',
    '-',
    '%',
    'RUNNING',
    'x',
    '\u001b[1m',
  );
  const text = fc.oneof(fc.string(), fc.string({ unit: piece, maxLength: 30 }));
  const property = fc.property(text, printed => {
    const id = submittedId(printed);
    assert.ok(id === undefined || (isJobId(id) && printed.includes(id)));
    for (const state of statesIn(printed)) {
      assert.ok(isJobId(state.id) || /^\d+_\*$/.test(state.id), state.id);
      assert.match(state.word, /^[A-Z_]+$/);
    }
  });
  fc.assert(property, { numRuns: 2000, seed: 1 });
});

test('MaxArraySize is read from the configuration, else it is that of SLURM’s defaults', () => {
  assert.equal(arraySizeIn(`${banner}MaxArraySize            = 10001\nMaxJobCount = 1`), 10001);
  assert.equal(arraySizeIn('slurm_load_ctl_conf error: Unable to contact slurm controller'), 1001);
});
