// The widest vectors of floats that the compiler may use: AVX-512's or AVX2's.
#pragma once

namespace {

#ifdef __AVX512F__
constexpr long lanes = 16, registers = 32;
#else
constexpr long lanes = 8, registers = 16;
#endif
typedef float Vector __attribute__((vector_size(lanes * sizeof(float)), aligned(4)));
inline Vector load(const float *from) { return *reinterpret_cast<const Vector *>(from); }
inline void store(float *to, Vector value) { *reinterpret_cast<Vector *>(to) = value; }
inline Vector broadcast(float value) { return value - Vector{}; }
/// NaN stays NaN.
inline Vector relu(Vector value) { return value < 0.f ? Vector{} : value; }

}  // namespace
