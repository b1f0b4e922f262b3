// conv_gemm, deconv_gemm: implicit matrix products tiled through local memory, for GPUs. Planar activations
// and weights in f32 or f16 storage, arithmetic in f32.
#include <algorithm>

#include "clkernels/common/epilogue.hpp"
#include "clkernels/conv_gemm/gemm_tactic.hpp"

namespace tessera {
namespace {

bool aligned4(const TensorDesc& t) { return t.layout.offset % 4 == 0 && t.batchStride() % 4 == 0; }

// P_STORE: how results leave; see conv_gemm.cl.
int storeMode(const OpView& op, const GemmShape& s) {
  if (!aligned4(op.outputs[0]) || (op.has(kResidualInput) && !aligned4(op.inputs[kResidualInput]))) return 0;
  if (s.phasesX == 1 && s.phasesY == 1) return s.gridHeight * s.gridWidth % 4 == 0 ? 1 : 0;
  return s.phasesX % 4 == 0 && s.outWidth % 4 == 0 && s.originX % 4 == 0 ? 2 : 0;
}

Defines defines(const OpView& op, const GemmShape& s, const Tactic& tactic) {
  Defines all = tacticDefines(tactic);
  all.emplace_back("P_STORE", std::to_string(storeMode(op, s)));
  addWindowDefines(all, op, s);
  return all;
}

class ConvGemm final : public KernelFamily {
 public:
  explicit ConvGemm(std::string_view name) : name_(name) {}
  FamilyId id() const override { return {name_, 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const auto why = whyNoGemm(op); !why.empty()) return Verdict::no(why);
    const GemmShape shape = gemmShape(op);
    const GemmFreedom freedom = gemmFreedom(op, shape, device);
    if (!gemmSpace(shape, freedom, device).contains(toTactic(gemmFallback(shape, freedom, device))))
      return Verdict::no("no tile fits the device's local memory and work-group limit");
    return Verdict::yes();
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    const GemmShape shape = gemmShape(p);
    return gemmSpace(shape, gemmFreedom(p, shape, device), device);
  }

  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    const GemmShape shape = gemmShape(p);
    return toTactic(gemmFallback(shape, gemmFreedom(p, shape, device), device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<GemmTactic>(tactic);
    const GemmShape shape = gemmShape(p);
    Launch launch;
    launch.packed.push_back(packGemmWeights(p, t.m, t.k, t.flat != 0));
    if (t.flat) launch.packed.push_back(packGemmTable(p, t.k));

    KernelCall product{"conv_gemm/conv_gemm.cl", t.addsAfterwards() ? "conv_gemm_part" : "conv_gemm",
                       defines(p, shape, tactic)};
    const auto items = static_cast<std::size_t>(t.items());
    product.local = {items, 1};
    product.global = {items * static_cast<std::size_t>(t.groups(shape)), static_cast<std::size_t>(t.split)};
    product.args = {KernelArg::input(0), KernelArg::packed(0),
                    t.flat ? KernelArg::packed(1) : KernelArg::none()};

    if (!t.addsAfterwards()) {
      addWindowArgs(product.args, p);
      if (t.split > 1) addLastSum(launch, product, shape, t, device);
      launch.calls = {std::move(product)};
      return launch;
    }
    const std::int64_t quads =
        static_cast<std::int64_t>(shape.groups) * shape.rows * ceilDiv(shape.pixels(), 4);
    launch.scratch.push_back(static_cast<std::size_t>(t.partialBytes(shape)));
    product.args.push_back(KernelArg::scratch(0));
    addPlace(product.args, p.inputs[0]);
    KernelCall sum{product.source, "conv_gemm_sum", product.defines};
    sum.local = {64};
    sum.global = {static_cast<std::size_t>(roundUp(quads, 64))};
    sum.args = {KernelArg::scratch(0)};
    addEpilogueArgs(sum.args, p);
    sum.args.push_back(KernelArg::output(0));
    addPlace(sum.args, p.outputs[0]);
    addPlace(sum.args, p.has(kResidualInput) ? p.inputs[kResidualInput] : TensorDesc{});
    launch.calls = {std::move(product), std::move(sum)};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const GemmShape shape = gemmShape(p);
    cost.operations = shape.operations();
    if (device.isCpu()) {
      constexpr int kLeastRows = 16;  // of a tile; what it computes beyond the output is lost
      cost.efficiency = 0.02 * shape.rows / static_cast<double>(roundUp(shape.rows, kLeastRows));
      return cost;
    }
    const GemmTactic tactic = gemmFallback(shape, gemmFreedom(p, shape, device), device);
    cost.efficiency = efficiencyFor(shape, gemmSeconds(shape, tactic, device) - kGemmLaunchSeconds, device);
    return cost;
  }

  std::vector<OpInstance> samples() const override;

 private:
  std::string_view name_;
};

using List = std::vector<std::int64_t>;

std::vector<OpInstance> ConvGemm::samples() const {
  std::vector<OpInstance> samples;
  if (name_ == "deconv_gemm") {
    const auto add = [&](Attributes attrs, Shape x, Shape weights) {
      samples.push_back(
          makeSample("Deconvolution", std::move(attrs), {f32(x), f32(weights)}, {}, {false, true}));
    };
    // Vector stores along phases, with a residual, and phases whose origin is not aligned.
    add({{"strides", List{4, 4}}, {"pads", List{4, 4, 4, 4}}}, {2, 9, 6, 5}, {9, 3, 8, 8});
    add({{"strides", List{4, 4}}, {"pads", List{3, 2, 2, 3}}}, {1, 6, 5, 5}, {6, 2, 7, 9});
    samples.push_back(makeSample(
        "Deconvolution", {{"strides", List{4, 4}}, {"activation", std::string("Relu")}},
        {f32({1, 5, 3, 4}), f32({5, 2, 4, 4}), f32({2}), f32({1, 2, 12, 16})}, {}, {false, true, true}));
    return samples;
  }
  const auto add = [&](Attributes attrs, Shape x, Shape weights) {
    samples.push_back(makeSample("Convolution", std::move(attrs), {f32(x), f32(weights), f32({weights[0]})},
                                 {}, {false, true, true}));
  };
  // More rows and pixels than a tile; sums long enough to split; pixel rows of vectors; batches inside a
  // tile.
  add({{"pads", List{1, 1, 1, 1}}}, {1, 20, 17, 24}, {150, 20, 3, 3});
  add({}, {3, 300, 4, 4}, {24, 300, 1, 1});
  add({{"pads", List{3, 3, 3, 3}}}, {1, 40, 6, 8}, {33, 40, 7, 7});
  add({{"pads", List{1, 1, 1, 1}}, {"strides", List{2, 2}}}, {4, 3, 14, 14}, {12, 3, 3, 3});
  return samples;
}

}  // namespace

void addFamilies_conv_gemm(FamilyList& list) {
  static const ConvGemm convolution("conv_gemm"), deconvolution("deconv_gemm");
  list.add(convolution, {"Convolution"});
  list.add(deconvolution, {"Deconvolution"});
}

}  // namespace tessera
