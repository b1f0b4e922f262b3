// conv_mma, deconv_mma, q_conv_mma, q_deconv_mma: convolutions on tensor cores, of halves and of codes.
#include "clkernels/common/gpu_model.hpp"
#include "clkernels/common/in_chains.hpp"
#include "clkernels/common/tensor_cores.hpp"
#include "clkernels/conv_mma/mma_shape.hpp"
#include "clkernels/conv_mma/mma_tactic.hpp"
#include "ops/geometry.hpp"
#include "ops/quantised.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

MmaProblem productOf(const OpView& op) { return {gemmShape(blockView(op)), blockBytes(op)}; }

class ConvMma final : public KernelFamily, public InChains {
 public:
  ConvMma(std::string_view name, int revision, std::string_view op) : id_{name, revision}, op_(op) {}
  FamilyId id() const override { return id_; }
  bool addsInPlace() const override { return true; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (!hasMma(device) && !device.isCpu())
      return Verdict::no("it needs tensor cores: NVIDIA's, from Ampere on");
    if (const auto why = whyNoMma(op); !why.empty()) return Verdict::no(why);
    if (!mmaSpace(productOf(op), device).contains(toTactic(MmaTactic())))
      return Verdict::no("no tile fits the device's local memory and work-group limit");
    return Verdict::yes();
  }

  // Blocks of 16; floats may be planar where they leave.
  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const override {
    const BlockChoice blocked = BlockChoice::uniform(op, kMmaBlock);
    std::vector<BlockChoice> choices{blocked};
    const bool residual = op.has(kResidualInput) && isFloat(op.inputs[kResidualInput].type) &&
                          op.inputs[kResidualInput].blockable();
    for (int planar = 1; planar < 4; ++planar) {
      if (((planar & 1) && !isFloat(op.outputs[0].type)) || ((planar & 2) && !residual)) continue;
      choices.push_back(blocked);
      if (planar & 1) choices.back().outputs[0] = 1;
      if (planar & 2) choices.back().inputs[kResidualInput] = 1;
    }
    return choices;
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return mmaSpace(productOf(p), device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(mmaFallback(productOf(p), device));
  }
  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override;
  Cost cost(const Problem& p, const DeviceCaps& device) const override;
  std::vector<OpInstance> samples() const override;

 private:
  FamilyId id_;
  std::string_view op_;
};

Launch ConvMma::plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const {
  const auto t = fromTactic<MmaTactic>(tactic);
  const GemmShape shape = gemmShape(blockView(p));
  Launch launch;
  launch.packed = {packMmaWeights(p, t.m, t.k), packMmaChannels(p)};
  KernelCall call{"conv_mma/conv_mma.cl", "conv_mma", tacticDefines(tactic)};
  addMmaDefines(call.defines, p, blockView(p), device);
  addMmaCall(launch, std::move(call), p, {t.items(), t.tiles(shape), t.split, t.partialBytes(shape)});
  return launch;
}

Cost ConvMma::cost(const Problem& p, const DeviceCaps& device) const {
  Cost cost = KernelFamily::cost(p, device);
  const MmaProblem product = productOf(p);
  cost.operations = product.operations();
  if (device.isCpu()) {
    cost.efficiency = 1e-3;  // emulated
    return cost;
  }
  const double seconds = mmaSeconds(product, mmaFallback(product, device), device);
  cost.efficiency = cost.operations / (seconds * kGpuOperationsPerUnit * device.computeUnits);
  return cost;
}

std::vector<OpInstance> ConvMma::samples() const {
  using List = std::vector<std::int64_t>;
  std::vector<OpInstance> floats;
  const bool transposed = traitsOf(op_).transposed();
  const auto add = [&](Attributes attrs, Shape x, Shape weights, bool bias = true) {
    floats.push_back(mmaSample(transposed, std::move(attrs), std::move(x), std::move(weights), bias));
  };
  if (transposed) {
    // Phases whose origin is not aligned, fewer channels than a block, two batches.
    add({{"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}}, {2, 20, 5, 6}, {20, 19, 4, 4});
    add({{"strides", List{4, 3}}, {"pads", List{3, 2, 2, 3}}}, {1, 9, 5, 5}, {9, 3, 7, 9}, false);
  } else {
    // More channels and pixels than a warp's tile, tails in both and in the blocks of a tile; sums long
    // enough to split; groups; batches inside a tile; strides and dilation.
    add({{"pads", List{1, 1, 1, 1}}}, {1, 20, 9, 13}, {70, 20, 3, 3});
    add({{"activation", "Relu"}}, {3, 300, 4, 4}, {24, 300, 1, 1});
    add({{"pads", List{2, 2, 2, 2}}, {"group", 2}}, {1, 96, 6, 6}, {32, 48, 5, 5});
    add({{"pads", List{1, 1, 1, 1}}}, {1, 128, 16, 16}, {130, 128, 3, 3});
    add({{"pads", List{1, 2, 1, 2}}, {"strides", List{2, 1}}, {"dilations", List{1, 2}}}, {2, 3, 11, 10},
        {18, 3, 3, 3});
    floats.push_back(convolutionSample({1, 40, 7, 9}, {36, 40, 1, 1}, {{"activation", "Relu"}}, true, true));
  }
  if (traitsOf(op_).quantised()) return quantisedSamples(std::string(op_), floats);
  return floats;  // tests derive halves
}

}  // namespace

void addFamilies_conv_mma(FamilyList& list) {
  // Revision 2 of q_conv_mma: its first read blocks of 4 channels.
  static const ConvMma convolution("conv_mma", 1, "Convolution"),
      deconvolution("deconv_mma", 1, "Deconvolution"), codes("q_conv_mma", 2, "QConvolution"),
      deconvolutionOfCodes("q_deconv_mma", 1, "QDeconvolution");
  list.add(convolution, {"Convolution"});
  list.add(deconvolution, {"Deconvolution"});
  list.add(codes, {"QConvolution"});
  list.add(deconvolutionOfCodes, {"QDeconvolution"});
}

}  // namespace tessera
