/** What is read out of the texts that XLA writes: kernels by kind, bytes, convolutions, thunks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launched, parseThunks, thunksOfStep } from '../../src/plan/compile.js';
import { convolutionsOf } from '../../src/plan/convolutions.js';
import { parseHlo, stepOf } from '../../src/plan/hlo.js';
import { kernelsOfStep } from '../../src/plan/kernels.js';

const hlo = `HloModule program, is_scheduled=true, input_output_alias={ {0}: (0, {}, may-alias), {1}: (1, {}, must-alias) }, entry_computation_layout={...}

%add (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %sum = f32[] add(%a, %b)
}

%fused_sum (p0: f32[8,16]) -> f32[16] {
  %p0 = f32[8,16]{1,0} parameter(0)
  %zero = f32[] constant(0)
  ROOT %reduce = f32[16]{0} reduce(%p0, %zero), dimensions={0}, to_apply=%add
}

%fused_row (p0: u8[100,4], p1: s32[]) -> u8[1,4] {
  %p1 = s32[] parameter(1)
  %zero = s32[] constant(0)
  %p0 = u8[100,4]{1,0} parameter(0)
  ROOT %row = u8[1,4]{1,0} dynamic-slice(%p0, %p1, %zero), dynamic_slice_sizes={1,4}
}

%fused_store (p0: f32[100], p1: s32[], p2: f32[1]) -> f32[100] {
  %p0 = f32[100]{0} parameter(0)
  %p1 = s32[] parameter(1)
  %p2 = f32[1]{0} parameter(2)
  ROOT %stored = f32[100]{0} dynamic-update-slice(%p0, %p2, %p1)
}

%fused_pixel (p0: bf16[64,16], p1: f32[16]) -> (f32[16], f32[16]) {
  %p0 = bf16[64,16]{1,0} parameter(0)
  %converted = f32[64,16]{1,0} convert(%p0)
  %pixel = f32[1,16]{1,0} slice(%converted), slice={[0:1], [0:16]}
  %p1 = f32[16]{0} parameter(1)
  %flat = f32[16]{0} bitcast(%pixel)
  %shifted = f32[16]{0} subtract(%p1, %flat)
  ROOT %both = (f32[16]{0}, f32[16]{0}) tuple(%shifted, %p1)
}

%body (carried: (s32[], u8[100,4])) -> (s32[], u8[100,4]) {
  %carried = (s32[], u8[100,4]{1,0}) parameter(0)
  %turn = s32[] get-tuple-element(%carried), index=0
  %rows = u8[100,4]{1,0} get-tuple-element(%carried), index=1
  %images = bf16[64,32,32,16]{3,2,1,0} constant({...})
  %filter = bf16[32,3,3,8]{3,2,1,0} constant({...})
  %fusion.row = u8[1,4]{1,0} fusion(%rows, %turn), kind=kLoop, calls=%fused_row
  %conv = (bf16[64,16,16,32]{3,2,1,0}, u8[0]{0}) custom-call(%images, %filter), window={size=3x3 stride=2x2 pad=0_1x0_1}, dim_labels=b01f_o01i->b01f, feature_group_count=2, custom_call_target="__cudnn$convForward"
  %gradient = bf16[64,16,16,32]{3,2,1,0} get-tuple-element(%conv), index=0
  %wgrad = (bf16[32,3,3,8]{3,2,1,0}, u8[0]{0}) custom-call(%images, %gradient), window={size=3x3 stride=2x2 pad=0_1x0_1}, dim_labels=b01f_o01i->b01f, feature_group_count=2, custom_call_target="__cudnn$convBackwardFilter"
  %own = f32[1,2,2,1]{3,2,1,0} convolution(%images, %filter), window={size=3x3}, dim_labels=b01f_01io->b01f
  %values = f32[8,16]{1,0} constant({...})
  %fusion.sum = f32[16]{0} fusion(%values), kind=kInput, calls=%fused_sum
  %history = f32[100]{0} constant({...})
  %one = f32[1]{0} constant({1})
  %fusion.store = f32[100]{0} fusion(%history, %turn, %one), kind=kLoop, calls=%fused_store
  %matrix = bf16[64,16]{1,0} constant({...})
  %fusion.pixel = (f32[16]{0}, f32[16]{0}) fusion(%matrix, %fusion.sum), kind=kLoop, calls=%fused_pixel
  %sorted = s32[64]{0} sort(%turn), dimensions={0}, to_apply=%add
  ROOT %next = (s32[], u8[100,4]{1,0}) tuple(%turn, %rows)
}

%condition (carried: (s32[], u8[100,4])) -> pred[] {
  %carried = (s32[], u8[100,4]{1,0}) parameter(0)
  ROOT %true = pred[] constant(true)
}

ENTRY %main (p0: (s32[], u8[100,4])) -> (s32[], u8[100,4]) {
  %p0 = (s32[], u8[100,4]{1,0}) parameter(0)
  ROOT %while = (s32[], u8[100,4]{1,0}) while(%p0), condition=%condition, body=%body
}
`;

test('Kernels of the loop’s body, by kind and by bytes: of a slice what is taken, of an update what is written', () => {
  const module = parseHlo(hlo);
  assert.equal(module.aliased, 2);
  const kernels = Object.fromEntries(
    kernelsOfStep(module).map(({ instruction, kind, bytes }) => [instruction.name, [kind, bytes]]),
  );
  assert.deepEqual(kernels['fusion.row'], ['copy', 4 + 4 + 4]);
  assert.deepEqual(kernels['fusion.sum'], ['reduction', 4 * (8 * 16 + 16)]);
  assert.deepEqual(kernels['fusion.store'], ['copy', 4 + 4 + 4]);
  assert.deepEqual(kernels['fusion.pixel'], ['elementwise', 2 * 16 + 4 * 16 + 2 * 4 * 16]);
  assert.deepEqual(kernels.sorted, ['sort', 4 * 64 + 4]);
  assert.equal(kernels.conv![0], 'convolution');
  assert.equal(Object.keys(kernels).length, 8);
});

test('Convolutions with their shapes as cuDNN takes them; one that XLA computes itself is told apart', () => {
  const module = parseHlo(hlo);
  const { convolutions, others } = convolutionsOf(kernelsOfStep(module), stepOf(module));
  assert.deepEqual(others, ['own']);
  const shapes = {
    ...{ precision: 'bf16', image: [64, 16, 32, 32], filter: [32, 8, 3, 3], result: [64, 32, 16, 16] },
    ...{ strides: [2, 2], dilations: [1, 1] },
    padding: [
      [0, 1],
      [0, 1],
    ],
  };
  assert.deepEqual(convolutions, [
    { direction: 'forward', ...shapes },
    { direction: 'backward filter', ...shapes },
  ]);
});

test('Launches of a step: a command buffer is one, whatever is in it, and the loop’s condition is none', () => {
  const sequence = `000: kCommandBuffer [source       | next=065 (1)]
    001: kCopy         [source | sink] kCopy
002: kWhile         [prev=000 (1) | next=000 (1)] trip_count: 3
condition:
  003: kCustomKernel [source | sink] loop_compare grid: [1, 1, 1] threads: [1, 1, 1]
  body:
    000: kCommandBuffer [source | sink]
        004: kCustomKernel [source | next=1] input_reduce_7 grid: [8, 2, 1] threads: [128, 1, 1]  shared_memory: 0 bytes
        005: kConvolution  [prev=1 | sink] kConvolution
    006: kNcclAllReduceStart [source | sink] all-reduce
`;
  const metadata = [4, 5, 6]
    .map(id => `thunk_metadata {\n  thunk_info {\n    profile_annotation: "name.${id}"\n    thunk_id: ${id}\n  }\n}\n`)
    .join('');
  const step = thunksOfStep(parseThunks(sequence, metadata));
  assert.deepEqual(
    step.map(({ kind }) => kind),
    ['kCommandBuffer', 'kNcclAllReduceStart'],
  );
  assert.deepEqual(
    launched(step).map(({ instruction, blocks }) => [instruction, blocks]),
    [
      ['name.4', 16],
      ['name.5', undefined],
      ['name.6', undefined],
    ],
  );
});
