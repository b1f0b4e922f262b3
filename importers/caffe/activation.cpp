// Rows of one-input functions: ReLU and its relatives, Sigmoid, TanH, Power, Exp, Log, ...
#include <cmath>

#include "importers/caffe/layers.hpp"

namespace tessera::caffe {
namespace {

using Tops = std::vector<TensorId>;

template <const char* op>
Tops plain(const LayerContext& c) {
  return c.result(op, {c.bottom()});
}
constexpr char kSigmoid[] = "Sigmoid", kTanh[] = "Tanh", kAbs[] = "Abs", kSoftplus[] = "Softplus",
               kMish[] = "Mish", kHardSwish[] = "HardSwish", kDropout[] = "Dropout";

Tops relu(const LayerContext& c) {
  const float slope = c.layer.relu_param().negative_slope();
  if (slope == 0) return c.result("Relu", {c.bottom()});
  return c.result("LeakyRelu", {c.bottom()}, {{"alpha", static_cast<double>(slope)}});
}

Tops relu6(const LayerContext& c) {
  const double top = c.layer.relu6_param().threshold();
  return c.result("Clip", {c.bottom()}, {{"alpha", 0.0}, {"beta", top}});
}

Tops clip(const LayerContext& c) {
  const auto& p = c.layer.clip_param();
  if (!p.has_min() || !p.has_max()) c.bad("clip_param needs min and max");
  if (!(p.min() <= p.max())) c.bad("min must not exceed max");
  return c.result("Clip", {c.bottom()},
                  {{"alpha", static_cast<double>(p.min())}, {"beta", static_cast<double>(p.max())}});
}

Tops prelu(const LayerContext& c) {
  if (c.rank() < 2) c.bad("its input of " + toString(c.shape()) + " has no channels");
  Shape slopes(c.shape().size() - 1, 1);  // broadcasts along the channels
  if (!c.layer.prelu_param().channel_shared()) slopes[0] = c.shape()[1];
  return c.result("PRelu", {c.bottom(), c.weights(0, slopes, "slope")});
}

Tops elu(const LayerContext& c) {
  return c.result("Elu", {c.bottom()}, {{"alpha", static_cast<double>(c.layer.elu_param().alpha())}});
}

Tops swish(const LayerContext& c) {
  const double beta = c.layer.swish_param().beta();
  if (beta == 1) return c.result("Silu", {c.bottom()});
  const TensorId inner = c.step("Affine", "inner", {c.bottom()}, {{"alpha", beta}, {"beta", 0.0}});
  return c.result("Mul", {c.bottom(), c.step("Sigmoid", "gate", {inner})});
}

/// scale * x + shift, or x itself where that changes nothing.
TensorId inner(const LayerContext& c, double scale, double shift) {
  if (scale == 1 && shift == 0) return c.bottom();
  return c.step("Affine", "inner", {c.bottom()}, {{"alpha", scale}, {"beta", shift}});
}

Tops power(const LayerContext& c) {
  const auto& p = c.layer.power_param();
  const double exponent = p.power(), scale = p.scale(), shift = p.shift();
  if (exponent == 1) return c.result("Affine", {c.bottom()}, {{"alpha", scale}, {"beta", shift}});
  return c.result("Power", {inner(c, scale, shift)}, {{"alpha", exponent}});
}

double naturalLog(const LayerContext& c, double base) {
  if (base == -1) return 1;  // the format's way to say e
  if (!(base > 0) || base == 1) c.bad("its base must be positive and not 1");
  return std::log(base);
}

Tops exponential(const LayerContext& c) {
  const auto& p = c.layer.exp_param();
  const double factor = naturalLog(c, p.base());
  return c.result("Exp", {inner(c, factor * p.scale(), factor * p.shift())});
}

Tops logarithm(const LayerContext& c) {
  const auto& p = c.layer.log_param();
  const double factor = naturalLog(c, p.base());
  const TensorId x = inner(c, p.scale(), p.shift());
  if (factor == 1) return c.result("Log", {x});
  return c.result("Affine", {c.step("Log", "natural", {x})}, {{"alpha", 1 / factor}, {"beta", 0.0}});
}

Tops threshold(const LayerContext& c) {
  const TensorId limit = c.constant("threshold", HostTensor::scalar(c.layer.threshold_param().threshold()));
  return c.result("Cast", {c.step("Greater", "above", {c.bottom(), limit})}, {{"to", std::string("f32")}});
}

}  // namespace

std::vector<LayerRow> activationRows() {
  return {{"ReLU", 1, 1, relu},
          {"ReLU6", 1, 1, relu6},
          {"Clip", 1, 1, clip},
          {"PReLU", 1, 1, prelu},
          {"ELU", 1, 1, elu},
          {"Sigmoid", 1, 1, plain<kSigmoid>},
          {"TanH", 1, 1, plain<kTanh>},
          {"AbsVal", 1, 1, plain<kAbs>},
          {"BNLL", 1, 1, plain<kSoftplus>},
          {"Mish", 1, 1, plain<kMish>},
          {"HardSwish", 1, 1, plain<kHardSwish>},
          {"Swish", 1, 1, swish},
          {"Power", 1, 1, power},
          {"Exp", 1, 1, exponential},
          {"Log", 1, 1, logarithm},
          {"Threshold", 1, 1, threshold},
          {"Dropout", 1, 1, plain<kDropout>}};
}

}  // namespace tessera::caffe
