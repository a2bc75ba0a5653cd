// gala's own operations for TensorFlow on a CPU. `gala engine install` compiles them on the user's machine with AVX2
// and FMA, without headers of TensorFlow: the functions of its C API that are needed are declared here.
#include <algorithm>
#include <cstdint>
#include <new>
#include <string>
#include <vector>
#include "batchNorm.h"
#include "winograd.h"

extern "C" {
struct TF_Status;
struct TF_Tensor;
struct TF_OpKernelConstruction;
struct TF_OpKernelContext;
struct TF_OpDefinitionBuilder;
struct TF_ShapeInferenceContext;
struct TF_ShapeHandle;
struct TF_KernelBuilder;

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
void TF_OpKernelConstruction_GetAttrFloat(TF_OpKernelConstruction *, const char *, float *, TF_Status *);
void TF_GetInput(TF_OpKernelContext *, int, TF_Tensor **, TF_Status *);
TF_Tensor *TF_ForwardInputOrAllocateOutput(TF_OpKernelContext *, const int *, int, int, const int64_t *, int, int *,
                                           TF_Status *);
void TF_OpKernelContext_Failure(TF_OpKernelContext *, TF_Status *);
}

namespace {

// ---- what an operation is ----

/// A part of the shape of an output: the axes from `from` up to `to` of an input; without an input 3, the side of a
/// filter.
struct Axes {
  int input;
  int from, to;
};
constexpr Axes side{-1, 0, 1};

/// The attributes of an operation.
struct Attributes {
  int32_t threads = 1;
  /// Of batch normalisation: epsilon, and how much of the new running averages is of the batch.
  float epsilon = 0, factor = 1;
};

struct Tensors {
  std::vector<TF_Tensor *> all;
  float *operator[](int i) const { return static_cast<float *>(TF_TensorData(all[i])); }
  long dim(int i, int axis) const { return TF_Dim(all[i], axis); }
  ~Tensors() {
    for (TF_Tensor *tensor : all)
      if (tensor) TF_DeleteTensor(tensor);
  }
};

/// All inputs and outputs are float32.
struct Operation {
  const char *name;
  std::vector<const char *> inputs;
  struct Output {
    const char *name;
    std::vector<Axes> shape;
  };
  std::vector<Output> outputs;
  void (*compute)(const Tensors &inputs, const Tensors &outputs, const Attributes &);
  /// An output that takes the memory of an input where nothing else needs the input.
  struct {
    int output = -1, input = -1;
  } inPlace = {};
};

// ---- the operations ----

Images imagesOf(const Tensors &tensors, int i) { return {tensors.dim(i, 0), tensors.dim(i, 1), tensors.dim(i, 2)}; }

const Operation convolution{
    "GalaConvolution",
    {"image", "filter"},
    {{"output", {{0, 0, 3}, {1, 3, 4}}}},
    [](const Tensors &in, const Tensors &out, const Attributes &attributes) {
      convolve(in[0], in[1], imagesOf(in, 0), in.dim(1, 2), in.dim(1, 3), asItIs, out[0], attributes.threads);
    },
};

// A shortcut of no elements adds nothing.
const Operation convolutionRelu{
    "GalaConvolutionRelu",
    {"image", "filter", "bias", "shortcut"},
    {{"output", {{0, 0, 3}, {1, 3, 4}}}},
    [](const Tensors &in, const Tensors &out, const Attributes &attributes) {
      const float *bias = in[2], *shortcut = in[3];
      const auto convolveWith = [&](auto finish) {
        convolve(in[0], in[1], imagesOf(in, 0), in.dim(1, 2), in.dim(1, 3), finish, out[0], attributes.threads);
      };
      if (in.dim(3, 0) > 0)
        convolveWith([=](Vector value, long i, long c) { return relu(value + load(bias + c) + load(shortcut + i)); });
      else
        convolveWith([=](Vector value, long, long c) { return relu(value + load(bias + c)); });
    },
};

const Operation convolutionInputGradient{
    "GalaConvolutionInputGradient",
    {"gradient", "filter"},
    {{"output", {{0, 0, 3}, {1, 2, 3}}}},
    [](const Tensors &in, const Tensors &out, const Attributes &attributes) {
      inputGradient(in[0], in[1], imagesOf(in, 0), in.dim(1, 2), in.dim(1, 3), asItIs, out[0], attributes.threads);
    },
};

const Operation convolutionInputGradientSum{
    "GalaConvolutionInputGradientSum",
    {"gradient", "filter", "added"},
    {{"output", {{0, 0, 3}, {1, 2, 3}}}},
    [](const Tensors &in, const Tensors &out, const Attributes &attributes) {
      const auto sum = [added = in[2]](Vector value, long i, long) { return value + load(added + i); };
      inputGradient(in[0], in[1], imagesOf(in, 0), in.dim(1, 2), in.dim(1, 3), sum, out[0], attributes.threads);
    },
    {0, 2},
};

const Operation convolutionFilterGradient{
    "GalaConvolutionFilterGradient",
    {"image", "gradient"},
    {{"output", {side, side, {0, 3, 4}, {1, 3, 4}}}},
    [](const Tensors &in, const Tensors &out, const Attributes &attributes) {
      filterGradient(in[0], in[1], imagesOf(in, 0), in.dim(0, 3), in.dim(1, 3), out[0], attributes.threads);
    },
};

Pieces piecesOf(const Tensors &tensors, int i) {
  const long channels = tensors.dim(i, 3);
  return {tensors.dim(i, 0) * tensors.dim(i, 1) * tensors.dim(i, 2) * channels, channels};
}

/// The running averages `before` moved towards the values of the batch; without `before` they start at 0.
void moveAverages(float *averages, const float *batch, const float *before, float factor, long channels) {
  for (long k = 0; k < channels; k++) averages[k] = (before ? (1 - factor) * before[k] : 0) + factor * batch[k];
}

// A shortcut of no elements adds nothing.
const Operation batchNormRelu{
    "GalaBatchNormRelu",
    {"image", "scale", "offset", "average_mean", "average_variance", "shortcut"},
    {{"output", {{0, 0, 4}}},
     {"new_average_mean", {{1, 0, 1}}},
     {"new_average_variance", {{1, 0, 1}}},
     {"mean", {{1, 0, 1}}},
     {"inverse", {{1, 0, 1}}}},
    [](const Tensors &in, const Tensors &out, const Attributes &attributes) {
      const Pieces pieces = piecesOf(in, 0);
      const Normalisation channel{in[1], in[2], out[3], out[4]};
      batchStatistics(in[0], pieces, attributes.epsilon, channel, out[2], attributes.threads);
      moveAverages(out[1], channel.mean, in.dim(3, 0) > 0 ? in[3] : nullptr, attributes.factor, pieces.channels);
      moveAverages(out[2], out[2], in.dim(4, 0) > 0 ? in[4] : nullptr, attributes.factor, pieces.channels);
      normalise(in[0], in.dim(5, 0) > 0 ? in[5] : nullptr, pieces, channel, out[0], attributes.threads);
    },
};

const Operation batchNormReluGradient{
    "GalaBatchNormReluGradient",
    {"gradient", "image", "scale", "offset", "mean", "inverse"},
    {{"image_gradient", {{1, 0, 4}}}, {"scale_gradient", {{2, 0, 1}}}, {"offset_gradient", {{2, 0, 1}}}},
    [](const Tensors &in, const Tensors &out, const Attributes &attributes) {
      const Pieces pieces = piecesOf(in, 1);
      const Normalisation channel{in[2], in[3], in[4], in[5]};
      const Normalised normalised(pieces, channel);
      const auto beforeRelu = [&, dy = in[0], x = in[1]](long i, long j) {
        return normalised(load(x + i), j) > 0.f ? load(dy + i) : Vector{};
      };
      batchNormGradient(in[1], pieces, channel, beforeRelu, beforeRelu, out[0], out[1], out[2], attributes.threads);
    },
    {0, 0},
};

const Operation batchNormSumReluGradient{
    "GalaBatchNormSumReluGradient",
    {"gradient", "output", "image", "scale", "mean", "inverse"},
    {{"image_gradient", {{2, 0, 4}}},
     {"scale_gradient", {{3, 0, 1}}},
     {"offset_gradient", {{3, 0, 1}}},
     {"sum_gradient", {{2, 0, 4}}}},
    [](const Tensors &in, const Tensors &out, const Attributes &attributes) {
      const Normalisation channel{in[3], nullptr, in[4], in[5]};
      float *sumGradient = out[3];
      const auto beforeRelu = [=, dy = in[0], y = in[1]](long i, long) {
        const Vector gradient = load(y + i) > 0.f ? load(dy + i) : Vector{};
        store(sumGradient + i, gradient);
        return gradient;
      };
      const auto again = [=](long i, long) { return load(sumGradient + i); };
      batchNormGradient(in[2], piecesOf(in, 2), channel, beforeRelu, again, out[0], out[1], out[2], attributes.threads);
    },
    {3, 0},
};

// ---- TensorFlow ----

void *createKernel(TF_OpKernelConstruction *context) {
  auto *attributes = new Attributes;
  TF_Status *status = TF_NewStatus();
  TF_OpKernelConstruction_GetAttrInt32(context, "threads", &attributes->threads, status);
  TF_OpKernelConstruction_GetAttrFloat(context, "epsilon", &attributes->epsilon, status);
  TF_OpKernelConstruction_GetAttrFloat(context, "factor", &attributes->factor, status);
  TF_DeleteStatus(status);
  return attributes;
}

void deleteKernel(void *attributes) { delete static_cast<Attributes *>(attributes); }

/// Too little memory is an error of the operation.
template <const Operation &operation>
void compute(void *attributes, TF_OpKernelContext *context) {
  TF_Status *status = TF_NewStatus();
  Tensors inputs, outputs;
  const auto ready = [&] { return TF_GetCode(status) == 0; };
  try {
    inputs.all.resize(operation.inputs.size());
    const auto get = [&](int i) {
      if (ready()) TF_GetInput(context, i, &inputs.all[i], status);
    };
    for (int i = 0; i < static_cast<int>(operation.inputs.size()); i++)
      if (i != operation.inPlace.input) get(i);
    for (int i = 0; i < static_cast<int>(operation.outputs.size()) && ready(); i++) {
      std::vector<int64_t> shape;
      for (const Axes &part : operation.outputs[i].shape)
        for (int axis = part.from; axis < part.to; axis++)
          shape.push_back(part.input < 0 ? 3 : inputs.dim(part.input, axis));
      const bool mayTake = i == operation.inPlace.output;
      int taken;  // not needed
      outputs.all.push_back(TF_ForwardInputOrAllocateOutput(context, &operation.inPlace.input, mayTake, i, shape.data(),
                                                            shape.size(), &taken, status));
    }
    // Only now: TensorFlow gives no memory away that has a second owner.
    if (operation.inPlace.input >= 0) get(operation.inPlace.input);
    if (ready()) operation.compute(inputs, outputs, *static_cast<Attributes *>(attributes));
  } catch (const std::bad_alloc &) {
    constexpr int resourceExhausted = 8;
    TF_SetStatus(status, resourceExhausted, "out of memory in an operation of gala");
  }
  if (!ready()) TF_OpKernelContext_Failure(context, status);
  TF_DeleteStatus(status);
}

template <const Operation &operation>
void inferShapes(TF_ShapeInferenceContext *context, TF_Status *status) {
  for (size_t i = 0; i < operation.outputs.size(); i++) {
    TF_ShapeHandle *shape = nullptr;
    for (const Axes &part : operation.outputs[i].shape) {
      TF_ShapeHandle *axes =
          part.input < 0 ? TF_ShapeInferenceContextVectorFromSize(context, 3) : TF_NewShapeHandle();
      if (part.input >= 0) {
        TF_ShapeInferenceContextGetInput(context, part.input, axes, status);
        TF_ShapeInferenceContextSubshape(context, axes, part.from, part.to, axes, status);
      }
      if (shape == nullptr) {
        shape = axes;
        continue;
      }
      TF_ShapeInferenceContextConcatenateShapes(context, shape, axes, shape, status);
      TF_DeleteShapeHandle(axes);
    }
    TF_ShapeInferenceContextSetOutput(context, i, shape, status);
    TF_DeleteShapeHandle(shape);
  }
}

template <const Operation &operation>
int registerOperation() {
  TF_OpDefinitionBuilder *definition = TF_NewOpDefinitionBuilder(operation.name);
  const auto typed = [](const char *name) { return std::string(name) + ": float"; };
  for (const char *name : operation.inputs) TF_OpDefinitionBuilderAddInput(definition, typed(name).c_str());
  for (const auto &output : operation.outputs) TF_OpDefinitionBuilderAddOutput(definition, typed(output.name).c_str());
  for (const char *attribute : {"threads: int", "epsilon: float = 0.0", "factor: float = 1.0"})
    TF_OpDefinitionBuilderAddAttr(definition, attribute);
  TF_OpDefinitionBuilderSetShapeInferenceFunction(definition, inferShapes<operation>);
  TF_Status *status = TF_NewStatus();
  TF_RegisterOpDefinition(definition, status);
  int code = TF_GetCode(status);
  if (code == 0) {
    TF_RegisterKernelBuilder(
        operation.name,
        TF_NewKernelBuilder(operation.name, "CPU", createKernel, compute<operation>, deleteKernel), status);
    code = TF_GetCode(status);
  }
  TF_DeleteStatus(status);
  return code;
}

}  // namespace

/// Makes the operations known to TensorFlow. Returns 0, or the code of TensorFlow's error.
extern "C" __attribute__((visibility("default"))) int gala_register_operations() {
  // Once: TensorFlow ends the process at a second operation of a name.
  static const int code = std::max({
      registerOperation<convolution>(),
      registerOperation<convolutionRelu>(),
      registerOperation<convolutionInputGradient>(),
      registerOperation<convolutionInputGradientSum>(),
      registerOperation<convolutionFilterGradient>(),
      registerOperation<batchNormRelu>(),
      registerOperation<batchNormReluGradient>(),
      registerOperation<batchNormSumReluGradient>(),
  });
  return code;
}
