// Convolution: cross-correlation over one to three spatial extents, with groups and a fused epilogue.
// Inputs: x, weights [K, C/group, k..], bias? [K], residual?, slope?. Attributes: strides, dilations, pads,
// group, activation, alpha, beta.
#include "ops/epilogue.hpp"
#include "ops/evaluation_work.hpp"
#include "ops/follow.hpp"
#include "ops/geometry.hpp"
#include "ops/ordered.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class Convolution final : public Operator {
 public:
  std::string_view name() const override { return "Convolution"; }
  bool takesHalf(std::size_t input) const override { return halfInEpilogue(input); }
  AttributeNames attributes() const override {
    return {"activation", "alpha", "beta", "dilations", "exact_sums", "group", "kernel", "pads", "strides"};
  }

  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 5);
    if (!isFloat(inputs[0].type)) refuse("wants a floating-point input");
    const Window w = convolutionWindow(attrs, inputs[0].shape, inputs[1].shape);
    checkEpilogue(attrs, inputs, w.outputShape(), w.outChannels);
    return {{inputs[0].type, w.outputShape(), {}}};
  }

  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Window w = windowOf(view);
    const auto x = toDoubles(inputs[0]), weights = toDoubles(inputs[1]);
    const EpilogueReference epilogue(view, inputs);
    std::vector<double> y(outputs[0].size());
    std::int64_t index = 0;
    for (std::int64_t n = 0; n < w.batch; ++n)
      for (std::int64_t k = 0; k < w.outChannels; ++k)
        for (std::int64_t d = 0; d < w.out[0]; ++d)
          for (std::int64_t h = 0; h < w.out[1]; ++h)
            for (std::int64_t v = 0; v < w.out[2]; ++v, ++index)
              y[index] = epilogue(sumAt(w, x, weights, n, k, {d, h, v}), k, index);
    storeDoubles(outputs[0], y);
  }

  Tolerance tolerance(const OpView& view) const override {
    const Window w = windowOf(view);
    return sumTolerance(w.groupChannels() * w.kernelVolume());
  }
  QuantRule quantRule(const OpView&) const override { return QuantRule::Requantise; }
  OperatorTraits traits() const override {
    return {.window = true,
            .weights = OperatorTraits::Weights{},
            .integerTwin = "QConvolution",
            .multiplyAdds = windowWork,
            .follow = followItemsAndResidual,
            .bits = bitsOfSums};
  }
  std::vector<OpInstance> samples() const override;

 private:
  /// The sum over one window, before the epilogue.
  static double sumAt(const Window& w, const std::vector<double>& x, const std::vector<double>& weights,
                      std::int64_t n, std::int64_t k, const Extents& out) {
    const std::int64_t firstChannel = k / w.groupOutputs() * w.groupChannels();
    const double* row = weights.data() + k * w.groupChannels() * w.kernelVolume();
    double sum = 0;
    for (std::int64_t c = 0; c < w.groupChannels(); ++c) {
      const double* plane = x.data() + (n * w.channels + firstChannel + c) * w.inVolume();
      for (std::int64_t kd = 0; kd < w.kernel[0]; ++kd) {
        const std::int64_t d = out[0] * w.stride[0] - w.padBegin[0] + kd * w.dilation[0];
        for (std::int64_t kh = 0; kh < w.kernel[1]; ++kh) {
          const std::int64_t h = out[1] * w.stride[1] - w.padBegin[1] + kh * w.dilation[1];
          for (std::int64_t kw = 0; kw < w.kernel[2]; ++kw, ++row) {
            const std::int64_t v = out[2] * w.stride[2] - w.padBegin[2] + kw * w.dilation[2];
            if (d >= 0 && d < w.in[0] && h >= 0 && h < w.in[1] && v >= 0 && v < w.in[2])
              sum += *row * plane[(d * w.in[1] + h) * w.in[2] + v];
          }
        }
      }
    }
    return sum;
  }
};

using List = std::vector<std::int64_t>;

std::vector<OpInstance> Convolution::samples() const {
  std::vector<OpInstance> samples;
  const auto add = [&](Attributes attrs, Shape x, Shape weights) {
    samples.push_back(makeSample("Convolution", std::move(attrs), {f32(x), f32(weights), f32({weights[0]})},
                                 {}, {false, true, true}));
  };
  // Plain windows: pads, sizes that no tile divides, batches.
  add({{"pads", List{1, 1, 1, 1}}}, {1, 3, 8, 8}, {4, 3, 3, 3});
  add({{"pads", List{1, 1, 1, 1}}}, {2, 17, 13, 11}, {19, 17, 3, 3});
  add({}, {1, 5, 7, 9}, {3, 5, 3, 3});
  add({{"pads", List{1, 1, 1, 1}}}, {1, 32, 10, 18}, {48, 32, 3, 3});
  add({{"pads", List{3, 3, 3, 3}}}, {1, 4, 9, 6}, {6, 4, 7, 7});
  add({{"pads", List{2, 2, 2, 2}}}, {1, 3, 2, 3}, {2, 3, 5, 5});  // the window is larger than the image
  // Matrix products: 1x1.
  add({}, {1, 33, 5, 7}, {20, 33, 1, 1});
  add({}, {3, 16, 1, 1}, {64, 16, 1, 1});
  add({{"strides", List{2, 2}}}, {1, 24, 9, 9}, {17, 24, 1, 1});
  // Strides, dilations, asymmetric pads, windows that are not square.
  add({{"strides", List{2, 2}}, {"pads", List{3, 3, 3, 3}}}, {1, 3, 23, 21}, {16, 3, 7, 7});
  add({{"strides", List{3, 1}}, {"pads", List{0, 2, 1, 0}}}, {1, 6, 11, 12}, {5, 6, 2, 4});
  add({{"dilations", List{2, 2}}, {"pads", List{2, 2, 2, 2}}}, {1, 16, 12, 12}, {16, 16, 3, 3});
  add({{"dilations", List{3, 2}}, {"pads", List{1, 4, 5, 0}}, {"strides", List{1, 2}}}, {2, 7, 14, 15},
      {9, 7, 3, 3});
  add({{"strides", List{4, 4}}}, {1, 3, 19, 19}, {8, 3, 11, 11});
  add({{"strides", List{3, 3}}}, {1, 4, 10, 10}, {4, 4, 2, 2});  // the stride jumps over cells
  // Groups and depthwise, channel multiplier included.
  add({{"group", 2}, {"pads", List{1, 1, 1, 1}}}, {1, 8, 9, 7}, {6, 4, 3, 3});
  add({{"group", 4}}, {2, 64, 6, 5}, {32, 16, 1, 1});
  add({{"group", 3}, {"pads", List{1, 1, 1, 1}}}, {1, 15, 6, 6}, {9, 5, 3, 3});
  add({{"group", 20}, {"pads", List{1, 1, 1, 1}}}, {1, 20, 9, 11}, {20, 1, 3, 3});
  add({{"group", 16}, {"pads", List{1, 1, 1, 1}}, {"strides", List{2, 2}}}, {2, 16, 15, 13}, {16, 1, 3, 3});
  add({{"group", 5}, {"pads", List{2, 2, 2, 2}}, {"dilations", List{1, 1}}}, {1, 5, 8, 8}, {15, 1, 5, 5});
  add({{"group", 35}, {"pads", List{2, 2, 2, 2}}, {"dilations", List{2, 2}}}, {1, 35, 7, 9}, {35, 1, 3, 3});
  // One and three spatial extents.
  add({{"pads", List{1, 2}}, {"strides", List{2}}}, {2, 5, 17}, {6, 5, 4});
  add({{"pads", List{1, 1}}}, {1, 18, 31}, {16, 18, 3});
  add({{"pads", List{1, 1, 1, 1, 1, 1}}}, {1, 4, 5, 6, 7}, {6, 4, 3, 3, 3});
  add({{"strides", List{1, 2, 2}},
       {"pads", List{0, 1, 0, 1, 0, 2}},
       {"dilations", List{2, 1, 1}},
       {"group", 2}},
      {1, 6, 6, 7, 5}, {4, 3, 2, 3, 2});
  addEpilogueSamples(
      samples,
      makeSample("Convolution", {{"pads", List{1, 1, 1, 1}}}, {f32({1, 9, 6, 7}), f32({18, 9, 3, 3})}), 18);
  return samples;
}

}  // namespace

void addOperators_convolution(OperatorList& list) {
  static const Convolution convolution;
  list.push_back(&convolution);
}

}  // namespace tessera
