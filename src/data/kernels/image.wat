;; Kernels on RGB bytes in WebAssembly SIMD. In JavaScript they take three to five times as long, which is most of the
;; time to prepare an image of 224 x 224. scripts/assemble-kernels.mjs assembles this file into imageWasm.ts, and a test
;; compares the two. The kernels read and write whole vectors, so they can touch up to 16 bytes behind a region.
(module
  (memory (export "memory") 1)

  ;; Resizes each of $rows RGB rows along x. Each output has a record of taps, all int32: the first input, the number of
  ;; inputs (at least 1), and their weights in 22-bit fixed point. Two rows at a time share the loads of weights; the
  ;; last of an odd number of rows is computed twice. Output rows are $intoStride bytes apart, with 16 bytes between
  ;; them.
  (func (export "resampleRows")
    (param $from i32) (param $stride i32) (param $rows i32)
    (param $taps i32) (param $record i32) (param $outputs i32)
    (param $into i32) (param $intoStride i32)
    (local $tap i32) (local $left i32) (local $weight i32) (local $weightsEnd i32)
    (local $at i32) (local $below i32) (local $out i32) (local $outBelow i32)
    (local $sum v128) (local $sumBelow v128)
    (loop $nextRows
      (local.set $below (i32.const 0))
      (local.set $outBelow (i32.const 0))
      (if (i32.gt_s (local.get $rows) (i32.const 1)) (then
        (local.set $below (local.get $stride))
        (local.set $outBelow (local.get $intoStride))))
      (local.set $tap (local.get $taps))
      (local.set $left (local.get $outputs))
      (local.set $out (local.get $into))
      (loop $nextOutput
        (local.set $sum (v128.const i32x4 0x200000 0x200000 0x200000 0x200000))
        (local.set $sumBelow (local.get $sum))
        (local.set $at
          (i32.add (local.get $from) (i32.mul (i32.load (local.get $tap)) (i32.const 3))))
        (local.set $weight (i32.add (local.get $tap) (i32.const 8)))
        (local.set $weightsEnd
          (i32.add (local.get $weight) (i32.shl (i32.load offset=4 (local.get $tap)) (i32.const 2))))
        (loop $nextTap
          (local.set $sum (i32x4.add (local.get $sum) (i32x4.mul
            (v128.load32_splat (local.get $weight))
            (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $at)))))))
          (local.set $sumBelow (i32x4.add (local.get $sumBelow) (i32x4.mul
            (v128.load32_splat (local.get $weight))
            (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u
              (v128.load32_zero (i32.add (local.get $at) (local.get $below))))))))
          (local.set $at (i32.add (local.get $at) (i32.const 3)))
          (br_if $nextTap (i32.lt_u
            (local.tee $weight (i32.add (local.get $weight) (i32.const 4)))
            (local.get $weightsEnd))))
        (local.set $sum (i16x8.narrow_i32x4_s
          (i32x4.shr_s (local.get $sum) (i32.const 22))
          (i32x4.shr_s (local.get $sumBelow) (i32.const 22))))
        (local.set $sum (i8x16.narrow_i16x8_u (local.get $sum) (local.get $sum)))
        (v128.store32_lane 0 (local.get $out) (local.get $sum))
        (v128.store32_lane 1 (i32.add (local.get $out) (local.get $outBelow)) (local.get $sum))
        (local.set $out (i32.add (local.get $out) (i32.const 3)))
        (local.set $tap (i32.add (local.get $tap) (local.get $record)))
        (br_if $nextOutput (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (local.set $from (i32.add (local.get $from) (i32.shl (local.get $stride) (i32.const 1))))
      (local.set $into (i32.add (local.get $into) (i32.shl (local.get $intoStride) (i32.const 1))))
      (br_if $nextRows (i32.gt_s (local.tee $rows (i32.sub (local.get $rows) (i32.const 2))) (i32.const 0)))))

  ;; Interleaves the planes red, green and blue of an image, each of $plane bytes, a multiple of 16, to RGB bytes.
  (func (export "interleave") (param $from i32) (param $plane i32) (param $into i32)
    (local $end i32) (local $red v128) (local $green v128) (local $blue v128)
    (local.set $end (i32.add (local.get $from) (local.get $plane)))
    (loop $next
      (local.set $red (v128.load (local.get $from)))
      (local.set $green (v128.load (i32.add (local.get $from) (local.get $plane))))
      (local.set $blue (v128.load (i32.add (local.get $from) (i32.shl (local.get $plane) (i32.const 1)))))
      (v128.store (local.get $into) (i8x16.shuffle 0 1 16 3 4 17 6 7 18 9 10 19 12 13 20 15
        (i8x16.shuffle 0 16 0 1 17 0 2 18 0 3 19 0 4 20 0 5 (local.get $red) (local.get $green))
        (local.get $blue)))
      (v128.store offset=16 (local.get $into) (i8x16.shuffle 0 21 2 3 22 5 6 23 8 9 24 11 12 25 14 15
        (i8x16.shuffle 21 0 6 22 0 7 23 0 8 24 0 9 25 0 10 26 (local.get $red) (local.get $green))
        (local.get $blue)))
      (v128.store offset=32 (local.get $into) (i8x16.shuffle 26 1 2 27 4 5 28 7 8 29 10 11 30 13 14 31
        (i8x16.shuffle 0 11 27 0 12 28 0 13 29 0 14 30 0 15 31 0 (local.get $red) (local.get $green))
        (local.get $blue)))
      (local.set $into (i32.add (local.get $into) (i32.const 48)))
      (br_if $next (i32.lt_u
        (local.tee $from (i32.add (local.get $from) (i32.const 16))) (local.get $end)))))

  ;; Resizes rows of $rowBytes bytes along y, 16 bytes at a time. Taps and strides are as in resampleRows.
  (func (export "resampleColumns")
    (param $from i32) (param $stride i32) (param $rowBytes i32)
    (param $taps i32) (param $record i32) (param $outputs i32)
    (param $into i32) (param $intoStride i32)
    (local $row i32) (local $byte i32) (local $at i32) (local $weight i32) (local $weightsEnd i32)
    (local $factor v128) (local $bytes v128) (local $half v128)
    (local $sum0 v128) (local $sum1 v128) (local $sum2 v128) (local $sum3 v128)
    (loop $nextOutput
      (local.set $row
        (i32.add (local.get $from) (i32.mul (i32.load (local.get $taps)) (local.get $stride))))
      (local.set $weightsEnd (i32.add
        (i32.add (local.get $taps) (i32.const 8))
        (i32.shl (i32.load offset=4 (local.get $taps)) (i32.const 2))))
      (local.set $byte (i32.const 0))
      (loop $nextBytes
        (local.set $sum0 (v128.const i32x4 0x200000 0x200000 0x200000 0x200000))
        (local.set $sum1 (local.get $sum0))
        (local.set $sum2 (local.get $sum0))
        (local.set $sum3 (local.get $sum0))
        (local.set $at (i32.add (local.get $row) (local.get $byte)))
        (local.set $weight (i32.add (local.get $taps) (i32.const 8)))
        (loop $nextTap
          (local.set $factor (v128.load32_splat (local.get $weight)))
          (local.set $bytes (v128.load (local.get $at)))
          (local.set $half (i16x8.extend_low_i8x16_u (local.get $bytes)))
          (local.set $sum0 (i32x4.add (local.get $sum0)
            (i32x4.mul (local.get $factor) (i32x4.extend_low_i16x8_u (local.get $half)))))
          (local.set $sum1 (i32x4.add (local.get $sum1)
            (i32x4.mul (local.get $factor) (i32x4.extend_high_i16x8_u (local.get $half)))))
          (local.set $half (i16x8.extend_high_i8x16_u (local.get $bytes)))
          (local.set $sum2 (i32x4.add (local.get $sum2)
            (i32x4.mul (local.get $factor) (i32x4.extend_low_i16x8_u (local.get $half)))))
          (local.set $sum3 (i32x4.add (local.get $sum3)
            (i32x4.mul (local.get $factor) (i32x4.extend_high_i16x8_u (local.get $half)))))
          (local.set $at (i32.add (local.get $at) (local.get $stride)))
          (br_if $nextTap (i32.lt_u
            (local.tee $weight (i32.add (local.get $weight) (i32.const 4)))
            (local.get $weightsEnd))))
        (v128.store (i32.add (local.get $into) (local.get $byte)) (i8x16.narrow_i16x8_u
          (i16x8.narrow_i32x4_s
            (i32x4.shr_s (local.get $sum0) (i32.const 22)) (i32x4.shr_s (local.get $sum1) (i32.const 22)))
          (i16x8.narrow_i32x4_s
            (i32x4.shr_s (local.get $sum2) (i32.const 22)) (i32x4.shr_s (local.get $sum3) (i32.const 22)))))
        (br_if $nextBytes (i32.lt_u
          (local.tee $byte (i32.add (local.get $byte) (i32.const 16)))
          (local.get $rowBytes))))
      (local.set $into (i32.add (local.get $into) (local.get $intoStride)))
      (local.set $taps (i32.add (local.get $taps) (local.get $record)))
      (br_if $nextOutput (local.tee $outputs (i32.sub (local.get $outputs) (i32.const 1))))))

  ;; Blends every byte with one value in float32, value + factor * (byte - value), clipped to a byte (Pillow's
  ;; Image.blend). The blend is repeated in the code, because V8 does not inline functions: $d is the value and $f the
  ;; factor, four times each.
  (func (export "blendWithValue") (param $at i32) (param $bytes i32) (param $value f32) (param $factor f32)
    (local $end i32) (local $v v128) (local $low v128) (local $high v128) (local $d v128) (local $f v128)
    (local.set $d (f32x4.splat (local.get $value)))
    (local.set $f (f32x4.splat (local.get $factor)))
    (local.set $end (i32.add (local.get $at) (local.get $bytes)))
    (loop $next
      (local.set $v (v128.load (local.get $at)))
      (local.set $low (i16x8.extend_low_i8x16_u (local.get $v)))
      (local.set $high (i16x8.extend_high_i8x16_u (local.get $v)))
      (v128.store (local.get $at) (i8x16.narrow_i16x8_u
        (i16x8.narrow_i32x4_s
          (i32x4.trunc_sat_f32x4_s (f32x4.add (local.get $d)
            (f32x4.mul (local.get $f) (f32x4.sub (f32x4.convert_i32x4_s
              (i32x4.extend_low_i16x8_u (local.get $low))) (local.get $d)))))
          (i32x4.trunc_sat_f32x4_s (f32x4.add (local.get $d)
            (f32x4.mul (local.get $f) (f32x4.sub (f32x4.convert_i32x4_s
              (i32x4.extend_high_i16x8_u (local.get $low))) (local.get $d))))))
        (i16x8.narrow_i32x4_s
          (i32x4.trunc_sat_f32x4_s (f32x4.add (local.get $d)
            (f32x4.mul (local.get $f) (f32x4.sub (f32x4.convert_i32x4_s
              (i32x4.extend_low_i16x8_u (local.get $high))) (local.get $d)))))
          (i32x4.trunc_sat_f32x4_s (f32x4.add (local.get $d)
            (f32x4.mul (local.get $f) (f32x4.sub (f32x4.convert_i32x4_s
              (i32x4.extend_high_i16x8_u (local.get $high))) (local.get $d))))))))
      (br_if $next (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 16)))
        (local.get $end)))))

  ;; Sum of the lumas of $pixels pixels (ITU-R 601-2 in 16-bit fixed point, Pillow's convert('L')), four pixels at a
  ;; time. The pixels that complete the last four must be 0.
  (func (export "lumaSum") (param $at i32) (param $pixels i32) (result i32)
    (local $v v128) (local $r v128) (local $g v128) (local $b v128) (local $sum v128)
    (loop $next
      (local.set $v (v128.load (local.get $at)))
      (local.set $r (i8x16.shuffle 0 16 16 16 3 16 16 16 6 16 16 16 9 16 16 16
        (local.get $v) (v128.const i32x4 0 0 0 0)))
      (local.set $g (i8x16.shuffle 1 16 16 16 4 16 16 16 7 16 16 16 10 16 16 16
        (local.get $v) (v128.const i32x4 0 0 0 0)))
      (local.set $b (i8x16.shuffle 2 16 16 16 5 16 16 16 8 16 16 16 11 16 16 16
        (local.get $v) (v128.const i32x4 0 0 0 0)))
      (local.set $sum (i32x4.add (local.get $sum) (i32x4.shr_u
        (i32x4.add
          (i32x4.add
            (i32x4.mul (local.get $r) (v128.const i32x4 19595 19595 19595 19595))
            (i32x4.mul (local.get $g) (v128.const i32x4 38470 38470 38470 38470)))
          (i32x4.add
            (i32x4.mul (local.get $b) (v128.const i32x4 7471 7471 7471 7471))
            (v128.const i32x4 32768 32768 32768 32768)))
        (i32.const 16))))
      (local.set $at (i32.add (local.get $at) (i32.const 12)))
      (br_if $next (i32.gt_s
        (local.tee $pixels (i32.sub (local.get $pixels) (i32.const 4)))
        (i32.const 0))))
    (i32.add
      (i32.add (i32x4.extract_lane 0 (local.get $sum)) (i32x4.extract_lane 1 (local.get $sum)))
      (i32.add (i32x4.extract_lane 2 (local.get $sum)) (i32x4.extract_lane 3 (local.get $sum)))))

  ;; Blends every pixel with its luma.
  (func (export "blendWithLuma") (param $at i32) (param $pixels i32) (param $factor f32)
    (local $v v128) (local $r v128) (local $g v128) (local $b v128) (local $d v128) (local $f v128)
    (local.set $f (f32x4.splat (local.get $factor)))
    (loop $next
      (local.set $v (v128.load (local.get $at)))
      (local.set $r (i8x16.shuffle 0 16 16 16 3 16 16 16 6 16 16 16 9 16 16 16
        (local.get $v) (v128.const i32x4 0 0 0 0)))
      (local.set $g (i8x16.shuffle 1 16 16 16 4 16 16 16 7 16 16 16 10 16 16 16
        (local.get $v) (v128.const i32x4 0 0 0 0)))
      (local.set $b (i8x16.shuffle 2 16 16 16 5 16 16 16 8 16 16 16 11 16 16 16
        (local.get $v) (v128.const i32x4 0 0 0 0)))
      (local.set $d (f32x4.convert_i32x4_s (i32x4.shr_u
        (i32x4.add
          (i32x4.add
            (i32x4.mul (local.get $r) (v128.const i32x4 19595 19595 19595 19595))
            (i32x4.mul (local.get $g) (v128.const i32x4 38470 38470 38470 38470)))
          (i32x4.add
            (i32x4.mul (local.get $b) (v128.const i32x4 7471 7471 7471 7471))
            (v128.const i32x4 32768 32768 32768 32768)))
        (i32.const 16))))
      (local.set $r (i32x4.min_s (i32x4.max_s
          (i32x4.trunc_sat_f32x4_s (f32x4.add (local.get $d)
            (f32x4.mul (local.get $f) (f32x4.sub (f32x4.convert_i32x4_s
              (local.get $r)) (local.get $d)))))
          (v128.const i32x4 0 0 0 0)) (v128.const i32x4 255 255 255 255)))
      (local.set $g (i32x4.min_s (i32x4.max_s
          (i32x4.trunc_sat_f32x4_s (f32x4.add (local.get $d)
            (f32x4.mul (local.get $f) (f32x4.sub (f32x4.convert_i32x4_s
              (local.get $g)) (local.get $d)))))
          (v128.const i32x4 0 0 0 0)) (v128.const i32x4 255 255 255 255)))
      (local.set $b (i32x4.min_s (i32x4.max_s
          (i32x4.trunc_sat_f32x4_s (f32x4.add (local.get $d)
            (f32x4.mul (local.get $f) (f32x4.sub (f32x4.convert_i32x4_s
              (local.get $b)) (local.get $d)))))
          (v128.const i32x4 0 0 0 0)) (v128.const i32x4 255 255 255 255)))
      (local.set $v (v128.or (local.get $r) (v128.or
        (i32x4.shl (local.get $g) (i32.const 8))
        (i32x4.shl (local.get $b) (i32.const 16)))))
      (local.set $v (i8x16.shuffle 0 1 2 4 5 6 8 9 10 12 13 14 0 0 0 0 (local.get $v) (local.get $v)))
      (v128.store64_lane 0 (local.get $at) (local.get $v))
      (v128.store32_lane offset=8 2 (local.get $at) (local.get $v))
      (local.set $at (i32.add (local.get $at) (i32.const 12)))
      (br_if $next (i32.gt_s
        (local.tee $pixels (i32.sub (local.get $pixels) (i32.const 4)))
        (i32.const 0)))))

  ;; Inverts the bytes that are at least $threshold.
  (func (export "solarize") (param $at i32) (param $bytes i32) (param $threshold i32)
    (local $end i32) (local $v v128)
    (local.set $end (i32.add (local.get $at) (local.get $bytes)))
    (loop $next
      (local.set $v (v128.load (local.get $at)))
      (v128.store (local.get $at) (v128.xor (local.get $v)
        (i8x16.ge_u (local.get $v) (i8x16.splat (local.get $threshold)))))
      (br_if $next (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 16)))
        (local.get $end)))))

  ;; Adds $add to the bytes below 128, up to 255.
  (func (export "solarizeAdd") (param $at i32) (param $bytes i32) (param $add i32)
    (local $end i32) (local $v v128)
    (local.set $end (i32.add (local.get $at) (local.get $bytes)))
    (loop $next
      (local.set $v (v128.load (local.get $at)))
      (v128.store (local.get $at) (v128.bitselect
        (i8x16.add_sat_u (local.get $v) (i8x16.splat (local.get $add)))
        (local.get $v)
        (i8x16.lt_u (local.get $v) (i8x16.splat (i32.const 128)))))
      (br_if $next (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 16)))
        (local.get $end)))))

  ;; Keeps the bits of $mask.
  (func (export "keepBits") (param $at i32) (param $bytes i32) (param $mask i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $bytes)))
    (loop $next
      (v128.store (local.get $at) (v128.and (v128.load (local.get $at)) (i8x16.splat (local.get $mask))))
      (br_if $next (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 16)))
        (local.get $end)))))

  ;; Adds the pixels to three consecutive histograms of 256 int32 each.
  (func (export "histograms") (param $at i32) (param $pixels i32) (param $into i32)
    (local $bin i32)
    (loop $next
      (local.set $bin (i32.add (local.get $into) (i32.shl (i32.load8_u (local.get $at)) (i32.const 2))))
      (i32.store (local.get $bin) (i32.add (i32.load (local.get $bin)) (i32.const 1)))
      (local.set $bin (i32.add (local.get $into) (i32.shl (i32.load8_u offset=1 (local.get $at)) (i32.const 2))))
      (i32.store offset=1024 (local.get $bin) (i32.add (i32.load offset=1024 (local.get $bin)) (i32.const 1)))
      (local.set $bin (i32.add (local.get $into) (i32.shl (i32.load8_u offset=2 (local.get $at)) (i32.const 2))))
      (i32.store offset=2048 (local.get $bin) (i32.add (i32.load offset=2048 (local.get $bin)) (i32.const 1)))
      (local.set $at (i32.add (local.get $at) (i32.const 3)))
      (br_if $next (local.tee $pixels (i32.sub (local.get $pixels) (i32.const 1))))))

  ;; Replaces every byte by its entry in the table of its channel; the three tables of 256 bytes are consecutive.
  (func (export "mapChannels") (param $at i32) (param $pixels i32) (param $tables i32)
    (loop $next
      (i32.store8 (local.get $at)
        (i32.load8_u (i32.add (local.get $tables) (i32.load8_u (local.get $at)))))
      (i32.store8 offset=1 (local.get $at)
        (i32.load8_u offset=256 (i32.add (local.get $tables) (i32.load8_u offset=1 (local.get $at)))))
      (i32.store8 offset=2 (local.get $at)
        (i32.load8_u offset=512 (i32.add (local.get $tables) (i32.load8_u offset=2 (local.get $at)))))
      (local.set $at (i32.add (local.get $at) (i32.const 3)))
      (br_if $next (local.tee $pixels (i32.sub (local.get $pixels) (i32.const 1))))))

  ;; Blends every pixel, except at the border, with the mean of its neighbourhood (weights 1 around 5, over 13,
  ;; rounded). $from and $into have the same image, of at least 5 columns. The last 8 bytes of a row are computed twice
  ;; where its length is no multiple of 8.
  (func (export "sharpen")
    (param $from i32) (param $into i32) (param $rowBytes i32) (param $rows i32) (param $factor f32)
    (local $byte i32) (local $last i32) (local $above i32) (local $at i32) (local $below i32)
    (local $x v128) (local $sum v128) (local $d v128) (local $f v128) (local $low v128)
    (local.set $f (f32x4.splat (local.get $factor)))
    (local.set $last (i32.sub (local.get $rowBytes) (i32.const 11)))
    (local.set $rows (i32.sub (local.get $rows) (i32.const 2)))
    (loop $nextRow
      (local.set $byte (i32.const 3))
      (loop $nextBytes
        (local.set $above (i32.add (local.get $from) (local.get $byte)))
        (local.set $at (i32.add (local.get $above) (local.get $rowBytes)))
        (local.set $below (i32.add (local.get $at) (local.get $rowBytes)))
        (local.set $x (v128.load8x8_u (local.get $at)))
        (local.set $sum (i16x8.add
          (i16x8.add
            (i16x8.add
              (i16x8.add
                (v128.load8x8_u (i32.sub (local.get $above) (i32.const 3)))
                (v128.load8x8_u (local.get $above)))
              (v128.load8x8_u offset=3 (local.get $above)))
            (i16x8.add
              (i16x8.add
                (v128.load8x8_u (i32.sub (local.get $below) (i32.const 3)))
                (v128.load8x8_u (local.get $below)))
              (v128.load8x8_u offset=3 (local.get $below))))
          (i16x8.add
            (i16x8.add
              (v128.load8x8_u (i32.sub (local.get $at) (i32.const 3)))
              (v128.load8x8_u offset=3 (local.get $at)))
            (i16x8.add (local.get $x) (i16x8.shl (local.get $x) (i32.const 2))))))
        ;; No thirteenth is close to a half, so float32 rounds like exact numbers.
        (local.set $d (f32x4.floor (f32x4.add (f32x4.splat (f32.const 0.5)) (f32x4.mul
          (f32x4.convert_i32x4_u (i32x4.extend_low_i16x8_u (local.get $sum)))
          (f32x4.splat (f32.const 0.07692307692307693))))))
        (local.set $low (i32x4.trunc_sat_f32x4_s (f32x4.add (local.get $d) (f32x4.mul (local.get $f) (f32x4.sub
          (f32x4.convert_i32x4_u (i32x4.extend_low_i16x8_u (local.get $x))) (local.get $d))))))
        (local.set $d (f32x4.floor (f32x4.add (f32x4.splat (f32.const 0.5)) (f32x4.mul
          (f32x4.convert_i32x4_u (i32x4.extend_high_i16x8_u (local.get $sum)))
          (f32x4.splat (f32.const 0.07692307692307693))))))
        (local.set $sum (i16x8.narrow_i32x4_s (local.get $low)
          (i32x4.trunc_sat_f32x4_s (f32x4.add (local.get $d) (f32x4.mul (local.get $f) (f32x4.sub
            (f32x4.convert_i32x4_u (i32x4.extend_high_i16x8_u (local.get $x))) (local.get $d)))))))
        (v128.store64_lane 0
          (i32.add (i32.add (local.get $into) (local.get $rowBytes)) (local.get $byte))
          (i8x16.narrow_i16x8_u (local.get $sum) (local.get $sum)))
        (if (i32.lt_s (local.get $byte) (local.get $last)) (then
          (local.set $byte (i32.add (local.get $byte) (i32.const 8)))
          (if (i32.gt_s (local.get $byte) (local.get $last)) (then (local.set $byte (local.get $last))))
          (br $nextBytes))))
      (local.set $from (i32.add (local.get $from) (local.get $rowBytes)))
      (local.set $into (i32.add (local.get $into) (local.get $rowBytes)))
      (br_if $nextRow (local.tee $rows (i32.sub (local.get $rows) (i32.const 1))))))
)
