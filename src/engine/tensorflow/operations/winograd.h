// Convolutions with 3 x 3 filters, stride 1 and padding 1, of float32 images [N, H, W, C], and their two
// gradients. By Winograd's algorithm F(4 x 4, 3 x 3) (Lavin and Gray 2016, arXiv 1509.09308) a tile of
// 4 x 4 outputs takes 36 products per pair of channels in place of 144:
//
//   forward          Y = A^T [(G w G^T) * (B^T d B)] A          for each tile d of 6 x 6 inputs, summed over channels
//   input gradient   the forward convolution of dY with the filter turned by 180 degrees
//   filter gradient  dw = G^T [sum over tiles (B^T d B) * (A dY A^T)] G
//
// For each of the 36 positions of a transformed tile the products are one matrix product: [tiles, channels] times
// [channels, channels]. Channels are multiples of 16 (`channelMultiple` in ownConvolutions.ts).
#pragma once
#include <algorithm>
#include <type_traits>
#include "threads.h"
#include "vectors.h"

namespace {

// ---- the transforms of a line of a tile, all values by `get(i)` and `put(i, value)` ----

/// B^T d: 6 inputs to 6.
template <typename Get, typename Put>
inline void transformInput(Get get, Put put) {
  const Vector d0 = get(0), d1 = get(1), d2 = get(2), d3 = get(3), d4 = get(4), d5 = get(5);
  const Vector even = d4 - 4.f * d2, odd = d3 - 4.f * d1, evenHalf = d4 - d2, oddHalf = 2.f * (d3 - d1);
  put(0, 4.f * d0 - 5.f * d2 + d4);
  put(1, even + odd);
  put(2, even - odd);
  put(3, evenHalf + oddHalf);
  put(4, evenHalf - oddHalf);
  put(5, 4.f * d1 - 5.f * d3 + d5);
}

/// A^T m: 6 products to 4 outputs.
template <typename Get, typename Put>
inline void transformOutput(Get get, Put put) {
  const Vector m0 = get(0), m1 = get(1), m2 = get(2), m3 = get(3), m4 = get(4), m5 = get(5);
  const Vector even = m1 + m2, odd = m1 - m2, evenTwo = m3 + m4, oddTwo = m3 - m4;
  put(0, m0 + even + evenTwo);
  put(1, odd + 2.f * oddTwo);
  put(2, even + 4.f * evenTwo);
  put(3, odd + 8.f * oddTwo + m5);
}

/// A dY: 4 gradients to 6.
template <typename Get, typename Put>
inline void transformGradient(Get get, Put put) {
  const Vector d0 = get(0), d1 = get(1), d2 = get(2), d3 = get(3);
  const Vector even = d0 + d2, odd = d1 + d3, evenTwo = d0 + 4.f * d2, oddTwo = 2.f * d1 + 8.f * d3;
  put(0, d0);
  put(1, even + odd);
  put(2, even - odd);
  put(3, evenTwo + oddTwo);
  put(4, evenTwo - oddTwo);
  put(5, d3);
}

constexpr float G[6][3] = {{1 / 4.f, 0, 0},
                           {-1 / 6.f, -1 / 6.f, -1 / 6.f},
                           {-1 / 6.f, 1 / 6.f, -1 / 6.f},
                           {1 / 24.f, 1 / 12.f, 1 / 6.f},
                           {1 / 24.f, -1 / 12.f, 1 / 6.f},
                           {0, 0, 1}};
/// G^T
constexpr float turnedG[3][6] = {{1 / 4.f, -1 / 6.f, -1 / 6.f, 1 / 24.f, 1 / 24.f, 0},
                                 {0, -1 / 6.f, 1 / 6.f, 1 / 12.f, -1 / 12.f, 0},
                                 {0, -1 / 6.f, -1 / 6.f, 1 / 6.f, 1 / 6.f, 1}};

// ---- tiles ----

constexpr long positions = 36;
/// Tiles that are multiplied together in registers.
constexpr long rows = registers == 32 ? 12 : 6;
/// The most tiles that are transformed and multiplied together, a multiple of `rows`. With 16 channels the block stays
/// in the core's first cache.
constexpr long blockTiles(long channels) { return channels > 16 ? 24 : 12; }
/// The transformed tiles of a block: [36][blockTiles][channels], 16 floats apart so that the 36 parts of a tile do not
/// fall on the same lines of the cache.
constexpr long stride(long channels) { return blockTiles(channels) * channels + 16; }

struct Images {
  long count, height, width;
  long across() const { return (width + 3) / 4; }
  long down() const { return (height + 3) / 4; }
  long tiles() const { return count * down() * across(); }
};

/// The tiles of images in blocks, for convolutions of a to b channels.
struct Blocks {
  long tiles, size;
  Blocks(const Images &images, long a, long b)
      : tiles(images.tiles()), size(std::min(blockTiles(a), blockTiles(b))) {}
  long count() const { return (tiles + size - 1) / size; }
  long first(long block) const { return block * size; }
  long tilesOf(long block) const { return std::min(size, tiles - first(block)); }
};

/// The first output of a tile.
struct Corner {
  long image, top, left;
  Corner(const Images &images, long tile)
      : image(tile / (images.down() * images.across())),
        top(tile / images.across() % images.down() * 4),
        left(tile % images.across() * 4) {}
};

/// B^T d B of the inputs around a tile of outputs. `to` is the tile in a block.
template <bool inside, typename Channels>
void readInputTile(const float *x, const Images &images, Channels channels, const Corner &at, float *to) {
  alignas(64) float half[6][6][lanes];
  const long top = at.top - 1, left = at.left - 1;
  const float *corner = x + ((at.image * images.height + top) * images.width + left) * channels;
  for (long c = 0; c < channels; c += lanes) {
    for (long j = 0; j < 6; j++) {
      const bool columnInside = left + j >= 0 && left + j < images.width;
      transformInput(
          [&](long i) {
            const bool present = inside || (columnInside && top + i >= 0 && top + i < images.height);
            return present ? load(corner + (i * images.width + j) * channels + c) : Vector{};
          },
          [&](long i, Vector value) { store(half[i][j], value); });
    }
    for (long i = 0; i < 6; i++)
      transformInput([&](long j) { return load(half[i][j]); },
                     [&](long j, Vector value) { store(to + (i * 6 + j) * stride(channels) + c, value); });
  }
}

template <typename Channels>
void readInputTile(const float *x, const Images &images, Channels channels, const Corner &at, float *to) {
  const bool inside = at.top > 0 && at.left > 0 && at.top + 5 <= images.height && at.left + 5 <= images.width;
  if (inside) readInputTile<true>(x, images, channels, at, to);
  else readInputTile<false>(x, images, channels, at, to);
}

/// A dY A^T of a tile of gradients. `to` is the tile in a block.
template <bool inside, typename Channels>
void readGradientTile(const float *dy, const Images &images, Channels channels, const Corner &at, float *to) {
  alignas(64) float half[6][4][lanes];
  const float *image = dy + at.image * images.height * images.width * channels;
  for (long c = 0; c < channels; c += lanes) {
    for (long j = 0; j < 4; j++) {
      const float *column = image + (at.top * images.width + at.left + j) * channels + c;
      transformGradient(
          [&](long i) {
            const bool present = inside || (at.top + i < images.height && at.left + j < images.width);
            return present ? load(column + i * images.width * channels) : Vector{};
          },
          [&](long i, Vector value) { store(half[i][j], value); });
    }
    for (long i = 0; i < 6; i++)
      transformGradient([&](long j) { return load(half[i][j]); },
                        [&](long j, Vector value) { store(to + (i * 6 + j) * stride(channels) + c, value); });
  }
}

template <typename Channels>
void readGradientTile(const float *dy, const Images &images, Channels channels, const Corner &at, float *to) {
  if (at.top + 4 <= images.height && at.left + 4 <= images.width) readGradientTile<true>(dy, images, channels, at, to);
  else readGradientTile<false>(dy, images, channels, at, to);
}

/// Writes A^T m A, the outputs of a tile, after `finish(value, i, c)`: i is the place in y, c the channel. `from` is
/// the tile in a block.
template <typename Channels, typename Finish>
void writeOutputTile(const float *from, const Images &images, Channels channels, const Corner &at, Finish finish,
                     float *y) {
  alignas(64) float half[4][6][lanes];
  const long image = at.image * images.height * images.width * channels;
  const long height = std::min(4l, images.height - at.top), width = std::min(4l, images.width - at.left);
  for (long c = 0; c < channels; c += lanes) {
    for (long j = 0; j < 6; j++)
      transformOutput([&](long i) { return load(from + (i * 6 + j) * stride(channels) + c); },
                      [&](long i, Vector value) { store(half[i][j], value); });
    for (long i = 0; i < height; i++) {
      const long row = image + ((at.top + i) * images.width + at.left) * channels + c;
      transformOutput([&](long j) { return load(half[i][j]); },
                      [&](long j, Vector value) {
                        if (j < width) store(y + row + j * channels, finish(value, row + j * channels, c));
                      });
    }
  }
}

/// M f M^T for each of `channels`: f [in, in, channels] to [out, out, channels].
template <long out, long in>
void transformFilter(const float (&m)[out][in], const float *f, long channels, float *to) {
  for (long c = 0; c < channels; c += lanes) {
    Vector half[out][in] = {};
    for (long i = 0; i < out; i++)
      for (long j = 0; j < in; j++)
        for (long k = 0; k < in; k++) half[i][j] += m[i][k] * load(f + (k * in + j) * channels + c);
    for (long i = 0; i < out; i++)
      for (long j = 0; j < out; j++) {
        Vector sum{};
        for (long k = 0; k < in; k++) sum += m[j][k] * half[i][k];
        store(to + (i * out + j) * channels + c, sum);
      }
  }
}

// ---- matrix products ----

template <long value>
using Constant = std::integral_constant<long, value>;

/// Calls `body` with the vectors of a row that are multiplied together: two where `channels` allows it.
template <typename Body>
void withVectors(long channels, Body body) {
  if (channels % (2 * lanes) == 0) body(Constant<2>());
  else body(Constant<1>());
}

/// c [rows, across] = a [rows, depth] b [depth, across], `across` in vectors; `ldb` is the width of b and c in floats.
template <long across, typename Depth, typename Width>
inline void multiply(const float *a, Depth depth, const float *b, Width ldb, float *c) {
  Vector sum[rows][across] = {};
  for (long k = 0; k < depth; k++) {
    Vector right[across];
    for (long v = 0; v < across; v++) right[v] = load(b + k * ldb + v * lanes);
#pragma GCC unroll 12
    for (long r = 0; r < rows; r++) {
      const Vector left = broadcast(a[r * depth + k]);
      for (long v = 0; v < across; v++) sum[r][v] += left * right[v];
    }
  }
  for (long r = 0; r < rows; r++)
    for (long v = 0; v < across; v++) store(c + r * ldb + v * lanes, sum[r][v]);
}

/// c [height, across] += a^T b for `height` columns of a [depth, lda] and `across` vectors of b [depth, ldb]; `ldb` is
/// the width of c too.
template <long height, long across>
inline void addTransposedProduct(const float *a, long lda, const float *b, long ldb, long depth, float *c) {
  Vector sum[height][across];
  for (long r = 0; r < height; r++)
    for (long v = 0; v < across; v++) sum[r][v] = load(c + r * ldb + v * lanes);
  for (long k = 0; k < depth; k++) {
    Vector right[across];
    for (long v = 0; v < across; v++) right[v] = load(b + k * ldb + v * lanes);
#pragma GCC unroll 16
    for (long r = 0; r < height; r++) {
      const Vector left = broadcast(a[k * lda + r]);
      for (long v = 0; v < across; v++) sum[r][v] += left * right[v];
    }
  }
  for (long r = 0; r < height; r++)
    for (long v = 0; v < across; v++) store(c + r * ldb + v * lanes, sum[r][v]);
}

/// The transformed tiles of a block, of two tensors with a and b channels.
float *blockScratch(long a, long b) { return scratch<Use::block>(positions * (stride(a) + stride(b))); }

// ---- the three operations ----

/// Calls `body` with the numbers of channels, as constants of the compiler where they are those of ResNets for CIFAR:
/// this saves up to a fifth of the time.
template <typename Body>
void withChannels(long a, long b, Body body) {
  const auto is = [&](long channels) { return a == channels && b == channels; };
  if (is(16)) body(Constant<16>(), Constant<16>());
  else if (is(32)) body(Constant<32>(), Constant<32>());
  else if (is(64)) body(Constant<64>(), Constant<64>());
  else body(a, b);
}

/// Outputs y of a block of tiles; `filter` is transformed.
template <typename A, typename B, typename Finish>
void convolveBlock(const float *x, const float *filter, const Images &images, long block, A a, B b, Finish finish,
                   float *y) {
  const Blocks blocks(images, a, b);
  const long first = blocks.first(block), tiles = blocks.tilesOf(block);
  float *inputs = blockScratch(a, b);
  for (long t = 0; t < tiles; t++) readInputTile(x, images, a, Corner(images, first + t), inputs + t * a);
  float *products = inputs;
  withVectors(b, [&](auto across) {
    // A product takes the place of its inputs where nothing else needs them.
    if (a != b || b > across * lanes) products += positions * stride(a);
    for (long p = 0; p < positions; p++)
      for (long c = 0; c < b; c += across * lanes)
        for (long t = 0; t < tiles; t += rows)
          multiply<across>(inputs + p * stride(a) + t * a, a, filter + p * a * b + c, b,
                           products + p * stride(b) + t * b + c);
  });
  for (long t = 0; t < tiles; t++) writeOutputTile(products + t * b, images, b, Corner(images, first + t), finish, y);
}

/// y [N, H, W, b] = `finish` of x [N, H, W, a] convolved with w [3, 3, a, b].
template <typename Finish>
void convolve(const float *x, const float *w, const Images &images, long a, long b, Finish finish, float *y,
              int threads) {
  float *filter = scratch<Use::filter>(positions * a * b);
  transformFilter(G, w, a * b, filter);
  helpers().forEach(Blocks(images, a, b).count(), threads, [&](long block) {
    withChannels(a, b, [&](auto a, auto b) { convolveBlock(x, filter, images, block, a, b, finish, y); });
  });
}

constexpr auto asItIs = [](Vector value, long, long) { return value; };

/// dx [N, H, W, a] = `finish` of the input gradient, from dy [N, H, W, b] and w [3, 3, a, b].
template <typename Finish>
void inputGradient(const float *dy, const float *w, const Images &images, long a, long b, Finish finish, float *dx,
                   int threads) {
  float *turned = scratch<Use::turnedFilter>(9 * a * b);
  for (long tap = 0; tap < 9; tap++)
    for (long i = 0; i < a; i++)
      for (long j = 0; j < b; j++) turned[((8 - tap) * b + j) * a + i] = w[(tap * a + i) * b + j];
  convolve(dy, turned, images, b, a, finish, dx, threads);
}

/// Adds (B^T d B) * (A dY A^T) of a block of tiles to the sums [36, a, b].
template <typename A, typename B>
void addBlock(const float *x, const float *dy, const Images &images, long block, A a, B b, float *sums) {
  const Blocks blocks(images, a, b);
  const long first = blocks.first(block), tiles = blocks.tilesOf(block);
  float *inputs = blockScratch(a, b), *gradients = inputs + positions * stride(a);
  for (long t = 0; t < tiles; t++) readInputTile(x, images, a, Corner(images, first + t), inputs + t * a);
  for (long t = 0; t < tiles; t++) readGradientTile(dy, images, b, Corner(images, first + t), gradients + t * b);
  withVectors(b, [&](auto across) {
    constexpr long height = registers / (2 * across);
    for (long p = 0; p < positions; p++)
      for (long c = 0; c < b; c += across * lanes)
        for (long r = 0; r < a; r += height)
          addTransposedProduct<height, across>(inputs + p * stride(a) + r, a, gradients + p * stride(b) + c, b, tiles,
                                               sums + p * a * b + r * b + c);
  });
}

/// dw [3, 3, a, b] of x [N, H, W, a] and dy [N, H, W, b]. Each of `threads` pieces sums its blocks in order, and the
/// pieces are summed in order: equal bits whatever thread takes a piece.
void filterGradient(const float *x, const float *dy, const Images &images, long a, long b, float *dw, int threads) {
  const long blocks = Blocks(images, a, b).count();
  const long size = positions * a * b, pieces = std::max(1l, std::min<long>(threads, blocks));
  float *sums = scratch<Use::sums>(pieces * size);
  helpers().forEach(pieces, threads, [&](long piece) {
    std::fill_n(sums + piece * size, size, 0.f);
    withChannels(a, b, [&](auto a, auto b) {
      for (long block = piece * blocks / pieces; block < (piece + 1) * blocks / pieces; block++)
        addBlock(x, dy, images, block, a, b, sums + piece * size);
    });
  });
  for (long piece = 1; piece < pieces; piece++)
    for (long i = 0; i < size; i++) sums[i] += sums[piece * size + i];
  transformFilter(turnedG, sums, a * b, dw);
}

}  // namespace
