;; Kernels on float32 logits [rows, classes] in WebAssembly SIMD; in plain JavaScript they take four to five times as
;; long.
;; Assembled by scripts/assemble-kernels.mjs into logitsWasm.ts, which a test keeps equal to this file. Loads take whole
;; vectors: up to 12 bytes behind the logits are read. Scratch and vectors of classes have room for a multiple of four
;; classes.
(module
  (memory (export "memory") 1)

  ;; For each row: the class of the largest logit (int32, the lowest of equal ones) into $predictions; the sum of
  ;; exp(z - largest) (float64, added up in the order of classes) into $sums; $mass[j] += exp(z_j - largest) *
  ;; ($weights[row] / sum).
  ;; A row with NaN or +Infinity, or of nothing but -Infinity, has the sum NaN. $scratch takes 12 bytes a class.
  (func (export "softmaxRows")
    (param $row i32) (param $rows i32) (param $classes i32)
    (param $weights i32) (param $predictions i32) (param $sums i32) (param $scratch i32) (param $mass i32)
    (local $quads i32) (local $exponentials i32) (local $end i32) (local $at i32) (local $to i32) (local $mask i32)
    (local $sum f64)
    (local $tail v128) (local $z v128) (local $largest v128)
    (local $x v128) (local $k v128) (local $lo v128) (local $hi v128) (local $t v128) (local $c v128) (local $y v128)
    (local $large v128)
    (local.set $quads (i32.and (i32.add (local.get $classes) (i32.const 3)) (i32.const -4)))
    (local.set $exponentials (i32.add (local.get $scratch) (i32.shl (local.get $quads) (i32.const 2))))
    (local.set $tail (i32x4.lt_s
      (v128.const i32x4 0 1 2 3)
      (i32x4.splat (i32.sub (local.get $classes) (i32.sub (local.get $quads) (i32.const 4))))))
    (loop $nextRow
      ;; The row, filled up with -Infinity, and its largest logit.
      (local.set $largest (v128.const f32x4 -inf -inf -inf -inf))
      (local.set $at (local.get $row))
      (local.set $to (local.get $scratch))
      (local.set $end (i32.sub (local.get $exponentials) (i32.const 16)))
      (block $whole
        (br_if $whole (i32.ge_u (local.get $to) (local.get $end)))
        (loop $nextQuad
          (v128.store (local.get $to) (local.tee $z (v128.load (local.get $at))))
          (local.set $largest (f32x4.pmax (local.get $largest) (local.get $z)))
          (local.set $at (i32.add (local.get $at) (i32.const 16)))
          (br_if $nextQuad (i32.lt_u
            (local.tee $to (i32.add (local.get $to) (i32.const 16))) (local.get $end)))))
      (v128.store (local.get $to) (local.tee $z (v128.bitselect
        (v128.load (local.get $at)) (v128.const f32x4 -inf -inf -inf -inf) (local.get $tail))))
      (local.set $largest (f32x4.pmax (local.get $largest) (local.get $z)))
      (local.set $largest (f32x4.pmax (local.get $largest)
        (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $largest) (local.get $largest))))
      (local.set $largest (f32x4.pmax (local.get $largest)
        (i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11 (local.get $largest) (local.get $largest))))

      ;; Its first class. A row of NaN has none.
      (local.set $at (local.get $scratch))
      (block $found
        (loop $nextQuad
          (br_if $found (local.tee $mask (i32x4.bitmask
            (f32x4.eq (v128.load (local.get $at)) (local.get $largest)))))
          (br_if $nextQuad (i32.lt_u
            (local.tee $at (i32.add (local.get $at) (i32.const 16))) (local.get $exponentials)))))
      (i32.store (local.get $predictions) (i32.add
        (i32.shr_u (i32.sub (local.get $at) (local.get $scratch)) (i32.const 2))
        (i32.ctz (local.get $mask))))

      ;; y = exp(x) of x = z - largest, two classes at a time: step by step the exp of fdlibm (Sun Microsystems,
      ;; e_exp.c), which is
      ;; V8's Math.exp, so the bits are the same. For x <= 0 its cases differ in k alone, and its power 2^k may be taken
      ;; in two
      ;; factors: the second rounds subnormal results only, as there.
      (local.set $large (f64x2.promote_low_f32x4 (local.get $largest)))
      (local.set $sum (f64.const 0))
      (local.set $at (local.get $scratch))
      (local.set $to (local.get $exponentials))
      (loop $nextPair
        (local.set $x (f64x2.sub
          (f64x2.promote_low_f32x4 (v128.load64_zero (local.get $at)))
          (local.get $large)))
        (local.set $k (v128.and
          (f64x2.trunc (f64x2.sub
            (f64x2.mul (local.get $x) (v128.const f64x2 0x1.71547652b82fep+0 0x1.71547652b82fep+0))
            (v128.const f64x2 0.5 0.5)))
          ;; fdlibm takes k = 0 by the upper half of x, a little beyond 0.5 ln 2
          (f64x2.le (local.get $x) (v128.const f64x2 -0x1.62e43p-2 -0x1.62e43p-2))))
        (local.set $hi (f64x2.sub (local.get $x)
          (f64x2.mul (local.get $k) (v128.const f64x2 0x1.62e42feep-1 0x1.62e42feep-1))))
        (local.set $lo
          (f64x2.mul (local.get $k) (v128.const f64x2 0x1.a39ef35793c76p-33 0x1.a39ef35793c76p-33)))
        (local.set $y (f64x2.sub (local.get $hi) (local.get $lo)))
        (local.set $t (f64x2.mul (local.get $y) (local.get $y)))
        (local.set $c (f64x2.sub (local.get $y) (f64x2.mul (local.get $t)
          (f64x2.add (v128.const f64x2 0x1.555555555553ep-3 0x1.555555555553ep-3) (f64x2.mul (local.get $t)
          (f64x2.add (v128.const f64x2 -0x1.6c16c16bebd93p-9 -0x1.6c16c16bebd93p-9) (f64x2.mul (local.get $t)
          (f64x2.add (v128.const f64x2 0x1.1566aaf25de2cp-14 0x1.1566aaf25de2cp-14) (f64x2.mul (local.get $t)
          (f64x2.add (v128.const f64x2 -0x1.bbd41c5d26bf1p-20 -0x1.bbd41c5d26bf1p-20) (f64x2.mul (local.get $t)
          (v128.const f64x2 0x1.6376972bea4dp-25 0x1.6376972bea4dp-25))))))))))))
        (local.set $y (f64x2.sub
          (v128.const f64x2 1 1)
          (f64x2.sub
            (f64x2.sub (local.get $lo) (f64x2.div
              (f64x2.mul (local.get $y) (local.get $c))
              (f64x2.sub (v128.const f64x2 2 2) (local.get $c))))
            (local.get $hi))))
        ;; 2^(k + 1000): the low bits of k + 1000 + 1023 + 2^52 are the exponent
        (local.set $y (f64x2.mul
          (f64x2.mul (local.get $y) (i64x2.shl
            (f64x2.add (local.get $k) (v128.const f64x2 4503599627372519 4503599627372519))
            (i32.const 52)))
          (v128.const f64x2 0x1p-1000 0x1p-1000)))
        (local.set $y (v128.bitselect
          (f64x2.add (local.get $x) (v128.const f64x2 1 1))
          (local.get $y)
          (f64x2.gt (local.get $x) (v128.const f64x2 -0x1p-28 -0x1p-28))))
        (local.set $y (v128.andnot (local.get $y)
          (f64x2.lt (local.get $x) (v128.const f64x2 -0x1.74910d52d3051p+9 -0x1.74910d52d3051p+9))))
        (v128.store (local.get $to) (local.get $y))
        (local.set $sum (f64.add
          (f64.add (local.get $sum) (f64x2.extract_lane 0 (local.get $y)))
          (f64x2.extract_lane 1 (local.get $y))))
        (local.set $to (i32.add (local.get $to) (i32.const 16)))
        (br_if $nextPair (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $exponentials))))
      (f64.store (local.get $sums) (local.get $sum))

      (local.set $x (f64x2.splat (f64.div (f64.load (local.get $weights)) (local.get $sum))))
      (local.set $at (local.get $exponentials))
      (local.set $end (local.get $to))
      (local.set $to (local.get $mass))
      (loop $nextMass
        (v128.store (local.get $to) (f64x2.add (v128.load (local.get $to))
          (f64x2.mul (v128.load (local.get $at)) (local.get $x))))
        (v128.store offset=16 (local.get $to) (f64x2.add (v128.load offset=16 (local.get $to))
          (f64x2.mul (v128.load offset=16 (local.get $at)) (local.get $x))))
        (local.set $to (i32.add (local.get $to) (i32.const 32)))
        (br_if $nextMass (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 32))) (local.get $end))))

      (local.set $row (i32.add (local.get $row) (i32.shl (local.get $classes) (i32.const 2))))
      (local.set $weights (i32.add (local.get $weights) (i32.const 8)))
      (local.set $predictions (i32.add (local.get $predictions) (i32.const 4)))
      (local.set $sums (i32.add (local.get $sums) (i32.const 8)))
      (br_if $nextRow (local.tee $rows (i32.sub (local.get $rows) (i32.const 1))))))

  ;; For each row the class with the largest z_j - $shifts[j] in float64, the lowest of equal ones; int32, into
  ;; $predictions. Logits
  ;; are below +Infinity; shifts (float64) are above -Infinity, and +Infinity behind the last class. $scratch takes 8
  ;; bytes a class.
  (func (export "shiftedPredictions")
    (param $row i32) (param $rows i32) (param $classes i32)
    (param $shifts i32) (param $predictions i32) (param $scratch i32)
    (local $end i32) (local $at i32) (local $shift i32) (local $to i32) (local $mask i32)
    (local $z v128) (local $even v128) (local $odd v128) (local $largest v128)
    (local.set $end (i32.add (local.get $scratch)
      (i32.shl (i32.and (i32.add (local.get $classes) (i32.const 3)) (i32.const -4)) (i32.const 3))))
    (loop $nextRow
      (local.set $largest (v128.const f64x2 -inf -inf))
      (local.set $at (local.get $row))
      (local.set $shift (local.get $shifts))
      (local.set $to (local.get $scratch))
      (loop $nextQuad
        (local.set $z (v128.load (local.get $at)))
        (local.set $even (f64x2.sub
          (f64x2.promote_low_f32x4 (local.get $z))
          (v128.load (local.get $shift))))
        (local.set $odd (f64x2.sub
          (f64x2.promote_low_f32x4
            (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $z) (local.get $z)))
          (v128.load offset=16 (local.get $shift))))
        (v128.store (local.get $to) (local.get $even))
        (v128.store offset=16 (local.get $to) (local.get $odd))
        (local.set $largest (f64x2.pmax (f64x2.pmax (local.get $largest) (local.get $even)) (local.get $odd)))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (local.set $shift (i32.add (local.get $shift) (i32.const 32)))
        (br_if $nextQuad (i32.lt_u
          (local.tee $to (i32.add (local.get $to) (i32.const 32))) (local.get $end))))
      (local.set $largest (f64x2.pmax (local.get $largest)
        (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $largest) (local.get $largest))))
      (local.set $at (local.get $scratch))
      (loop $nextPair
        (local.set $mask (i64x2.bitmask (f64x2.eq (v128.load (local.get $at)) (local.get $largest))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br_if $nextPair (i32.eqz (local.get $mask))))
      (i32.store (local.get $predictions) (i32.add
        (i32.shr_u (i32.sub (i32.sub (local.get $at) (i32.const 16)) (local.get $scratch)) (i32.const 3))
        (i32.ctz (local.get $mask))))
      (local.set $row (i32.add (local.get $row) (i32.shl (local.get $classes) (i32.const 2))))
      (local.set $predictions (i32.add (local.get $predictions) (i32.const 4)))
      (br_if $nextRow (local.tee $rows (i32.sub (local.get $rows) (i32.const 1)))))))
