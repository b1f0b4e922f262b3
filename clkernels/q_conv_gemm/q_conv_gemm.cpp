// q_conv_gemm, q_deconv_gemm: INT8 implicit matrix products tiled through local memory, for GPUs. Activations
// in blocks of four channels, so that a word is an operand of dot4.
#include <algorithm>
#include <array>

#include "clkernels/q_conv_gemm/quant_gemm.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

// Tiles worth trying untuned, measured on an H200. Small work-groups of large item tiles lead: more of them
// share a unit, so that one computes while another waits at its barrier.
constexpr std::array kTiles{GemmTile{128, 128, 8, 8}, GemmTile{128, 64, 8, 8}, GemmTile{64, 128, 8, 8},
                            GemmTile{64, 64, 8, 8},   GemmTile{64, 64, 8, 4},  GemmTile{64, 64, 4, 4},
                            GemmTile{64, 32, 4, 4},   GemmTile{32, 128, 8, 4}, GemmTile{32, 64, 8, 4},
                            GemmTile{32, 64, 4, 4},   GemmTile{32, 32, 4, 4},  GemmTile{16, 128, 8, 4},
                            GemmTile{16, 128, 4, 4},  GemmTile{16, 64, 4, 4}};

// As gemmSeconds, for a unit that starts a dot product of 32 lanes every other cycle on each of its four
// pipes and other instructions in between.
double quantGemmSeconds(const GemmShape& shape, const GemmTactic& t, const DeviceCaps& device) {
  const GemmWork work = gemmWork(shape, t);
  // Of the dot products' peak; groups of more than four warps lose more at their barriers.
  const double fraction = t.items() <= 128 ? 0.97 : 0.86;
  const double others = work.instructions - work.products;
  const double issue = std::max(2 * work.products + 0.3 * others, work.instructions) / 4 / fraction;
  return gemmSeconds(shape, t, device, issue, 1.4);
}

class QConvGemm final : public QuantGemm {
 public:
  explicit QConvGemm(std::string_view name) : QuantGemm(name, "q_conv_gemm") {}

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const GemmProblem words = prepare(p, device);
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

 protected:
  GemmTactic untuned(const GemmProblem& words, const DeviceCaps& device) const override {
    return gemmBest(kTiles, words.shape, words.freedom, device,
                    [&](const GemmTactic& t) { return quantGemmSeconds(words.shape, t, device); });
  }
};

using List = std::vector<std::int64_t>;

std::vector<OpInstance> QConvGemm::samples() const {
  std::vector<OpInstance> floats;
  if (name() == "q_deconv_gemm") {
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
