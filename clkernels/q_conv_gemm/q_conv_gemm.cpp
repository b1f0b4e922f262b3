// q_conv_gemm, q_deconv_gemm: INT8 implicit matrix products tiled through local memory, for GPUs. Activations
// in blocks of four channels, so that a word is an operand of dot4.
#include <algorithm>

#include "clkernels/conv_gemm/gemm_tactic.hpp"
#include "clkernels/q_conv_gemm/q_gemm_seconds.hpp"
#include "clkernels/q_conv_gemm/q_gemm_shape.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

// The problem as the tactics see it.
struct Words {
  OpView view;
  GemmShape shape;
  GemmFreedom freedom;
  Words(const OpView& op, const DeviceCaps& device)
      : view(wordView(op)), shape(gemmShape(view)), freedom(gemmFreedom(view, shape, device)) {}
};

GemmTactic untuned(const Words& words, const DeviceCaps& device) {
  return quantGemmFallback(words.shape, words.freedom, device);
}

// Whether four pixels in a row can leave as one vector: y as words or planar floats, the residual in any
// layout.
bool vectorStores(const OpView& op, const GemmShape& s) {
  const TensorDesc& y = op.outputs[0];
  const std::int64_t unit = y.layout.block * 4;
  if (rowsArePhases(op))
    return s.gridWidth % 4 == 0 && s.originX % 4 == 0 && s.outWidth % 4 == 0 && y.layout.offset % 4 == 0 &&
           y.batchStride() % 4 == 0;
  return s.phasesX == 1 && s.phasesY == 1 && s.gridHeight * s.gridWidth % 4 == 0 &&
         y.layout.offset % unit == 0 && y.batchStride() % unit == 0;
}

Defines defines(const OpView& op, const Words& words, const Tactic& tactic, const DeviceCaps& device) {
  Defines all = tacticDefines(tactic);
  const auto add = [&](const char* name, std::string value) { all.emplace_back(name, std::move(value)); };
  const bool residual = op.has(kResidualInput);
  addGeometryDefines(all, words.shape);
  add("P_X", "int");
  add("P_Y", clType(op.outputs[0].type));
  add("P_R", clType(residual ? op.inputs[kResidualInput].type : DataType::Float32));
  add("P_STORE", vectorStores(op, words.shape) ? "1" : "0");
  add("P_YBLOCK", std::to_string(op.outputs[0].layout.block));
  add("P_RBLOCK", std::to_string(residual ? op.inputs[kResidualInput].layout.block : 1));
  add("P_PHASE_ROWS", rowsArePhases(op) ? "1" : "0");
  add("P_CHANNELS", std::to_string(op.outputs[0].shape[1]));
  addQuantDefines(all, op, device);
  return all;
}

class QConvGemm final : public KernelFamily {
 public:
  explicit QConvGemm(std::string_view name) : name_(name) {}
  FamilyId id() const override { return {name_, 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const auto why = whyNoQuantGemm(op); !why.empty()) return Verdict::no(why);
    const Words words(op, device);
    if (!gemmSpace(words.shape, words.freedom, device).contains(toTactic(untuned(words, device))))
      return Verdict::no("no tile fits the device's local memory and work-group limit");
    return Verdict::yes();
  }

  // Codes are in blocks of 4. Floats may be planar, too: the network's outputs are, and so are operands of
  // floating-point layers.
  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const override {
    const BlockChoice blocked = BlockChoice::uniform(op, 4);
    std::vector<BlockChoice> choices{blocked};
    const bool floatResidual = op.has(kResidualInput) &&
                               op.inputs[kResidualInput].type == DataType::Float32 &&
                               op.inputs[kResidualInput].blockable();
    const bool floatOutput = op.outputs[0].type == DataType::Float32;
    for (int planar = 1; planar < 4; ++planar) {
      if (((planar & 1) && !floatOutput) || ((planar & 2) && !floatResidual)) continue;
      choices.push_back(blocked);
      if (planar & 1) choices.back().outputs[0] = 1;
      if (planar & 2) choices.back().inputs[kResidualInput] = 1;
    }
    return choices;
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    const Words words(p, device);
    return gemmSpace(words.shape, words.freedom, device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(untuned(Words(p, device), device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<GemmTactic>(tactic);
    const Words words(p, device);
    const GemmShape& shape = words.shape;
    Launch launch;
    launch.packed = {packQuantGemmWeights(p, t.m, t.k, t.flat != 0), packedChannels(p, 4)};
    if (t.flat) launch.packed.push_back(packGemmTable(words.view, t.k));

    KernelCall product{"q_conv_gemm/q_conv_gemm.cl", t.split > 1 ? "q_conv_gemm_part" : "q_conv_gemm",
                       defines(p, words, tactic, device)};
    const auto items = static_cast<std::size_t>(t.items());
    product.local = {items, 1};
    product.global = {items * static_cast<std::size_t>(t.groups(shape)), static_cast<std::size_t>(t.split)};
    product.args = {KernelArg::input(0), KernelArg::packed(0),
                    t.flat ? KernelArg::packed(2) : KernelArg::none()};
    addPlace(product.args, words.view.inputs[0]);
    if (t.split == 1) {
      addFinishArgs(product.args, p);
      launch.calls = {std::move(product)};
      return launch;
    }
    const std::int64_t rows = std::int64_t{shape.groups} * shape.rows, pixels = roundUp(shape.pixels(), 4);
    launch.scratch.push_back(static_cast<std::size_t>(t.split * rows * pixels) * sizeof(std::int32_t));
    product.args.push_back(KernelArg::scratch(0));
    KernelCall sum{product.source, "q_conv_gemm_sum", product.defines};
    setFlat(sum, rows / 4 * pixels, device);
    sum.args = {KernelArg::scratch(0)};
    addFinishArgs(sum.args, p);
    launch.calls = {std::move(product), std::move(sum)};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const Words words(p, device);
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
  // Operands per channel, residual, y, rate, residual scale, places of y and the residual.
  static void addFinishArgs(std::vector<KernelArg>& args, const OpView& op) {
    args.push_back(KernelArg::packed(1));
    args.push_back(op.has(kResidualInput) ? KernelArg::input(kResidualInput) : KernelArg::none());
    args.push_back(KernelArg::output(0));
    addQuantArgs(args, op);
    addPlace(args, op.outputs[0]);
    addPlace(args, op.has(kResidualInput) ? op.inputs[kResidualInput] : TensorDesc{});
  }

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
