// Convolutions with 3 x 3 filters, stride 1 and padding 1, of float32 images [N, H, W, C], and their two gradients, as
// operations of TensorFlow. By Winograd's algorithm F(4 x 4, 3 x 3) (Lavin and Gray 2016, arXiv 1509.09308) a tile of
// 4 x 4 outputs takes 36 products per pair of channels in place of 144:
//
//   forward          Y = A^T [(G w G^T) * (B^T d B)] A          for each tile d of 6 x 6 inputs, summed over channels
//   input gradient   the forward convolution of dY with the filter turned by 180 degrees
//   filter gradient  dw = G^T [sum over tiles (B^T d B) * (A dY A^T)] G
//
// For each of the 36 positions of a transformed tile the products are one matrix product: [tiles, channels] times
// [channels, channels]. Channels are multiples of 16 (`channelMultiple` in winograd.ts).
//
// It is compiled on the user's machine (winograd.ts) with AVX2 and FMA, without headers of TensorFlow: the functions of
// its C API that are needed are declared here.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <functional>
#include <immintrin.h>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

extern "C" {
struct TF_Status;
struct TF_Tensor;
struct TF_OpKernelConstruction;
struct TF_OpKernelContext;
struct TF_OpDefinitionBuilder;
struct TF_ShapeInferenceContext;
struct TF_ShapeHandle;
struct TF_KernelBuilder;
enum TF_DataType { TF_FLOAT = 1 };

TF_Status *TF_NewStatus();
void TF_DeleteStatus(TF_Status *);
int TF_GetCode(const TF_Status *);
void TF_SetStatus(TF_Status *, int, const char *);
void *TF_TensorData(const TF_Tensor *);
int64_t TF_Dim(const TF_Tensor *, int);
void TF_DeleteTensor(TF_Tensor *);

TF_OpDefinitionBuilder *TF_NewOpDefinitionBuilder(const char *);
void TF_OpDefinitionBuilderAddInput(TF_OpDefinitionBuilder *, const char *);
void TF_OpDefinitionBuilderAddOutput(TF_OpDefinitionBuilder *, const char *);
void TF_OpDefinitionBuilderAddAttr(TF_OpDefinitionBuilder *, const char *);
void TF_OpDefinitionBuilderSetShapeInferenceFunction(TF_OpDefinitionBuilder *,
                                                     void (*)(TF_ShapeInferenceContext *, TF_Status *));
void TF_RegisterOpDefinition(TF_OpDefinitionBuilder *, TF_Status *);
TF_ShapeHandle *TF_NewShapeHandle();
void TF_DeleteShapeHandle(TF_ShapeHandle *);
TF_ShapeHandle *TF_ShapeInferenceContextVectorFromSize(TF_ShapeInferenceContext *, size_t);
void TF_ShapeInferenceContextGetInput(TF_ShapeInferenceContext *, int, TF_ShapeHandle *, TF_Status *);
void TF_ShapeInferenceContextSubshape(TF_ShapeInferenceContext *, TF_ShapeHandle *, int64_t, int64_t, TF_ShapeHandle *,
                                      TF_Status *);
void TF_ShapeInferenceContextConcatenateShapes(TF_ShapeInferenceContext *, TF_ShapeHandle *, TF_ShapeHandle *,
                                               TF_ShapeHandle *, TF_Status *);
void TF_ShapeInferenceContextSetOutput(TF_ShapeInferenceContext *, int, TF_ShapeHandle *, TF_Status *);

TF_KernelBuilder *TF_NewKernelBuilder(const char *, const char *, void *(*)(TF_OpKernelConstruction *),
                                      void (*)(void *, TF_OpKernelContext *), void (*)(void *));
void TF_RegisterKernelBuilder(const char *, TF_KernelBuilder *, TF_Status *);
void TF_OpKernelConstruction_GetAttrInt32(TF_OpKernelConstruction *, const char *, int32_t *, TF_Status *);
void TF_GetInput(TF_OpKernelContext *, int, TF_Tensor **, TF_Status *);
TF_Tensor *TF_AllocateOutput(TF_OpKernelContext *, int, TF_DataType, const int64_t *, int, size_t, TF_Status *);
void TF_OpKernelContext_Failure(TF_OpKernelContext *, TF_Status *);
}

namespace {

// ---- vectors of 8 floats ----

constexpr long lanes = 8;
typedef float Vector __attribute__((vector_size(lanes * sizeof(float)), aligned(4)));
inline Vector load(const float *from) { return *reinterpret_cast<const Vector *>(from); }
inline void store(float *to, Vector value) { *reinterpret_cast<Vector *>(to) = value; }
inline Vector broadcast(float value) { return value - Vector{}; }

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
/// Tiles that are transformed and multiplied together, a multiple of `rows`.
constexpr long blockTiles = 24;
/// The transformed tiles of a block: [36][blockTiles][channels], 16 floats apart so that the 36 parts of a tile do not
/// fall on the same lines of the cache.
inline long stride(long channels) { return blockTiles * channels + 16; }

struct Images {
  long count, height, width;
  long across() const { return (width + 3) / 4; }
  long down() const { return (height + 3) / 4; }
  long tiles() const { return count * down() * across(); }
  long blocks() const { return (tiles() + blockTiles - 1) / blockTiles; }
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
template <bool inside>
void readInputTile(const float *x, const Images &images, long channels, const Corner &at, float *to) {
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

void readInputTile(const float *x, const Images &images, long channels, const Corner &at, float *to) {
  const bool inside = at.top > 0 && at.left > 0 && at.top + 5 <= images.height && at.left + 5 <= images.width;
  (inside ? readInputTile<true> : readInputTile<false>)(x, images, channels, at, to);
}

/// A dY A^T of a tile of gradients. `to` is the tile in a block.
void readGradientTile(const float *dy, const Images &images, long channels, const Corner &at, float *to) {
  alignas(64) float half[6][4][lanes];
  const float *image = dy + at.image * images.height * images.width * channels;
  for (long c = 0; c < channels; c += lanes) {
    for (long j = 0; j < 4; j++) {
      const float *column = image + (at.top * images.width + at.left + j) * channels + c;
      transformGradient(
          [&](long i) {
            const bool present = at.top + i < images.height && at.left + j < images.width;
            return present ? load(column + i * images.width * channels) : Vector{};
          },
          [&](long i, Vector value) { store(half[i][j], value); });
    }
    for (long i = 0; i < 6; i++)
      transformGradient([&](long j) { return load(half[i][j]); },
                        [&](long j, Vector value) { store(to + (i * 6 + j) * stride(channels) + c, value); });
  }
}

/// Writes A^T m A, the outputs of a tile. `from` is the tile in a block.
void writeOutputTile(const float *from, const Images &images, long channels, const Corner &at, float *y) {
  alignas(64) float half[4][6][lanes];
  float *image = y + at.image * images.height * images.width * channels;
  const long height = std::min(4l, images.height - at.top), width = std::min(4l, images.width - at.left);
  for (long c = 0; c < channels; c += lanes) {
    for (long j = 0; j < 6; j++)
      transformOutput([&](long i) { return load(from + (i * 6 + j) * stride(channels) + c); },
                      [&](long i, Vector value) { store(half[i][j], value); });
    for (long i = 0; i < height; i++) {
      float *row = image + ((at.top + i) * images.width + at.left) * channels + c;
      transformOutput([&](long j) { return load(half[i][j]); },
                      [&](long j, Vector value) {
                        if (j < width) store(row + j * channels, value);
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

/// Rows and columns of a result that are summed in registers.
constexpr long rows = 6, columns = 16;

/// c [6, 16] = a [6, depth] b [depth, 16]; `ldb` is the width of b and c.
inline void multiply(const float *a, long depth, const float *b, long ldb, float *c) {
  Vector sum[rows][2] = {};
  for (long k = 0; k < depth; k++) {
    const Vector left = load(b + k * ldb), right = load(b + k * ldb + lanes);
#pragma GCC unroll 6
    for (long r = 0; r < rows; r++) {
      const Vector value = broadcast(a[r * depth + k]);
      sum[r][0] += value * left;
      sum[r][1] += value * right;
    }
  }
  for (long r = 0; r < rows; r++) {
    store(c + r * ldb, sum[r][0]);
    store(c + r * ldb + lanes, sum[r][1]);
  }
}

/// c [4, 16] += a^T b for 4 columns of a [depth, lda] and 16 of b [depth, ldb]; `ldb` is the width of c too.
inline void addTransposedProduct(const float *a, long lda, const float *b, long ldb, long depth, float *c) {
  constexpr long height = 4;
  Vector sum[height][2];
  for (long r = 0; r < height; r++) {
    sum[r][0] = load(c + r * ldb);
    sum[r][1] = load(c + r * ldb + lanes);
  }
  for (long k = 0; k < depth; k++) {
    const Vector left = load(b + k * ldb), right = load(b + k * ldb + lanes);
#pragma GCC unroll 4
    for (long r = 0; r < height; r++) {
      const Vector value = broadcast(a[k * lda + r]);
      sum[r][0] += value * left;
      sum[r][1] += value * right;
    }
  }
  for (long r = 0; r < height; r++) {
    store(c + r * ldb, sum[r][0]);
    store(c + r * ldb + lanes, sum[r][1]);
  }
}

// ---- threads ----

/// Threads that help with the pieces of an operation. Several operations may share them.
class Helpers {
 public:
  /// Calls `piece(i)` once for every i below `count`, on the caller's thread and on up to `threads - 1` others. Throws
  /// `std::bad_alloc` where a piece did.
  void forEach(long count, int threads, const std::function<void(long)> &piece) {
    Job job{piece, count, threads - 1};
    const bool shared = threads > 1 && count > 1;
    if (shared) {
      std::lock_guard<std::mutex> lock(mutex);
      start(threads - 1);
      jobs.push_back(&job);
      wake.notify_all();
    }
    job.work();
    if (shared) {
      std::unique_lock<std::mutex> lock(mutex);
      jobs.erase(std::find(jobs.begin(), jobs.end(), &job));
      left.wait(lock, [&] { return job.helping == 0; });
    }
    if (job.failed) throw std::bad_alloc();
  }

 private:
  struct Job {
    const std::function<void(long)> &piece;
    const long count;
    const int most;
    std::atomic<long> next{0};
    std::atomic<bool> failed{false};
    /// How the caller's thread treats denormal numbers: the same for all pieces, whichever thread takes them.
    const unsigned int mode = _mm_getcsr();
    /// Helpers at work on it; guarded by `mutex`.
    int helping = 0;

    Job(const std::function<void(long)> &piece, long count, int most) : piece(piece), count(count), most(most) {}
    void work() {
      try {
        for (long i; (i = next.fetch_add(1)) < count;) piece(i);
      } catch (const std::bad_alloc &) {
        failed = true;
      }
    }
  };

  /// Starts threads up to this number; fewer where the system gives no more.
  void start(int most) {
    try {
      for (; started < most; started++) std::thread([this] { help(); }).detach();
    } catch (const std::system_error &) {
    }
  }

  void help() {
    std::unique_lock<std::mutex> lock(mutex);
    for (;;) {
      Job *job = nullptr;
      wake.wait(lock, [&] {
        for (Job *open : jobs)
          if (open->helping < open->most && open->next < open->count) job = open;
        return job != nullptr;
      });
      job->helping++;
      lock.unlock();
      _mm_setcsr(job->mode);
      job->work();
      lock.lock();
      if (--job->helping == 0) left.notify_all();
    }
  }

  std::mutex mutex;
  std::condition_variable wake, left;
  std::vector<Job *> jobs;
  int started = 0;
};

/// Never destroyed: its threads live until the process ends.
Helpers &helpers() {
  static Helpers *const all = new Helpers;
  return *all;
}

/// Memory that a thread keeps from call to call: the system takes long to hand out fresh pages.
enum class Use { block, filter, turnedFilter, sums };
template <Use>
float *scratch(size_t floats) {
  thread_local std::vector<float> kept;
  if (kept.size() < floats) kept.resize(floats);
  return kept.data();
}

/// The transformed tiles of a block, of two tensors with a and b channels.
float *blockScratch(long a, long b) { return scratch<Use::block>(positions * (stride(a) + stride(b))); }

// ---- the three operations ----

/// y [N, H, W, b] = x [N, H, W, a] convolved with w [3, 3, a, b].
void convolve(const float *x, const float *w, const Images &images, long a, long b, float *y, int threads) {
  float *filter = scratch<Use::filter>(positions * a * b);
  transformFilter(G, w, a * b, filter);
  helpers().forEach(images.blocks(), threads, [&](long block) {
    const long first = block * blockTiles, tiles = std::min(blockTiles, images.tiles() - first);
    float *inputs = blockScratch(a, b), *products = inputs + positions * stride(a);
    for (long t = 0; t < tiles; t++) readInputTile(x, images, a, Corner(images, first + t), inputs + t * a);
    for (long p = 0; p < positions; p++)
      for (long c = 0; c < b; c += columns)
        for (long t = 0; t < tiles; t += rows)
          multiply(inputs + p * stride(a) + t * a, a, filter + p * a * b + c, b,
                   products + p * stride(b) + t * b + c);
    for (long t = 0; t < tiles; t++) writeOutputTile(products + t * b, images, b, Corner(images, first + t), y);
  });
}

/// dx [N, H, W, a] of dy [N, H, W, b] and w [3, 3, a, b].
void inputGradient(const float *dy, const float *w, const Images &images, long a, long b, float *dx, int threads) {
  float *turned = scratch<Use::turnedFilter>(9 * a * b);
  for (long tap = 0; tap < 9; tap++)
    for (long i = 0; i < a; i++)
      for (long j = 0; j < b; j++) turned[((8 - tap) * b + j) * a + i] = w[(tap * a + i) * b + j];
  convolve(dy, turned, images, b, a, dx, threads);
}

/// dw [3, 3, a, b] of x [N, H, W, a] and dy [N, H, W, b]. Each of `threads` pieces sums its blocks in order, and the
/// pieces are summed in order: equal bits whatever thread takes a piece.
void filterGradient(const float *x, const float *dy, const Images &images, long a, long b, float *dw, int threads) {
  const long size = positions * a * b, pieces = std::max(1l, std::min<long>(threads, images.blocks()));
  float *sums = scratch<Use::sums>(pieces * size);
  helpers().forEach(pieces, threads, [&](long piece) {
    float *sum = sums + piece * size;
    std::fill_n(sum, size, 0.f);
    float *inputs = blockScratch(a, b), *gradients = inputs + positions * stride(a);
    for (long block = piece * images.blocks() / pieces; block < (piece + 1) * images.blocks() / pieces; block++) {
      const long first = block * blockTiles, tiles = std::min(blockTiles, images.tiles() - first);
      for (long t = 0; t < tiles; t++) {
        readInputTile(x, images, a, Corner(images, first + t), inputs + t * a);
        readGradientTile(dy, images, b, Corner(images, first + t), gradients + t * b);
      }
      for (long p = 0; p < positions; p++)
        for (long c = 0; c < b; c += columns)
          for (long r = 0; r < a; r += 4)
            addTransposedProduct(inputs + p * stride(a) + r, a, gradients + p * stride(b) + c, b, tiles,
                                 sum + p * a * b + r * b + c);
    }
  });
  for (long piece = 1; piece < pieces; piece++)
    for (long i = 0; i < size; i++) sums[i] += sums[piece * size + i];
  transformFilter(turnedG, sums, a * b, dw);
}

// ---- TensorFlow ----

struct Kernel {
  int32_t threads = 1;
};

void *createKernel(TF_OpKernelConstruction *context) {
  auto *kernel = new Kernel;
  TF_Status *status = TF_NewStatus();
  TF_OpKernelConstruction_GetAttrInt32(context, "threads", &kernel->threads, status);
  TF_DeleteStatus(status);
  return kernel;
}

void deleteKernel(void *kernel) { delete static_cast<Kernel *>(kernel); }

/// The two inputs of an operation, [N, H, W, C] or a filter [3, 3, a, b].
class Call {
 public:
  explicit Call(TF_OpKernelContext *context) : context(context), status(TF_NewStatus()) {
    for (int i = 0; i < 2 && ready(); i++) TF_GetInput(context, i, &inputs[i], status);
  }
  ~Call() {
    if (!ready()) TF_OpKernelContext_Failure(context, status);
    for (TF_Tensor *tensor : {inputs[0], inputs[1], result})
      if (tensor) TF_DeleteTensor(tensor);
    TF_DeleteStatus(status);
  }
  bool ready() const { return TF_GetCode(status) == 0; }
  const float *data(int input) const { return static_cast<const float *>(TF_TensorData(inputs[input])); }
  long dim(int input, int axis) const { return TF_Dim(inputs[input], axis); }
  Images images() const { return {dim(0, 0), dim(0, 1), dim(0, 2)}; }
  /// Calls `fill` with the data of an output of this shape. Too little memory is an error of the operation.
  template <typename Fill>
  void output(const int64_t (&shape)[4], Fill fill) {
    const size_t bytes = shape[0] * shape[1] * shape[2] * shape[3] * sizeof(float);
    result = TF_AllocateOutput(context, 0, TF_FLOAT, shape, 4, bytes, status);
    if (!ready()) return;
    try {
      fill(static_cast<float *>(TF_TensorData(result)));
    } catch (const std::bad_alloc &) {
      constexpr int resourceExhausted = 8;
      TF_SetStatus(status, resourceExhausted, "out of memory in a convolution");
    }
  }

 private:
  TF_OpKernelContext *context;
  TF_Status *status;
  TF_Tensor *inputs[2] = {}, *result = nullptr;
};

void computeForward(void *kernel, TF_OpKernelContext *context) {
  Call call(context);
  if (!call.ready()) return;
  const Images images = call.images();
  const long a = call.dim(1, 2), b = call.dim(1, 3);
  call.output({images.count, images.height, images.width, b}, [&](float *y) {
    convolve(call.data(0), call.data(1), images, a, b, y, static_cast<Kernel *>(kernel)->threads);
  });
}

void computeInputGradient(void *kernel, TF_OpKernelContext *context) {
  Call call(context);
  if (!call.ready()) return;
  const Images images = call.images();
  const long a = call.dim(1, 2), b = call.dim(1, 3);
  call.output({images.count, images.height, images.width, a}, [&](float *dx) {
    inputGradient(call.data(0), call.data(1), images, a, b, dx, static_cast<Kernel *>(kernel)->threads);
  });
}

void computeFilterGradient(void *kernel, TF_OpKernelContext *context) {
  Call call(context);
  if (!call.ready()) return;
  const Images images = call.images();
  const long a = call.dim(0, 3), b = call.dim(1, 3);
  call.output({3, 3, a, b}, [&](float *dw) {
    filterGradient(call.data(0), call.data(1), images, a, b, dw, static_cast<Kernel *>(kernel)->threads);
  });
}

/// A part of the shape of an output: the axes from `from` up to `to` of an input.
struct Axes {
  int input;
  int64_t from, to;
};

/// The shape of an output: `square` (3, 3) first, then the axes.
void setShape(TF_ShapeInferenceContext *context, TF_Status *status, bool square, std::initializer_list<Axes> axes) {
  TF_ShapeHandle *shape = nullptr;
  const auto append = [&](TF_ShapeHandle *part) {
    if (shape == nullptr) {
      shape = part;
      return;
    }
    TF_ShapeInferenceContextConcatenateShapes(context, shape, part, shape, status);
    TF_DeleteShapeHandle(part);
  };
  for (int i = 0; square && i < 2; i++) append(TF_ShapeInferenceContextVectorFromSize(context, 3));
  for (const Axes &part : axes) {
    TF_ShapeHandle *handle = TF_NewShapeHandle();
    TF_ShapeInferenceContextGetInput(context, part.input, handle, status);
    TF_ShapeInferenceContextSubshape(context, handle, part.from, part.to, handle, status);
    append(handle);
  }
  TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
  TF_DeleteShapeHandle(shape);
}

void forwardShape(TF_ShapeInferenceContext *context, TF_Status *status) {
  setShape(context, status, false, {{0, 0, 3}, {1, 3, 4}});
}
void inputGradientShape(TF_ShapeInferenceContext *context, TF_Status *status) {
  setShape(context, status, false, {{0, 0, 3}, {1, 2, 3}});
}
void filterGradientShape(TF_ShapeInferenceContext *context, TF_Status *status) {
  setShape(context, status, true, {{0, 3, 4}, {1, 3, 4}});
}

int registerOperation(const char *name, void (*compute)(void *, TF_OpKernelContext *),
                      void (*shape)(TF_ShapeInferenceContext *, TF_Status *)) {
  TF_OpDefinitionBuilder *operation = TF_NewOpDefinitionBuilder(name);
  TF_OpDefinitionBuilderAddInput(operation, "first: float");
  TF_OpDefinitionBuilderAddInput(operation, "second: float");
  TF_OpDefinitionBuilderAddOutput(operation, "output: float");
  TF_OpDefinitionBuilderAddAttr(operation, "threads: int");
  TF_OpDefinitionBuilderSetShapeInferenceFunction(operation, shape);
  TF_Status *status = TF_NewStatus();
  TF_RegisterOpDefinition(operation, status);
  int code = TF_GetCode(status);
  if (code == 0) {
    TF_RegisterKernelBuilder(name, TF_NewKernelBuilder(name, "CPU", createKernel, compute, deleteKernel), status);
    code = TF_GetCode(status);
  }
  TF_DeleteStatus(status);
  return code;
}

}  // namespace

/// Makes the operations known to TensorFlow. Returns 0, or the code of TensorFlow's error.
extern "C" __attribute__((visibility("default"))) int gala_register_winograd() {
  // Once: TensorFlow ends the process at a second operation of a name.
  static const int code =
      std::max({registerOperation("GalaWinograd", computeForward, forwardShape),
                registerOperation("GalaWinogradInputGradient", computeInputGradient, inputGradientShape),
                registerOperation("GalaWinogradFilterGradient", computeFilterGradient, filterGradientShape)});
  return code;
}
