/** What `--json` prints. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonText } from '../../src/cli/display/jsonText.js';

test('keys become snake_case at every depth; values, arrays, null and undefined stay as they are', () => {
  const value = { selfTest: { imagesPerSecond: 3, list: [{ oneKey: 'camelCase' }] }, none: null, absent: undefined };
  assert.deepEqual(JSON.parse(jsonText(value)), {
    self_test: { images_per_second: 3, list: [{ one_key: 'camelCase' }] },
    none: null,
  });
  assert.equal(jsonText([1, 'aB']), '[1,"aB"]');
});
