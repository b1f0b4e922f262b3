// QConvolution, QDeconvolution: INT8 with 32-bit accumulators and the fused epilogue of docs/numerics.md.
// Inputs: x i8, weights i8, bias? f32 [K], residual? (i8 or f32), slope? f32, multiplier f32 [K].
// Attributes: those of the float operator; rate (1 / output scale; absent: the output is f32),
// residual_scale; x_zero, zero, residual_zero (ops/quantised.hpp): sums are of (x - x_zero) * weight over the
// taps inside; nonnegative (1: no code of x is negative, which some processors multiply faster).
#include "ops/evaluation_work.hpp"
#include "ops/geometry.hpp"
#include "ops/quantised.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

using Accumulators = std::vector<std::uint32_t>;  // wrap-around, as DP4A

std::uint32_t product(std::int32_t a, std::int32_t b) { return static_cast<std::uint32_t>(a * b); }

// Visits every (input index, weight index, output index) that one product belongs to. `along` maps a position
// of the sliding side to the other side: a convolution slides over the input, a deconvolution over the
// output.
template <class Visit>
void forEachTap(const Window& w, bool transposed, Visit&& visit) {
  const Extents& slots = transposed ? w.in : w.out;
  const Extents& other = transposed ? w.out : w.in;
  for (std::int64_t d = 0; d < slots[0]; ++d)
    for (std::int64_t h = 0; h < slots[1]; ++h)
      for (std::int64_t v = 0; v < slots[2]; ++v)
        for (std::int64_t kd = 0; kd < w.kernel[0]; ++kd)
          for (std::int64_t kh = 0; kh < w.kernel[1]; ++kh)
            for (std::int64_t kw = 0; kw < w.kernel[2]; ++kw) {
              const std::int64_t od = d * w.stride[0] - w.padBegin[0] + kd * w.dilation[0];
              const std::int64_t oh = h * w.stride[1] - w.padBegin[1] + kh * w.dilation[1];
              const std::int64_t ov = v * w.stride[2] - w.padBegin[2] + kw * w.dilation[2];
              if (od < 0 || od >= other[0] || oh < 0 || oh >= other[1] || ov < 0 || ov >= other[2]) continue;
              visit((d * slots[1] + h) * slots[2] + v, (kd * w.kernel[1] + kh) * w.kernel[2] + kw,
                    (od * other[1] + oh) * other[2] + ov);
            }
}

Accumulators accumulate(const Window& w, bool transposed, const HostTensor& xs, const HostTensor& ws,
                        std::int32_t zero) {
  const auto x = xs.as<std::int8_t>(), weights = ws.as<std::int8_t>();
  Accumulators sums(w.batch * w.outChannels * w.outVolume());
  for (std::int64_t n = 0; n < w.batch; ++n)
    for (std::int64_t k = 0; k < w.outChannels; ++k)
      for (std::int64_t c = 0; c < w.groupChannels(); ++c) {
        const std::int64_t group = k / w.groupOutputs(), channel = group * w.groupChannels() + c;
        const std::int8_t* in = &x[(n * w.channels + channel) * w.inVolume()];
        const std::int64_t filter =
            transposed ? channel * w.groupOutputs() + k % w.groupOutputs() : k * w.groupChannels() + c;
        const std::int8_t* taps = &weights[filter * w.kernelVolume()];
        std::uint32_t* out = &sums[(n * w.outChannels + k) * w.outVolume()];
        forEachTap(w, transposed, [&](std::int64_t slot, std::int64_t tap, std::int64_t other) {
          if (transposed)
            out[other] += product(in[slot] - zero, taps[tap]);
          else
            out[slot] += product(in[other] - zero, taps[tap]);
        });
      }
  return sums;
}

class QConvolution final : public Operator {
 public:
  explicit QConvolution(bool transposed) : transposed_(transposed) {}
  std::string_view name() const override { return transposed_ ? "QDeconvolution" : "QConvolution"; }
  bool takesHalf(std::size_t) const override { return false; }
  AttributeNames attributes() const override {
    return {"activation",     "alpha",         "beta",           "dilations", "group",
            "kernel",         "nonnegative",   "output_padding", "pads",      "rate",
            "residual_scale", "residual_zero", "strides",        "x_zero",    "zero"};
  }

  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 6);
    const Window w = transposed_ ? deconvolutionWindow(attrs, inputs[0].shape, inputs[1].shape)
                                 : convolutionWindow(attrs, inputs[0].shape, inputs[1].shape);
    const DataType type = checkQuantised(attrs, inputs, w.outputShape(), w.outChannels);
    return {{type, w.outputShape(), {}}};
  }

  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Window w = windowOf(view);
    const auto sums = accumulate(w, transposed_, inputs[0], inputs[1],
                                 static_cast<std::int32_t>(view.attrs.integer("x_zero")));
    const QuantisedEpilogue epilogue(view, inputs);
    for (std::int64_t i = 0; i < outputs[0].size(); ++i)
      epilogue.store(outputs[0], i, static_cast<std::int32_t>(sums[i]), i / w.outVolume() % w.outChannels);
  }

  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  QuantRule quantRule(const OpView&) const override { return QuantRule::Requantise; }
  OperatorTraits traits() const override {
    const OperatorTraits twin = operatorNamed(transposed_ ? "Deconvolution" : "Convolution").traits();
    return {.window = true,
            .weights = twin.weights,
            .floatTwin = transposed_ ? "Deconvolution" : "Convolution",
            .multiplyAdds = windowWork};
  }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> all = operatorNamed(transposed_ ? "Deconvolution" : "Convolution").samples();
    std::erase_if(all, [](const OpInstance& s) {
      const std::string activation = s.view.attrs.string("activation");
      return !activation.empty() && !exactActivation(activation);
    });
    return quantisedSamples(std::string(name()), all);
  }

 private:
  bool transposed_;
};

}  // namespace

void addOperators_q_convolution(OperatorList& list) {
  static const QConvolution convolution(false), deconvolution(true);
  list.push_back(&convolution);
  list.push_back(&deconvolution);
}

}  // namespace tessera
