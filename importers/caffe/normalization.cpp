// Rows: BatchNorm, BN, Scale, Bias, LRN, MVN, Normalize, Softmax.
#include "importers/caffe/layers.hpp"

namespace tessera::caffe {
namespace {

using Values = std::vector<std::int64_t>;
using Tops = std::vector<TensorId>;

std::int64_t channels(const LayerContext& c) {
  if (c.rank() < 2) c.bad("its input of " + toString(c.shape()) + " has no channels");
  return c.shape()[1];
}

HostTensor filled(std::int64_t count, float value) {
  return HostTensor::of<float>({count}, std::vector<float>(count, value));
}

/// Where a BatchNorm layer keeps what it needs; -1: it has none.
struct BatchNormBlobs {
  int mean = 0, variance = 1, factor = 2, scale = -1, bias = -1;
};

/// The orders that Caffe and its forks store blobs in, told apart by how many there are and which one is a
/// single number, the factor:
///   BVLC                       mean, variance, factor
///   NVCaffe 0.16 and later     mean, variance, factor, scale, bias
///   NVCaffe 0.14               scale, bias, factor, mean, variance; its factor is 0, as it is never used
///   NVCaffe 0.15, Intel Caffe  scale, bias, mean, variance, factor
BatchNormBlobs blobOrder(const LayerContext& c, std::int64_t channels) {
  const std::size_t count = c.blobCount();
  std::string shapes;
  for (std::size_t i = 0; i < count; ++i) shapes += (i ? ", " : "") + toString(c.blobShape(i, ""));
  const auto isNumber = [&](std::size_t i) { return elementCount(c.blobShape(i, "")) <= 1; };
  const auto unclear = [&](const std::string& reason) {
    c.refuse("the order of its " + std::to_string(count) + " blobs (" + shapes + ") for " +
             std::to_string(channels) + " channels is not clear: " + reason);
  };
  if (count < 3) {
    c.blobShape(2, count == 0 ? "mean" : "scale factor");  // says what is missing
  } else if (count == 3) {
    return {};
  } else if (count != 5) {
    unclear("Caffe stores 3, its forks 5");
  }
  if (c.layer.batch_norm_param().scale_bias()) return {0, 1, 2, 3, 4};
  if (channels == 1)
    unclear("any of them can be the factor; set scale_bias: true where scale and bias come last");
  if (isNumber(4) && !isNumber(2)) return {2, 3, 4, 0, 1};
  if (!isNumber(2) || isNumber(4)) unclear("neither the third nor the last alone is a single number");
  const bool unused = elementCount(c.blobShape(2, "")) == 0 || c.blob(2, {1}, "scale factor").number(0) == 0;
  return unused ? BatchNormBlobs{3, 4, -1, 0, 1} : BatchNormBlobs{0, 1, 2, 3, 4};
}

/// Mean and variance are stored as sums; the factor is what to divide them by (0: nothing was accumulated).
Tops batchNorm(const LayerContext& c) {
  const auto& p = c.layer.batch_norm_param();
  if (p.has_use_global_stats() && !p.use_global_stats())
    c.refuse("it normalises with the statistics of the batch; set use_global_stats");
  const auto n = channels(c);
  const BatchNormBlobs at = blobOrder(c, n);
  HostTensor mean = c.blob(at.mean, {n}, "mean"), variance = c.blob(at.variance, {n}, "variance");
  const double divisor = at.factor < 0 ? 1 : c.blob(at.factor, {1}, "scale factor").number(0);
  for (auto* statistic : {&mean, &variance})
    for (auto& value : statistic->as<float>())
      value = divisor == 0 ? 0.f : static_cast<float>(value / divisor);
  if (at.scale >= 0)
    for (const float value : variance.as<float>())
      if (value < 0)
        c.refuse("blob " + std::to_string(at.variance) + ", taken for its variance, has the value " +
                 std::to_string(value) + ": its blobs are in no order that is known");
  const TensorId scale =
      at.scale >= 0 ? c.weights(at.scale, {n}, "scale") : c.constant("scale", filled(n, 1));
  const TensorId bias = at.bias >= 0 ? c.weights(at.bias, {n}, "bias") : c.constant("bias", filled(n, 0));
  return c.result("BatchNorm",
                  {c.bottom(), scale, bias, c.constant("mean", std::move(mean)),
                   c.constant("variance", std::move(variance))},
                  {{"epsilon", static_cast<double>(p.eps())}});
}

Tops bn(const LayerContext& c) {
  const auto n = channels(c);
  const TensorId scale = c.weights(0, {n}, "scale"), shift = c.weights(1, {n}, "shift");
  if (c.blobCount() >= 4)
    return c.result("BatchNorm",
                    {c.bottom(), scale, shift, c.weights(2, {n}, "mean"), c.weights(3, {n}, "variance")},
                    {{"epsilon", static_cast<double>(c.layer.bn_param().eps())}});
  if (c.layer.bn_param().bn_mode() != BNParameter::INFERENCE)
    c.refuse("it normalises with the statistics of the batch; compute them and set bn_mode: INFERENCE");
  return c.result("Scale", {c.bottom(), scale, shift}, {{"axis", std::int64_t{1}}});
}

/// The extents of x that a learned scale or bias covers.
Shape covered(const LayerContext& c, std::int64_t axis, std::int64_t axes) {
  if (axes < -1) c.bad("num_axes is " + std::to_string(axes) + "; -1 means all that follow");
  if (axes > c.rank())
    c.bad("num_axes is " + std::to_string(axes) + " for an input of " + toString(c.shape()));
  const std::int64_t end = axes < 0 ? c.rank() : axis + axes;
  if (end > c.rank()) c.bad("it covers more axes than its input of " + toString(c.shape()) + " has");
  return {c.shape().begin() + axis, c.shape().begin() + end};
}

/// Extents that broadcast `part` (x's extents from `axis` on) against x.
Shape broadcastable(const LayerContext& c, std::int64_t axis, Shape part) {
  part.resize(c.shape().size() - axis, 1);
  return part;
}

/// The first axis that a scale or bias covers; one number covers no axis, whatever `axis` says.
template <class Parameter>
std::int64_t firstAxis(const LayerContext& c, const Parameter& p) {
  const bool number = c.bottomCount() == 2 ? c.shape(1).empty() : p.num_axes() == 0;
  return number ? 0 : c.axis(p.axis());
}

/// Bottom 1 as an operand that broadcasts against bottom 0.
TensorId alignedBlob(const LayerContext& c, std::int64_t axis) {
  const Shape& part = c.shape(1);
  if (axis + c.rank(1) > c.rank() || !std::equal(part.begin(), part.end(), c.shape().begin() + axis))
    c.bad("its second input of " + toString(part) + " does not match " + toString(c.shape()) + " from axis " +
          std::to_string(axis));
  const Shape wide = broadcastable(c, axis, part);
  return wide == part ? c.bottom(1) : c.step("Reshape", "aligned", {c.bottom(1)}, {{"shape", Values(wide)}});
}

Tops scale(const LayerContext& c) {
  const auto& p = c.layer.scale_param();
  const std::int64_t axis = firstAxis(c, p);
  if (c.bottomCount() == 1) {
    const Shape part = covered(c, axis, p.num_axes());
    std::vector<TensorId> operands = {c.bottom(), c.weights(0, part, "scale")};
    if (p.bias_term()) operands.push_back(c.weights(1, part, "bias"));
    return c.result("Scale", operands, {{"axis", axis}});
  }
  const TensorId factor = alignedBlob(c, axis);
  if (!p.bias_term()) return c.result("Mul", {c.bottom(), factor});
  const Shape part = c.shape(1);
  HostTensor bias = c.blob(0, part, "bias");
  bias.shape = broadcastable(c, axis, part);
  return c.result("Add",
                  {c.step("Mul", "product", {c.bottom(), factor}), c.constant("bias", std::move(bias))});
}

Tops bias(const LayerContext& c) {
  const auto& p = c.layer.bias_param();
  const std::int64_t axis = firstAxis(c, p);
  if (c.bottomCount() == 2) return c.result("Add", {c.bottom(), alignedBlob(c, axis)});
  const Shape part = covered(c, axis, p.num_axes());
  HostTensor value = c.blob(0, part, "bias");
  value.shape = broadcastable(c, axis, part);
  return c.result("Add", {c.bottom(), c.constant("bias", std::move(value))});
}

Tops lrn(const LayerContext& c) {
  const auto& p = c.layer.lrn_param();
  const bool within = p.norm_region() == LRNParameter::WITHIN_CHANNEL;
  if (c.positive(p.local_size(), "local_size") % 2 == 0) c.bad("local_size must be odd");
  return c.result("Lrn", {c.bottom()},
                  {{"size", static_cast<std::int64_t>(p.local_size())},
                   {"alpha", static_cast<double>(p.alpha())},
                   {"beta", static_cast<double>(p.beta())},
                   {"bias", within ? 1.0 : static_cast<double>(p.k())},  // Caffe ignores k within channels
                   {"region", std::string(within ? "within" : "across")}});
}

Tops mvn(const LayerContext& c) {
  const auto& p = c.layer.mvn_param();
  if (c.rank() < 2) c.bad("its input of " + toString(c.shape()) + " has no channels");
  Values axes;
  for (std::int64_t i = p.across_channels() ? 1 : 2; i < c.rank(); ++i) axes.push_back(i);
  return c.result("MeanVariance", {c.bottom()},
                  {{"axes", axes},
                   {"normalize_variance", std::int64_t{p.normalize_variance()}},
                   {"epsilon", static_cast<double>(p.eps())},
                   {"epsilon_outside", std::int64_t{1}}});
}

Tops normalize(const LayerContext& c) {
  const auto& p = c.layer.norm_param();
  const auto n = channels(c);
  Values axes = {1};
  if (p.across_spatial())
    for (std::int64_t i = 2; i < c.rank(); ++i) axes.push_back(i);
  const TensorId factor = p.channel_shared() ? c.weights(0, {}, "scale") : c.weights(0, {n}, "scale");
  return c.result("LpNormalize", {c.bottom(), factor},
                  {{"axes", axes}, {"p", std::int64_t{2}}, {"epsilon", static_cast<double>(p.eps())}});
}

Tops softmaxLayer(const LayerContext& c) {
  return c.result("Softmax", {c.bottom()}, {{"axis", c.axis(c.layer.softmax_param().axis())}});
}

}  // namespace

std::vector<LayerRow> normalizationRows() {
  return {{"BatchNorm", 1, 1, batchNorm},
          {"BN", 1, 1, bn},
          {"Scale", 1, 2, scale},
          {"Bias", 1, 2, bias},
          {"LRN", 1, 1, lrn},
          {"MVN", 1, 1, mvn},
          {"Normalize", 1, 1, normalize},
          {"Softmax", 1, 1, softmaxLayer}};
}

}  // namespace tessera::caffe
