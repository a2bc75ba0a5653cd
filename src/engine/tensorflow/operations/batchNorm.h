// Batch normalisation in training and ReLU, y = max(0, scale (x - mean) / sqrt(variance + epsilon) + offset), and its
// gradient, of float32 images: `pixels` times `channels`. A shortcut may be added before ReLU. One pass over the memory
// computes the statistics, one the result.
//
// Sums are formed by piece of at most 32 kB and added in float64 in the order of the pieces: equal bits for any number
// of threads.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>
#include "threads.h"
#include "vectors.h"

namespace {

/// The floats of an image tensor in pieces that stay in a core's cache. `channels` is a multiple of 16.
struct Pieces {
  long floats, channels;
  /// Values per channel are repeated up to this length, so that sums of neighbouring pixels do not wait for each other.
  long period() const { return channels * std::max(1l, 64 / channels); }
  long size() const { return std::max(1l, 8192 / period()) * period(); }
  long count() const { return (floats + size() - 1) / size(); }
  long first(long piece) const { return piece * size(); }
  long pixels(long piece) const { return std::min(size(), floats - first(piece)) / channels; }

  /// Calls `visit(i, j)` for each vector of floats i of a piece; j is its place in values that are repeated.
  template <typename Visit>
  void each(long piece, Visit visit) const {
    const long last = std::min(floats, first(piece) + size());
    for (long start = first(piece); start < last; start += period())
      for (long j = 0, end = std::min(period(), last - start); j < end; j += lanes) visit(start + j, j);
  }
  /// Adds repeated sums up by channel.
  void fold(const float *repeated, float *sums) const {
    std::fill_n(sums, channels, 0.f);
    for (long j = 0; j < period(); j += channels)
      for (long k = 0; k < channels; k++) sums[k] += repeated[j + k];
  }
};

/// Values per channel, repeated.
class Repeated {
 public:
  Repeated(const Pieces &pieces, const float *perChannel) : values(pieces.period()) {
    for (long j = 0; j < pieces.period(); j += pieces.channels) std::copy_n(perChannel, pieces.channels, &values[j]);
  }
  Vector operator[](long j) const { return load(values.data() + j); }

 private:
  std::vector<float> values;
};

/// Mean and sum of squared deviations of the n values of a channel.
struct Moments {
  double n = 0, mean = 0, squares = 0;
  void add(double count, double itsMean, double itsSquares) {
    const double difference = itsMean - mean;
    const double share = count / (n + count);
    squares += itsSquares + difference * difference * n * share;
    mean += difference * share;
    n += count;
  }
};

/// Arrays per channel: scale, offset, and of the batch the mean and 1 / sqrt(variance + epsilon).
struct Normalisation {
  const float *scale, *offset;
  float *mean, *inverse;
};

/// Writes mean and inverse of the images x, and their variance with Bessel's correction.
void batchStatistics(const float *x, const Pieces &pieces, float epsilon, const Normalisation &channel, float *variance,
                     int threads) {
  const long c = pieces.channels;
  float *sums = scratch<Use::sums>(pieces.count() * 2 * c);
  helpers().forEach(pieces.count(), threads, [&](long piece) {
    float *repeated = scratch<Use::block>(pieces.period()), *mean = sums + piece * 2 * c, *squares = mean + c;
    std::fill_n(repeated, pieces.period(), 0.f);
    pieces.each(piece, [&](long i, long j) { store(repeated + j, load(repeated + j) + load(x + i)); });
    pieces.fold(repeated, mean);
    for (long k = 0; k < c; k++) mean[k] /= pieces.pixels(piece);
    const Repeated means(pieces, mean);
    std::fill_n(repeated, pieces.period(), 0.f);
    pieces.each(piece, [&](long i, long j) {
      const Vector deviation = load(x + i) - means[j];
      store(repeated + j, load(repeated + j) + deviation * deviation);
    });
    pieces.fold(repeated, squares);
  });
  for (long k = 0; k < c; k++) {
    Moments moments;
    for (long piece = 0; piece < pieces.count(); piece++) {
      const float *mean = sums + piece * 2 * c;
      moments.add(pieces.pixels(piece), mean[k], mean[c + k]);
    }
    channel.mean[k] = moments.mean;
    channel.inverse[k] = 1 / std::sqrt(moments.squares / moments.n + epsilon);
    variance[k] = moments.squares / std::max(1., moments.n - 1);
  }
}

/// The images before shortcut and ReLU.
class Normalised {
 public:
  Normalised(const Pieces &pieces, const Normalisation &channel)
      : mean(pieces, channel.mean),
        scale(pieces, channel.scale),
        inverse(pieces, channel.inverse),
        offset(pieces, channel.offset) {}
  Vector operator()(Vector x, long j) const { return (x - mean[j]) * (scale[j] * inverse[j]) + offset[j]; }

 private:
  Repeated mean, scale, inverse, offset;
};

/// y of x and `shortcut`, which may be null.
void normalise(const float *x, const float *shortcut, const Pieces &pieces, const Normalisation &channel, float *y,
               int threads) {
  const Normalised normalised(pieces, channel);
  helpers().forEach(pieces.count(), threads, [&](long piece) {
    pieces.each(piece, [&](long i, long j) {
      const Vector sum = normalised(load(x + i), j);
      store(y + i, relu(shortcut ? sum + load(shortcut + i) : sum));
    });
  });
}

/// Gradients of x, scale and offset. The gradient before ReLU is `first(i, j)` for the sums and then `second(i, j)`,
/// whose memory dx may take.
template <typename First, typename Second>
void batchNormGradient(const float *x, const Pieces &pieces, const Normalisation &channel, First first, Second second,
                       float *dx, float *dscale, float *doffset, int threads) {
  const long c = pieces.channels, period = pieces.period();
  const Repeated means(pieces, channel.mean);
  float *sums = scratch<Use::sums>(pieces.count() * 2 * c);
  helpers().forEach(pieces.count(), threads, [&](long piece) {
    float *gradients = scratch<Use::block>(2 * period), *products = gradients + period;
    std::fill_n(gradients, 2 * period, 0.f);
    pieces.each(piece, [&](long i, long j) {
      const Vector gradient = first(i, j);
      store(gradients + j, load(gradients + j) + gradient);
      store(products + j, load(products + j) + gradient * (load(x + i) - means[j]));
    });
    pieces.fold(gradients, sums + piece * 2 * c);
    pieces.fold(products, sums + piece * 2 * c + c);
  });
  // dx = factor * second + slope * (x - mean) + term
  std::vector<float> factors(c), slopes(c), terms(c);
  for (long k = 0; k < c; k++) {
    double gradient = 0, product = 0;
    for (long piece = 0; piece < pieces.count(); piece++) {
      gradient += sums[piece * 2 * c + k];
      product += sums[piece * 2 * c + c + k];
    }
    const double n = pieces.floats / c, inverse = channel.inverse[k], factor = channel.scale[k] * inverse;
    doffset[k] = gradient;
    dscale[k] = product * inverse;
    factors[k] = factor;
    slopes[k] = -factor * inverse * inverse * product / n;
    terms[k] = -factor * gradient / n;
  }
  const Repeated factor(pieces, factors.data()), slope(pieces, slopes.data()), term(pieces, terms.data());
  helpers().forEach(pieces.count(), threads, [&](long piece) {
    pieces.each(piece, [&](long i, long j) {
      store(dx + i, factor[j] * second(i, j) + (slope[j] * (load(x + i) - means[j]) + term[j]));
    });
  });
}

}  // namespace
