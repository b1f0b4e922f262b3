// q_conv_gemm, q_deconv_gemm: INT8 implicit matrix products tiled through local memory, for GPUs. Activations
// in blocks of four channels, so that a word is an operand of dot4.
#include <algorithm>

#include "clkernels/conv_gemm/gemm_tactic.hpp"
#include "clkernels/q_conv_gemm/q_gemm_launch.hpp"
#include "clkernels/q_conv_gemm/q_gemm_seconds.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

GemmTactic untuned(const QuantGemmWords& words, const DeviceCaps& device) {
  return quantGemmFallback(words.shape, words.freedom, device);
}

class QConvGemm final : public KernelFamily {
 public:
  explicit QConvGemm(std::string_view name) : name_(name) {}
  FamilyId id() const override { return {name_, 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const auto why = whyNoQuantGemm(op); !why.empty()) return Verdict::no(why);
    const QuantGemmWords words(op, device);
    if (!gemmSpace(words.shape, words.freedom, device).contains(toTactic(untuned(words, device))))
      return Verdict::no("no tile fits the device's local memory and work-group limit");
    return Verdict::yes();
  }

  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const override {
    return quantGemmBlocks(op);
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    const QuantGemmWords words(p, device);
    return gemmSpace(words.shape, words.freedom, device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(untuned(QuantGemmWords(p, device), device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<GemmTactic>(tactic);
    return quantGemmLaunch(p, {"q_conv_gemm/q_conv_gemm.cl", "q_conv_gemm", t.items(), RowOrder::Plain}, t,
                           device);
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const QuantGemmWords words(p, device);
    cost.operations = words.shape.operations() * 4;
    if (device.isCpu()) {
      cost.efficiency = 0.02;
      return cost;
    }
    const double seconds = quantGemmSeconds(words.shape, untuned(words, device), device) - kGemmLaunchSeconds;
    // The estimate's peak is that of f32 multiply-adds; a word counts four.
    cost.efficiency = 4 * efficiencyFor(words.shape, seconds, device);
    return cost;
  }

  std::vector<OpInstance> samples() const override;

 private:
  std::string_view name_;
};

using List = std::vector<std::int64_t>;

std::vector<OpInstance> QConvGemm::samples() const {
  std::vector<OpInstance> floats;
  if (name_ == "q_deconv_gemm") {
    // Phases with a residual, whose origin is not aligned, and fewer channels than a word.
    floats = {makeSample("Deconvolution", {{"strides", List{2, 2}}, {"activation", std::string("Relu")}},
                         {f32({1, 6, 3, 4}), f32({6, 5, 4, 4}), f32({5}), f32({1, 5, 8, 10})}, {},
                         {false, true, true}),
              makeSample("Deconvolution", {{"strides", List{4, 3}}, {"pads", List{3, 2, 2, 3}}},
                         {f32({2, 9, 5, 5}), f32({9, 3, 7, 9})}, {}, {false, true})};
    std::vector<OpInstance> samples = quantisedSamples("QDeconvolution", floats);
    // Planar floats, whose rows are phases: vectors along x, and windows that end outside the output.
    for (OpInstance& sample : quantisedSamples(
             "QDeconvolution",
             {makeSample("Deconvolution", {{"strides", List{2, 2}}},
                         {f32({2, 5, 3, 8}), f32({5, 3, 2, 2}), f32({3})}, {}, {false, true, true}),
              makeSample("Deconvolution", {{"strides", List{4, 4}}, {"pads", List{2, 4, 2, 4}}},
                         {f32({1, 6, 4, 8}), f32({6, 2, 8, 8})}, {}, {false, true}),
              makeSample("Deconvolution", {{"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}},
                         {f32({1, 6, 3, 5}), f32({6, 2, 3, 3})}, {}, {false, true})})) {
      sample.view.attrs.erase("rate");
      sample.view.outputs = operatorNamed("QDeconvolution").infer(sample.view.attrs, sample.view.inputs);
      samples.push_back(std::move(sample));
    }
    return samples;
  }
  const auto add = [&](Attributes attrs, Shape x, Shape weights) {
    floats.push_back(makeSample("Convolution", std::move(attrs), {f32(x), f32(weights), f32({weights[0]})},
                                {}, {false, true, true}));
  };
  // More rows and pixels than a tile; sums long enough to split; pixel rows of vectors; batches inside a
  // tile.
  add({{"pads", List{1, 1, 1, 1}}}, {1, 20, 9, 12}, {70, 20, 3, 3});
  add({}, {3, 300, 4, 4}, {24, 300, 1, 1});
  add({{"pads", List{2, 2, 2, 2}}, {"group", 2}}, {1, 40, 6, 6}, {24, 20, 5, 5});
  add({{"pads", List{1, 1, 1, 1}}, {"strides", List{2, 2}}}, {4, 3, 10, 10}, {10, 3, 3, 3});
  return quantisedSamples("QConvolution", floats);
}

}  // namespace

void addFamilies_q_conv_gemm(FamilyList& list) {
  static const QConvGemm convolution("q_conv_gemm"), deconvolution("q_deconv_gemm");
  list.add(convolution, {"QConvolution"});
  list.add(deconvolution, {"QDeconvolution"});
}

}  // namespace tessera
