import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { shortened, textWidth } from '../../src/report/svg.js';

describe('text width', () => {
  test('wide letters count for more than narrow ones, and unknown scripts for a whole em', () => {
    assert.ok(textWidth('iiii') < textWidth('aaaa') && textWidth('aaaa') < textWidth('WWWW'));
    assert.equal(textWidth('蘋果'), 24);
  });

  test('a name that fits stays whole, a longer one ends in “…” within the width', () => {
    assert.equal(shortened('aquarium_fish', 105), 'aquarium fish');
    for (const widest of [20, 50, 105]) {
      const cut = shortened('a_name_of_many_Wide_words_and_WWWWWWWW', widest);
      assert.ok(cut.endsWith('…') && !cut.endsWith(' …') && textWidth(cut) <= widest, cut);
    }
  });
});
