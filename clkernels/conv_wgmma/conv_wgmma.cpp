// conv_wgmma, deconv_wgmma, q_conv_wgmma, q_deconv_wgmma: large convolutions by Hopper's wgmma, of halves and
// of codes.
#include "clkernels/common/gpu_model.hpp"
#include "clkernels/common/in_chains.hpp"
#include "clkernels/common/tensor_cores.hpp"
#include "clkernels/conv_mma/mma_shape.hpp"
#include "clkernels/conv_wgmma/wgmma_tactic.hpp"
#include "ops/geometry.hpp"
#include "ops/quantised.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

// Untuned not for smaller ones: they are launches, which networks in one launch save, and those have no place
// for a kernel of another target.
constexpr double kWorthwhile = 1.5e9;

MmaProblem productOf(const OpView& op) { return {gemmShape(blockView(op)), blockBytes(op)}; }

class ConvWgmma final : public KernelFamily, public InChains {
 public:
  ConvWgmma(std::string_view name, std::string_view mma, std::string_view op)
      : name_(name), mma_(mma), op_(op) {}
  FamilyId id() const override { return {name_, 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (!hasWgmma(device) && !device.isCpu()) return Verdict::no("it needs the tensor cores of Hopper");
    if (const auto why = whyNoMma(op); !why.empty()) return Verdict::no(why);
    const MmaProblem p = productOf(op);
    if (p.shape.taps() == 1) return Verdict::no("its window is one pixel: nothing is read twice");
    if (!wgmmaSpace(p, device).contains(toTactic(WgmmaTactic())))
      return Verdict::no("no tile fits the device's local memory and work-group limit");
    return Verdict::yes();
  }

  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps& device) const override {
    return findFamily(mma_)->blockChoices(op, device);
  }
  Verdict offersInChains(const OpView&) const override {
    return Verdict::no("its kernel is compiled for a target of its own");
  }
  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return wgmmaSpace(productOf(p), device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(wgmmaFallback(productOf(p), device));
  }
  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override;
  Cost cost(const Problem& p, const DeviceCaps& device) const override;
  std::vector<OpInstance> samples() const override;

 private:
  std::string_view name_, mma_, op_;
};

Launch ConvWgmma::plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const {
  const auto t = fromTactic<WgmmaTactic>(tactic);
  const GemmShape shape = gemmShape(blockView(p));
  Launch launch;
  launch.packed = {packWgmmaWeights(p, t.m), packMmaChannels(p)};
  KernelCall call{"conv_wgmma/conv_wgmma.cl", "conv_wgmma", tacticDefines(tactic)};
  addMmaDefines(call.defines, p, blockView(p), device);
  call.defines.emplace_back("D_WGMMA", hasWgmma(device) ? "1" : "0");
  if (hasWgmma(device)) call.defines.emplace_back(kPtxTarget, "sm_90a");
  addMmaCall(launch, std::move(call), p, {t.items(), t.tiles(shape), t.split, t.partialBytes(shape)});
  return launch;
}

Cost ConvWgmma::cost(const Problem& p, const DeviceCaps& device) const {
  Cost cost = KernelFamily::cost(p, device);
  const MmaProblem product = productOf(p);
  cost.operations = product.operations();
  if (device.isCpu() || cost.operations < kWorthwhile) {
    cost.efficiency = 1e-3;  // emulated, or not for this
    return cost;
  }
  const double seconds = wgmmaSeconds(product, wgmmaFallback(product, device), device);
  cost.efficiency = cost.operations / (seconds * kGpuOperationsPerUnit * device.computeUnits);
  return cost;
}

std::vector<OpInstance> ConvWgmma::samples() const {
  using List = std::vector<std::int64_t>;
  std::vector<OpInstance> floats;
  const bool transposed = traitsOf(op_).transposed();
  const auto add = [&](Attributes attrs, Shape x, Shape weights, bool bias = true) {
    floats.push_back(mmaSample(transposed, std::move(attrs), std::move(x), std::move(weights), bias));
  };
  if (transposed) {
    // Phases whose origin is not aligned, fewer channels than a block, two batches.
    add({{"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}}, {2, 20, 9, 6}, {20, 19, 4, 4});
  } else {
    // Several tiles of channels and of pixels with tails in both, batches, a residual; chunks enough to
    // split; groups, pads on one side, dilation, more than nine taps.
    floats.push_back(convolutionSample({2, 20, 11, 19}, {70, 20, 3, 3},
                                       {{"pads", List{1, 1, 1, 1}}, {"activation", "Relu"}}, true, true));
    add({{"pads", List{1, 1, 1, 1}}}, {1, 128, 9, 17}, {20, 128, 3, 3});
    add({{"pads", List{0, 2, 3, 1}}, {"dilations", List{2, 1}}, {"group", 2}}, {3, 96, 11, 8}, {32, 48, 5, 3},
        false);
    // Windows that move by more than a pixel see several planes of the patch.
    add({{"pads", List{1, 1, 1, 1}}, {"strides", List{2, 2}}}, {2, 24, 19, 14}, {20, 24, 3, 3});
  }
  if (traitsOf(op_).quantised()) return quantisedSamples(std::string(op_), floats);
  return floats;  // tests derive halves
}

}  // namespace

void addFamilies_conv_wgmma(FamilyList& list) {
  static const ConvWgmma convolution("conv_wgmma", "conv_mma", "Convolution"),
      deconvolution("deconv_wgmma", "deconv_mma", "Deconvolution"),
      codes("q_conv_wgmma", "q_conv_mma", "QConvolution"),
      deconvolutionOfCodes("q_deconv_wgmma", "q_deconv_mma", "QDeconvolution");
  list.add(convolution, {"Convolution"});
  list.add(deconvolution, {"Deconvolution"});
  list.add(codes, {"QConvolution"});
  list.add(deconvolutionOfCodes, {"QDeconvolution"});
}

}  // namespace tessera
