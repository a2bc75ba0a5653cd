/**
 * The training gate: a short training on the bundled set is the golden one within rounding, and three faults in the
 * loss are not.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type CurveFixture, curveLoss, curveSettings, departure, lossCurve, stepsPerEpoch } from './lossCurve.js';

const fixture: CurveFixture = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/loss_curve.json', import.meta.url), 'utf8'),
);
const { losses: golden, tolerance, measured } = fixture;
const remedy = 'if the numbers were meant to change: node scripts/make-loss-curve.mjs';

test('Forty-eight steps on the bundled set, fp32 and one thread, have the losses of the golden curve', async context => {
  const losses = await lossCurve();
  const distances = losses.map((loss, i) => Math.abs(loss - golden[i]!));
  context.diagnostic(`largest distance ${Math.max(...distances).toExponential(1)}`);
  assert.equal(losses.length, golden.length);
  assert.equal(departure(losses, fixture), undefined, remedy);
});

test('The gate fails when λ1 is 1.0 instead of 1.2', async () => {
  const losses = await lossCurve({ epochs: 1, loss: ['loss.lambda1=1', 'loss.lambda2=0.9'] });
  // Before the first step all statistics are 0 and every class has the same margin: the second is the first that can
  // differ.
  assert.match(departure(losses, fixture) ?? '', /^step 2: /);
});

test('The gate fails when there are no margins, that is, with cross-entropy', async () => {
  const losses = await lossCurve({ epochs: 1, loss: ['loss.name=cross_entropy'] });
  assert.match(departure(losses, fixture) ?? '', /^step 2: /);
});

test('The gate fails when the statistics are reset at each epoch, not before the second one', async () => {
  const losses = await lossCurve({ epochs: 2, resetStatistics: true });
  const first = stepsPerEpoch + 1;
  assert.match(departure(losses, fixture) ?? '', new RegExp(`^step ${first}: `));
});

test('The golden curve is of these settings, and its tolerance is what the measured spread beside it gives', () => {
  assert.deepEqual(fixture.settings, [...curveSettings, ...curveLoss, 'threads=1'], remedy);
  assert.equal(fixture.steps_per_epoch, stepsPerEpoch);
  const spreads = Object.values(measured.spread);
  assert.ok(spreads.length >= 3 && spreads.every(({ length }) => length === golden.length));
  for (const [i, allowed] of tolerance.entries()) {
    const expected = Math.max(measured.floor, measured.factor * Math.max(...spreads.map(spread => spread[i]!)));
    assert.ok(Math.abs(allowed - expected) <= 0.01 * expected, `step ${i + 1}`);
  }
});
