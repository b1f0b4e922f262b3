// conv_pairs: large convolutions in fp32 by Hopper's wgmma, numbers as pairs of halves.
#include "clkernels/common/in_chains.hpp"
#include "clkernels/common/tensor_cores.hpp"
#include "clkernels/conv_mma/mma_shape.hpp"
#include "clkernels/conv_pairs/pairs_tactic.hpp"
#include "ops/geometry.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

constexpr double kWorthwhile = 0.15e9;  // operations; untuned not for smaller ones

GemmShape shapeOf(const OpView& op) { return gemmShape(blockView(op)); }

std::string whyNotOperands(const OpView& op) {
  if (op.attrs.integer("exact_sums")) return "its sums of integers have to be exact";
  for (const TensorDesc* t : {&op.inputs[0], &op.inputs[1], &op.outputs[0]})
    if (t->type != DataType::Float32) return "an operand is not f32";
  for (std::size_t i = 0; i < op.inputs.size(); ++i)
    if (op.has(i) && op.inputs[i].type != DataType::Float32) return "an operand is not f32";
  for (const int i : {kBiasInput, kSlopeInput})
    if (op.has(i) && !op.inputs[i].constant) return "bias and slope must be constants";
  return {};
}

class ConvPairs final : public KernelFamily, public InChains {
 public:
  FamilyId id() const override { return {"conv_pairs", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (!hasWgmma(device) && !device.isCpu()) return Verdict::no("it needs the tensor cores of Hopper");
    if (const auto why = whyNotOperands(op); !why.empty()) return Verdict::no(why);
    if (const auto why = whyNoGemm(op); !why.empty()) return Verdict::no(why);
    const Window w = windowOf(op);
    if (w.group > 1 && w.groupOutputs() % 4) return Verdict::no("a group's outputs are not whole quads");
    const GemmShape shape = shapeOf(op);
    if (!pairsSpace(shape, device).contains(toTactic(PairsTactic())))
      return Verdict::no("no tile fits the device's local memory and work-group limit");
    return Verdict::yes();
  }

  Verdict offersInChains(const OpView&) const override {
    return Verdict::no("its kernel is compiled for a target of its own");
  }
  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return pairsSpace(shapeOf(p), device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(pairsFallback(shapeOf(p), device));
  }
  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override;
  Cost cost(const Problem& p, const DeviceCaps& device) const override;
  std::vector<OpInstance> samples() const override;
};

Launch ConvPairs::plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const {
  const auto t = fromTactic<PairsTactic>(tactic);
  OpView blocks = blockView(p);
  const GemmShape shape = gemmShape(blocks);
  blocks.inputs[0].layout = {1, p.inputs[0].layout.offset, p.inputs[0].batchStride()};  // x is planar
  Launch launch;
  launch.packed = {packPairWeights(p, t.m), packPairChannels(p)};
  KernelCall call{"conv_pairs/conv_pairs.cl", "conv_pairs", tacticDefines(tactic)};
  addMmaDefines(call.defines, p, blocks, device);
  call.defines.emplace_back("P_CIN", std::to_string(windowOf(p).groupChannels()));
  call.defines.emplace_back("D_WGMMA", hasWgmma(device) ? "1" : "0");
  if (hasWgmma(device)) call.defines.emplace_back(kPtxTarget, "sm_90a");
  addMmaCall(launch, std::move(call), p, {t.items(), t.tiles(shape), t.split, t.partialBytes(shape)});
  return launch;
}

Cost ConvPairs::cost(const Problem& p, const DeviceCaps& device) const {
  Cost cost = KernelFamily::cost(p, device);
  const GemmShape shape = shapeOf(p);
  cost.operations = shape.operations() * kMmaBlock;
  if (device.isCpu() || cost.operations < kWorthwhile) {
    cost.efficiency = 1e-3;  // emulated, or not for this
    return cost;
  }
  const double seconds = pairsSeconds(shape, pairsFallback(shape, device), device);
  cost.efficiency = cost.operations / (seconds * kGpuOperationsPerUnit * device.computeUnits);
  return cost;
}

std::vector<OpInstance> ConvPairs::samples() const {
  using List = std::vector<std::int64_t>;
  const auto plain = [](Attributes attrs, Shape x, Shape weights, bool bias = true) {
    return mmaSample(false, std::move(attrs), std::move(x), std::move(weights), bias);
  };
  // Several tiles of channels and of pixels with tails in both, batches, a residual; channels enough to
  // split; groups, pads on one side, dilation, more than nine taps; one tap; strides.
  return {convolutionSample({2, 20, 11, 19}, {70, 20, 3, 3},
                            {{"pads", List{1, 1, 1, 1}}, {"activation", "Relu"}}, true, true),
          plain({{"pads", List{1, 1, 1, 1}}}, {1, 128, 9, 17}, {20, 128, 3, 3}),
          plain({{"pads", List{0, 2, 3, 1}}, {"dilations", List{2, 1}}, {"group", 2}}, {3, 70, 11, 8},
                {32, 35, 5, 3}, false),
          plain({}, {2, 40, 9, 9}, {66, 40, 1, 1}),
          plain({{"pads", List{1, 1, 1, 1}}, {"strides", List{2, 2}}}, {2, 24, 19, 14}, {20, 24, 3, 3}),
          plain({{"pads", List{2, 0, 1, 1}}, {"strides", List{3, 2}}, {"dilations", List{2, 3}}},
                {1, 17, 22, 25}, {9, 17, 4, 2}),
          plain({{"strides", List{2, 3}}}, {2, 33, 9, 22}, {21, 33, 1, 1})};
}

}  // namespace

void addFamilies_conv_pairs(FamilyList& list) { list.add<ConvPairs>({"Convolution"}); }

}  // namespace tessera
