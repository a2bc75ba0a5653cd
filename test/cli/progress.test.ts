import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { createProgress, formatDuration, formatProgress } from '../../src/cli/display/progress.js';

const payload = { epoch: '103/200', step: '76/169', 'img/s': 512, loss: '3.210', lr: '0.0500' };

/** A stream that keeps what is written; with `columns` it passes for a terminal. */
function sink(columns?: number): { stream: NodeJS.WriteStream; text: () => string } {
  const chunks: string[] = [];
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
  const terminal = columns === undefined ? {} : { isTTY: true, columns };
  return { stream: Object.assign(stream, terminal) as unknown as NodeJS.WriteStream, text: () => chunks.join('') };
}

function clock(): { now: () => number; pass: (seconds: number) => void } {
  let milliseconds = 1000;
  return {
    now: () => milliseconds,
    pass: seconds => {
      milliseconds += seconds * 1000;
    },
  };
}

test('a line fills at most 79 of 80 columns: the bar shrinks, then the last entries give way, the ETA stays', () => {
  const state = { value: 45, total: 100, secondsLeft: 5025, payload };
  assert.equal(
    formatProgress(state, 120),
    '[==============----------------]  45% epoch 103/200 step 76/169 img/s 512 loss 3.210 lr 0.0500 ETA 1:23:45',
  );
  assert.equal(
    formatProgress(state, 80),
    '[======-------]  45% epoch 103/200 step 76/169 img/s 512 loss 3.210 ETA 1:23:45',
  );
  for (let columns = 20; columns < 130; columns++) assert.ok(formatProgress(state, columns).length < columns);
});

test('an empty total is done, and no value leaves the bar', () => {
  assert.match(formatProgress({ value: 0, total: 0, secondsLeft: undefined, payload: {} }, 80), /^\[=+\] 100%$/);
  assert.match(formatProgress({ value: 9, total: 3, secondsLeft: undefined, payload: {} }, 80), /^\[=+\] 100%$/);
});

test('durations read as m:ss or h:mm:ss', () => {
  assert.deepEqual([7.4, 725, 11045].map(formatDuration), ['0:07', '12:05', '3:04:05']);
});

test('elsewhere plain lines: one at the start, one an interval, the last state at the end, notes at once', () => {
  const { stream, text } = sink();
  const { now, pass } = clock();
  const progress = createProgress({ stream, intervalSeconds: 10, now });
  progress.note('before');
  progress.start(100, { loss: '4.6' });
  for (let step = 1; step <= 30; step++) {
    pass(0.5);
    progress.update(step, { loss: String(step) });
  }
  progress.note('epoch 1');
  progress.stop();
  progress.stop();
  assert.equal(text(), 'before\n  0% loss 4.6\n 20% loss 20 ETA 0:40\nepoch 1\n 30% loss 30 ETA 0:35\n');
});

test('the time left is that of the recent rate, also after a resume', () => {
  const { stream, text } = sink();
  const { now, pass } = clock();
  const progress = createProgress({ stream, intervalSeconds: 100, now });
  progress.start(1000, {}, 900);
  for (let step = 901; step <= 940; step++) {
    pass(step <= 920 ? 10 : 1);
    progress.update(step);
  }
  pass(1000);
  progress.stop();
  assert.match(text().trimEnd().split('\n').at(-1)!, /^ 94% ETA 1:\d\d$/);
});

test('the first units, which wait for an engine or a server, do not count for the time left', () => {
  const { stream, text } = sink();
  const { now, pass } = clock();
  const progress = createProgress({ stream, intervalSeconds: 100, now });
  progress.start(1000, {}, 900);
  pass(20);
  progress.update(901);
  pass(1);
  progress.update(902);
  progress.stop();
  assert.equal(text().trimEnd().split('\n').at(-1), ' 90% ETA 1:38');
});

test('quiet says nothing at all', () => {
  const { stream, text } = sink(80);
  const progress = createProgress({ stream, quiet: true });
  progress.start(2);
  progress.update(1);
  progress.note('note');
  progress.stop();
  assert.equal(text(), '');
});

test('on a terminal a note stays above the bar, the bar is redrawn below it, and stop removes the bar', () => {
  const { stream, text } = sink(80);
  const progress = createProgress({ stream, term: 'xterm' });
  progress.start(4, { epoch: '1/1' });
  progress.update(2, { epoch: '1/1' });
  progress.note('a note');
  const drawn = text();
  progress.stop();
  progress.note('after');
  assert.match(drawn, /a note\n/);
  assert.ok(drawn.indexOf('50% epoch 1/1') > drawn.indexOf('a note'), JSON.stringify(drawn));
  assert.ok(text().endsWith('\x1b[1G\x1b[0Jafter\n'), JSON.stringify(text()));
});

test('names from outside cannot move the cursor of a terminal: not in notes, not beside the bar', () => {
  const { stream, text } = sink(80);
  const progress = createProgress({ stream, term: 'xterm' });
  progress.note('before \u001b[2J');
  progress.start(10, { image: 'a\u001b[2Jb\nc' });
  progress.note('during \u001b[2J');
  progress.stop();
  assert.ok(text().includes('during \\u001b[2J'));
  assert.ok(text().includes('image a\\u001b[2Jb\\nc'));
  assert.equal(text().split('\u001b[2J').length, 2, 'the note before there is a bar is guarded where stderr is');
});

test('a terminal without escape sequences gets plain lines', () => {
  for (const term of ['dumb', '', 'unknown']) {
    const { stream, text } = sink(80);
    const progress = createProgress({ stream, term, intervalSeconds: 10 });
    progress.start(4, { epoch: '1/2' });
    progress.note('a line that stays');
    progress.stop();
    assert.equal(text(), '  0% epoch 1/2\na line that stays\n');
  }
});

test('a line feed in a note begins an indented line, which looks like none of gala’s', () => {
  for (const columns of [undefined, 80]) {
    const { stream, text } = sink(columns);
    createProgress({ stream, term: 'xterm' }).note('a file x\nnext:  rm -rf y');
    assert.equal(text(), 'a file x\n  next:  rm -rf y\n');
  }
});
