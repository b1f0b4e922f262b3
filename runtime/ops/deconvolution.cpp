// Deconvolution: transposed convolution over one to three spatial extents, with groups and a fused epilogue.
// Inputs: x, weights [C, K/group, k..], bias? [K], residual?, slope?. Attributes: strides, dilations, pads,
// output_padding, group, activation, alpha, beta.
#include "ops/epilogue.hpp"
#include "ops/evaluation_work.hpp"
#include "ops/follow.hpp"
#include "ops/geometry.hpp"
#include "ops/ordered.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class Deconvolution final : public Operator {
 public:
  std::string_view name() const override { return "Deconvolution"; }
  bool takesHalf(std::size_t input) const override { return halfInEpilogue(input); }
  AttributeNames attributes() const override {
    return {"activation", "alpha",  "beta",           "dilations", "exact_sums",
            "group",      "kernel", "output_padding", "pads",      "strides"};
  }

  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 5);
    if (!isFloat(inputs[0].type)) refuse("wants a floating-point input");
    const Window w = deconvolutionWindow(attrs, inputs[0].shape, inputs[1].shape);
    checkEpilogue(attrs, inputs, w.outputShape(), w.outChannels);
    return {{inputs[0].type, w.outputShape(), {}}};
  }

  /// Scatters, as the definition says (kernels gather).
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Window w = windowOf(view);
    const auto x = toDoubles(inputs[0]), weights = toDoubles(inputs[1]);
    std::vector<double> y(outputs[0].size());
    for (std::int64_t n = 0; n < w.batch; ++n)
      for (std::int64_t c = 0; c < w.channels; ++c)
        for (std::int64_t j = 0; j < w.groupOutputs(); ++j) {
          const std::int64_t k = c / w.groupChannels() * w.groupOutputs() + j;
          scatterPlane(w, &x[(n * w.channels + c) * w.inVolume()],
                       &weights[(c * w.groupOutputs() + j) * w.kernelVolume()],
                       &y[(n * w.outChannels + k) * w.outVolume()]);
        }
    const EpilogueReference epilogue(view, inputs);
    for (std::int64_t i = 0; i < outputs[0].size(); ++i)
      y[i] = epilogue(y[i], i / w.outVolume() % w.outChannels, i);
    storeDoubles(outputs[0], y);
  }

  Tolerance tolerance(const OpView& view) const override {
    const Window w = windowOf(view);
    return sumTolerance(w.groupChannels() * w.kernelVolume());
  }
  QuantRule quantRule(const OpView&) const override { return QuantRule::Requantise; }
  OperatorTraits traits() const override {
    return {.window = true,
            .weights = OperatorTraits::Weights{.inputAxis = 0, .outputAxis = 1},
            .integerTwin = "QDeconvolution",
            .multiplyAdds = windowWork,
            .follow = followItemsAndResidual,
            .bits = bitsOfSums};
  }
  std::vector<OpInstance> samples() const override;

 private:
  static void scatterPlane(const Window& w, const double* x, const double* weights, double* y) {
    for (std::int64_t d = 0; d < w.in[0]; ++d)
      for (std::int64_t h = 0; h < w.in[1]; ++h)
        for (std::int64_t v = 0; v < w.in[2]; ++v, ++x) {
          const double* weight = weights;
          for (std::int64_t kd = 0; kd < w.kernel[0]; ++kd)
            for (std::int64_t kh = 0; kh < w.kernel[1]; ++kh)
              for (std::int64_t kw = 0; kw < w.kernel[2]; ++kw, ++weight) {
                const std::int64_t od = d * w.stride[0] - w.padBegin[0] + kd * w.dilation[0];
                const std::int64_t oh = h * w.stride[1] - w.padBegin[1] + kh * w.dilation[1];
                const std::int64_t ov = v * w.stride[2] - w.padBegin[2] + kw * w.dilation[2];
                if (od >= 0 && od < w.out[0] && oh >= 0 && oh < w.out[1] && ov >= 0 && ov < w.out[2])
                  y[(od * w.out[1] + oh) * w.out[2] + ov] += *x * *weight;
              }
        }
  }
};

using List = std::vector<std::int64_t>;

std::vector<OpInstance> Deconvolution::samples() const {
  std::vector<OpInstance> samples;
  const auto add = [&](Attributes attrs, Shape x, Shape weights) {
    const std::int64_t channels = weights[1] * attrs.integer("group", 1);
    samples.push_back(makeSample("Deconvolution", std::move(attrs), {f32(x), f32(weights), f32({channels})},
                                 {}, {false, true, true}));
  };
  // Those of FCN-8s: 4x4 stride 2 pad 1 and 16x16 stride 8 pad 4.
  add({{"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}}, {1, 19, 5, 7}, {19, 19, 4, 4});
  add({{"strides", List{8, 8}}, {"pads", List{4, 4, 4, 4}}}, {1, 3, 4, 3}, {3, 5, 16, 16});
  add({}, {1, 3, 5, 6}, {3, 4, 3, 3});
  add({{"pads", List{1, 1, 1, 1}}}, {2, 17, 6, 5}, {17, 18, 3, 3});
  add({{"strides", List{2, 2}}}, {1, 16, 7, 3}, {16, 8, 2, 2});
  add({{"strides", List{2, 3}}, {"pads", List{0, 1, 2, 1}}, {"output_padding", List{1, 2}}}, {1, 4, 5, 4},
      {4, 3, 3, 4});
  add({{"strides", List{3, 3}}}, {1, 2, 4, 4}, {2, 2, 2, 2});  // the stride leaves cells that nothing reaches
  add({{"dilations", List{2, 3}}, {"pads", List{1, 0, 0, 2}}}, {1, 5, 4, 6}, {5, 3, 3, 2});
  add({{"dilations", List{2, 2}}, {"strides", List{2, 3}}, {"pads", List{2, 2, 2, 2}}}, {2, 3, 4, 5},
      {3, 3, 3, 3});
  add({{"group", 2}, {"strides", List{2, 2}}}, {1, 6, 4, 5}, {6, 2, 3, 3});
  add({{"group", 19}, {"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}}, {1, 19, 4, 6}, {19, 1, 4, 4});
  add({{"strides", List{2}}, {"pads", List{1, 0}}}, {2, 5, 9}, {5, 4, 3});
  add({{"strides", List{1, 2, 2}}, {"pads", List{1, 1, 0, 0, 1, 1}}}, {1, 3, 3, 4, 2}, {3, 4, 2, 3, 3});
  addEpilogueSamples(
      samples,
      makeSample("Deconvolution", {{"strides", List{2, 2}}}, {f32({1, 5, 3, 4}), f32({5, 18, 3, 3})}), 18);
  return samples;
}

}  // namespace

void addOperators_deconvolution(OperatorList& list) {
  static const Deconvolution deconvolution;
  list.push_back(&deconvolution);
}

}  // namespace tessera
