import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { test } from 'node:test';
import fc from 'fast-check';
import { withHome, wordWithHome } from '../../src/io/homePath.js';

test('~ and ~/ at the beginning are the home folder, alone and after an option', () => {
  assert.deepEqual(['~', '~/', '~/a/~/b'].map(withHome), [homedir(), `${homedir()}/`, `${homedir()}/a/~/b`]);
  assert.equal(wordWithHome('--output=~/runs'), `--output=${homedir()}/runs`);
  assert.equal(wordWithHome('~/runs'), `${homedir()}/runs`);
});

test('anything else stays as it is', () => {
  for (const word of ['a/~/b', '~user/a', '~a', '--set', 'data.root=~/a', '--a~/b', '-o=~/x']) {
    assert.equal(wordWithHome(word), word);
  }
  fc.assert(
    fc.property(fc.string(), text => {
      fc.pre(!/^(--[\w-]+=)?~(\/|$)/.test(text));
      assert.equal(wordWithHome(text), text);
    }),
  );
});

test('what is expanded once is not expanded again', () =>
  fc.assert(fc.property(fc.string(), text => assert.equal(withHome(withHome(`~/${text}`)), withHome(`~/${text}`)))));
