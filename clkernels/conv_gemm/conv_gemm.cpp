// conv_gemm, deconv_gemm: implicit matrix products tiled through local memory, for GPUs. Planar activations
// and weights in f32 or f16 storage, arithmetic in f32.
#include "clkernels/common/epilogue.hpp"
#include "clkernels/conv_gemm/gemm_family.hpp"

namespace tessera {
namespace {

bool aligned4(const TensorDesc& t) { return t.layout.offset % 4 == 0 && t.batchStride() % 4 == 0; }

// P_STORE: how results leave; see conv_gemm.cl.
int storeMode(const OpView& op, const GemmShape& s) {
  if (!aligned4(op.outputs[0]) || (op.has(kResidualInput) && !aligned4(op.inputs[kResidualInput]))) return 0;
  if (s.phasesX == 1 && s.phasesY == 1) return s.gridHeight * s.gridWidth % 4 == 0 ? 1 : 0;
  return s.phasesX % 4 == 0 && s.outWidth % 4 == 0 && s.originX % 4 == 0 ? 2 : 0;
}

class ConvGemm final : public GemmFamily {
 public:
  explicit ConvGemm(std::string_view name) : GemmFamily(name, "conv_gemm") {}

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const GemmProblem problem = prepare(p, device);
    const GemmShape& shape = problem.shape;
    cost.operations = shape.operations();
    if (device.isCpu()) {
      constexpr int kLeastRows = 16;  // of a tile; what it computes beyond the output is lost
      cost.efficiency = 0.02 * shape.rows / static_cast<double>(roundUp(shape.rows, kLeastRows));
      return cost;
    }
    const double seconds = gemmSeconds(shape, untuned(problem, device), device) - kGemmLaunchSeconds;
    cost.efficiency = efficiencyFor(shape, seconds, device);
    return cost;
  }

  std::vector<OpInstance> samples() const override;

 protected:
  std::string whyNot(const OpView& op, const DeviceCaps&) const override { return whyNoGemm(op); }
  GemmProblem prepare(const OpView& op, const DeviceCaps& device) const override { return {op, device}; }
  GemmTactic untuned(const GemmProblem& p, const DeviceCaps& device) const override {
    return gemmFallback(p.shape, p.freedom, device);
  }
  PackedConstant weights(const OpView& op, const GemmTactic& t) const override {
    return packGemmWeights(op, t.m, t.k, t.flat != 0);
  }
  void addDefines(Defines& defines, const OpView& op, const GemmShape& shape,
                  const DeviceCaps&) const override {
    defines.emplace_back("P_STORE", std::to_string(storeMode(op, shape)));
    addTypeDefines(defines, op);
    addEpilogueDefines(defines, op);
  }
  void addFinish(Launch&, std::vector<KernelArg>& args, const OpView& op) const override {
    addEpilogueArgs(args, op);
    args.push_back(KernelArg::output(0));
    addPlace(args, op.outputs[0]);
    addPlace(args, op.has(kResidualInput) ? op.inputs[kResidualInput] : TensorDesc{});
  }
};

using List = std::vector<std::int64_t>;

std::vector<OpInstance> ConvGemm::samples() const {
  std::vector<OpInstance> samples;
  if (name() == "deconv_gemm") {
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
