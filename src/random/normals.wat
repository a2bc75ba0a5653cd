;; Normal deviates in WebAssembly SIMD. In JavaScript they take ten times as long, two seconds for a ResNet-50.
;; scripts/assemble-kernels.mjs assembles this file into normalsWasm.ts, and a test compares the two.
(module
  (memory (export "memory") 1)

  ;; $count numbers, uniform in [0, 1), 53 bits, float64, of the xoshiro128** with its four words of state at $state.
  (func (export "uniforms") (param $state i32) (param $count i32) (param $into i32)
    (local $s0 i32) (local $s1 i32) (local $s2 i32) (local $s3 i32)
    (local $draw i32) (local $second i32) (local $t i32)
    (local.set $s0 (i32.load offset=0 (local.get $state)))
    (local.set $s1 (i32.load offset=4 (local.get $state)))
    (local.set $s2 (i32.load offset=8 (local.get $state)))
    (local.set $s3 (i32.load offset=12 (local.get $state)))
    (loop $nextNumber
      (local.set $draw (i32.mul
        (i32.rotl (i32.mul (local.get $s1) (i32.const 5)) (i32.const 7)) (i32.const 9)))
      (local.set $t (i32.shl (local.get $s1) (i32.const 9)))
      (local.set $s2 (i32.xor (local.get $s2) (local.get $s0)))
      (local.set $s3 (i32.xor (local.get $s3) (local.get $s1)))
      (local.set $s1 (i32.xor (local.get $s1) (local.get $s2)))
      (local.set $s0 (i32.xor (local.get $s0) (local.get $s3)))
      (local.set $s2 (i32.xor (local.get $s2) (local.get $t)))
      (local.set $s3 (i32.rotl (local.get $s3) (i32.const 11)))
      (local.set $second (i32.mul
        (i32.rotl (i32.mul (local.get $s1) (i32.const 5)) (i32.const 7)) (i32.const 9)))
      (local.set $t (i32.shl (local.get $s1) (i32.const 9)))
      (local.set $s2 (i32.xor (local.get $s2) (local.get $s0)))
      (local.set $s3 (i32.xor (local.get $s3) (local.get $s1)))
      (local.set $s1 (i32.xor (local.get $s1) (local.get $s2)))
      (local.set $s0 (i32.xor (local.get $s0) (local.get $s3)))
      (local.set $s2 (i32.xor (local.get $s2) (local.get $t)))
      (local.set $s3 (i32.rotl (local.get $s3) (i32.const 11)))
      ;; The upper 27 bits of the first of two draws, the upper 26 of the second
      (f64.store (local.get $into) (f64.mul
        (f64.convert_i64_s (i64.or
          (i64.shl (i64.extend_i32_u (i32.shr_u (local.get $draw) (i32.const 5))) (i64.const 26))
          (i64.extend_i32_u (i32.shr_u (local.get $second) (i32.const 6)))))
        (f64.const 0x1p-53)))
      (local.set $into (i32.add (local.get $into) (i32.const 8)))
      (br_if $nextNumber (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (i32.store offset=0 (local.get $state) (local.get $s0))
    (i32.store offset=4 (local.get $state) (local.get $s1))
    (i32.store offset=8 (local.get $state) (local.get $s2))
    (i32.store offset=12 (local.get $state) (local.get $s3)))

  ;; Box-Muller: for each pair u, v of 4 * $quads uniform numbers at $from (float64) computes $deviation * r * cos(a)
  ;; and $deviation * r * sin(a) in float32, with r = sqrt(-2 log(1 - u)) and a = 2 pi v. Logarithm, sine and cosine are
  ;; fdlibm's polynomials, with errors of a few 2^-52. Where a change by 2^-44 would give another float32, the result
  ;; may differ from that of exact functions. The indices of such quads (int32) are written to $unclear; returns their
  ;; number.
  (func (export "normals")
    (param $from i32) (param $quads i32) (param $deviation f64) (param $into i32) (param $unclear i32) (result i32)
    (local $quad i32) (local $found i32)
    (local $x v128) (local $u v128) (local $k v128) (local $f v128) (local $s v128) (local $z v128) (local $w v128)
    (local $r v128) (local $sin v128) (local $cos v128) (local $odd v128) (local $first v128) (local $second v128)
    (local $scale v128) (local $result v128)
    (local.set $scale (f64x2.splat (local.get $deviation)))
    (loop $nextQuad
      (local.set $x (v128.load (local.get $from)))
      (local.set $w (v128.load offset=16 (local.get $from)))
      (local.set $u (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $x) (local.get $w)))
      (local.set $r (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $x) (local.get $w)))

      ;; log(1 - u): 1 - u = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2); $x has k + 64 above the bits of 1 + f
      (local.set $x (i64x2.add
        (f64x2.sub (v128.const f64x2 1 1) (local.get $u))
        (v128.const i64x2 0xc4195f619980c433 0xc4195f619980c433)))
      (local.set $k (f64x2.sub
        (v128.or (i64x2.shr_u (local.get $x) (i32.const 52)) (v128.const f64x2 0x1p52 0x1p52))
        (v128.const f64x2 4503599627370560 4503599627370560)))
      (local.set $f (f64x2.sub
        (i64x2.add
          (v128.and (local.get $x) (v128.const i64x2 0x000fffffffffffff 0x000fffffffffffff))
          (v128.const i64x2 0x3fe6a09e667f3bcd 0x3fe6a09e667f3bcd))
        (v128.const f64x2 1 1)))
      (local.set $s (f64x2.div (local.get $f) (f64x2.add (local.get $f) (v128.const f64x2 2 2))))
      (local.set $z (f64x2.mul (local.get $s) (local.get $s)))
      (local.set $w (f64x2.mul (local.get $z) (local.get $z)))
      (local.set $x (f64x2.add
        (f64x2.mul (local.get $w)
          (f64x2.add (v128.const f64x2 3.999999999940941908e-01 3.999999999940941908e-01) (f64x2.mul (local.get $w)
          (f64x2.add (v128.const f64x2 2.222219843214978396e-01 2.222219843214978396e-01) (f64x2.mul (local.get $w)
          (v128.const f64x2 1.531383769920937332e-01 1.531383769920937332e-01))))))
        (f64x2.mul (local.get $z)
          (f64x2.add (v128.const f64x2 6.666666666666735130e-01 6.666666666666735130e-01) (f64x2.mul (local.get $w)
          (f64x2.add (v128.const f64x2 2.857142874366239149e-01 2.857142874366239149e-01) (f64x2.mul (local.get $w)
          (f64x2.add (v128.const f64x2 1.818357216161805012e-01 1.818357216161805012e-01) (f64x2.mul (local.get $w)
          (v128.const f64x2 1.479819860511658591e-01 1.479819860511658591e-01))))))))))
      (local.set $w (f64x2.mul (f64x2.mul (local.get $f) (local.get $f)) (v128.const f64x2 0.5 0.5)))
      (local.set $x (f64x2.sub
        (f64x2.mul (local.get $k) (v128.const f64x2 6.93147180369123816490e-01 6.93147180369123816490e-01))
        (f64x2.sub
          (f64x2.sub (local.get $w) (f64x2.add
            (f64x2.mul (local.get $s) (f64x2.add (local.get $w) (local.get $x)))
            (f64x2.mul (local.get $k) (v128.const f64x2 1.90821492927058770002e-10 1.90821492927058770002e-10))))
          (local.get $f))))
      (local.set $x (f64x2.mul (local.get $scale)
        (f64x2.sqrt (f64x2.mul (local.get $x) (v128.const f64x2 -2 -2)))))

      ;; a = k pi/2 + r, pi/2 in three parts
      (local.set $r (f64x2.mul (local.get $r) (v128.const f64x2 0x1.921fb54442d18p+2 0x1.921fb54442d18p+2)))
      (local.set $k (f64x2.nearest
        (f64x2.mul (local.get $r) (v128.const f64x2 0x1.45f306dc9c883p-1 0x1.45f306dc9c883p-1))))
      (local.set $r (f64x2.sub (f64x2.sub (f64x2.sub (local.get $r)
        (f64x2.mul (local.get $k) (v128.const f64x2 1.57079632673412561417 1.57079632673412561417)))
        (f64x2.mul (local.get $k) (v128.const f64x2 6.07710050630396597660e-11 6.07710050630396597660e-11)))
        (f64x2.mul (local.get $k) (v128.const f64x2 2.02226624879595063154e-21 2.02226624879595063154e-21))))
      (local.set $z (f64x2.mul (local.get $r) (local.get $r)))
      (local.set $sin (f64x2.add (local.get $r) (f64x2.mul (f64x2.mul (local.get $r) (local.get $z))
        (f64x2.add (v128.const f64x2 -1.66666666666666324348e-01 -1.66666666666666324348e-01) (f64x2.mul (local.get $z)
        (f64x2.add (v128.const f64x2 8.33333333332248946124e-03 8.33333333332248946124e-03) (f64x2.mul (local.get $z)
        (f64x2.add (v128.const f64x2 -1.98412698298579493134e-04 -1.98412698298579493134e-04) (f64x2.mul (local.get $z)
        (f64x2.add (v128.const f64x2 2.75573137070700676789e-06 2.75573137070700676789e-06) (f64x2.mul (local.get $z)
        (f64x2.add (v128.const f64x2 -2.50507602534068634195e-08 -2.50507602534068634195e-08) (f64x2.mul (local.get $z)
        (v128.const f64x2 1.58969099521155010221e-10 1.58969099521155010221e-10))))))))))))))
      (local.set $cos (f64x2.add
        (f64x2.sub (v128.const f64x2 1 1) (f64x2.mul (local.get $z) (v128.const f64x2 0.5 0.5)))
        (f64x2.mul (f64x2.mul (local.get $z) (local.get $z))
        (f64x2.add (v128.const f64x2 4.16666666666666019037e-02 4.16666666666666019037e-02) (f64x2.mul (local.get $z)
        (f64x2.add (v128.const f64x2 -1.38888888888741095749e-03 -1.38888888888741095749e-03) (f64x2.mul (local.get $z)
        (f64x2.add (v128.const f64x2 2.48015872894767294178e-05 2.48015872894767294178e-05) (f64x2.mul (local.get $z)
        (f64x2.add (v128.const f64x2 -2.75573143513906633035e-07 -2.75573143513906633035e-07) (f64x2.mul (local.get $z)
        (f64x2.add (v128.const f64x2 2.08757232129817482790e-09 2.08757232129817482790e-09) (f64x2.mul (local.get $z)
        (v128.const f64x2 -1.13596475577881948265e-11 -1.13596475577881948265e-11))))))))))))))

      ;; For odd k, sine and cosine are swapped. Bit 1 of k is the sign of the sine, bit 1 of k + 1 that of the cosine
      (local.set $k (f64x2.add (local.get $k) (v128.const f64x2 0x1p52 0x1p52)))
      (local.set $odd (i64x2.eq
        (v128.and (local.get $k) (v128.const i64x2 1 1)) (v128.const i64x2 1 1)))
      (local.set $first (v128.xor
        (v128.bitselect (local.get $sin) (local.get $cos) (local.get $odd))
        (i64x2.shl (v128.and
          (i64x2.add (local.get $k) (v128.const i64x2 1 1)) (v128.const i64x2 2 2)) (i32.const 62))))
      (local.set $second (v128.xor
        (v128.bitselect (local.get $cos) (local.get $sin) (local.get $odd))
        (i64x2.shl (v128.and (local.get $k) (v128.const i64x2 2 2)) (i32.const 62))))
      (local.set $first (f64x2.mul (local.get $first) (local.get $x)))
      (local.set $second (f64x2.mul (local.get $second) (local.get $x)))

      (local.set $w (v128.const f64x2 0x1.00000000001p+0 0x1.00000000001p+0))
      (local.set $result (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
        (f32x4.demote_f64x2_zero (f64x2.mul (local.get $first) (local.get $w)))
        (f32x4.demote_f64x2_zero (f64x2.mul (local.get $second) (local.get $w)))))
      (v128.store (local.get $into) (local.get $result))
      (local.set $w (v128.const f64x2 0x1.ffffffffffep-1 0x1.ffffffffffep-1))
      (if (i32.eqz (i32x4.all_true (i32x4.eq (local.get $result)
          (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23
            (f32x4.demote_f64x2_zero (f64x2.mul (local.get $first) (local.get $w)))
            (f32x4.demote_f64x2_zero (f64x2.mul (local.get $second) (local.get $w)))))))
        (then
          (i32.store (i32.add (local.get $unclear) (i32.shl (local.get $found) (i32.const 2))) (local.get $quad))
          (local.set $found (i32.add (local.get $found) (i32.const 1)))))
      (local.set $from (i32.add (local.get $from) (i32.const 32)))
      (local.set $into (i32.add (local.get $into) (i32.const 16)))
      (br_if $nextQuad (i32.lt_u
        (local.tee $quad (i32.add (local.get $quad) (i32.const 1))) (local.get $quads))))
    (local.get $found)))
