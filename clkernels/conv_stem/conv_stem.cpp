// conv_stem, q_conv_stem: convolutions of at most four channels on tensor cores, of halves and of codes.
#include <algorithm>

#include "clkernels/common/constraint.hpp"
#include "clkernels/common/gpu_model.hpp"
#include "clkernels/common/storage.hpp"
#include "clkernels/common/tensor_cores.hpp"
#include "clkernels/conv_mma/mma_shape.hpp"
#include "clkernels/q_conv_gemm/q_gemm_shape.hpp"
#include "ops/geometry.hpp"
#include "ops/quantised.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

constexpr int kStemBlock = 4;  // channels of x
constexpr int kStemRows = 64;  // channels of a tile
constexpr int kStemWide = 16;  // pixels of a line of a tile
constexpr int kStemWarps = 4;
constexpr int kStepWords = 8;  // of 32 bits, of a window's row

struct StemTactic {
  int lines = 2;
  static constexpr auto fields() { return std::tuple{Field<StemTactic>{"LINES", &StemTactic::lines}}; }
};

int pixelWords(const OpView& op) { return op.inputs[0].type == DataType::Int8 ? 1 : 2; }
int stepsOf(const OpView& op, const GemmShape& s) {
  return static_cast<int>(ceilDiv(s.tapsX * pixelWords(op), kStepWords));
}

OpView stemView(const OpView& op) {
  const std::int64_t whole = op.outputs[0].layout.block == kMmaBlock ? kMmaBlock : kStemBlock;
  return viewOverUnits(op, kStemBlock, roundUp(windowOf(op).groupOutputs(), whole));
}

int patchBytes(const OpView& op, const GemmShape& s, int lines) {
  const int pitch = (kStemWide - 1) * s.strideX * pixelWords(op) + stepsOf(op, s) * kStepWords;
  return 4 * pitch * ((kStemWarps * lines - 1) * s.strideY + (s.tapsY - 1) * s.dilationY + 1);
}

std::int64_t tilesOf(const GemmShape& s, int lines) {
  return s.batch * ceilDiv(s.gridWidth, kStemWide) * ceilDiv(s.gridHeight, kStemWarps * lines) *
         ceilDiv(s.rows, kStemRows);
}

// T: float or codes. See conv_stem.cl for the order.
template <class T>
HostTensor packed(const OpView& op, const HostTensor& weights) {
  const GemmShape s = gemmShape(stemView(op));
  const Window w = windowOf(op);
  const int words = pixelWords(op), lanes = kStemBlock / words, steps = stepsOf(op, s);
  const T* values = weights.as<T>().data();
  HostTensor result(weights.type, {ceilDiv(s.rows, kStemRows), s.tapsY, steps,
                                   std::int64_t{kStemRows} * kStepWords * lanes});
  T* out = result.as<T>().data();
  for (std::int64_t row = 0; row < w.outChannels; ++row)
    for (std::int64_t c = 0; c < w.channels; ++c)
      for (int ky = 0; ky < s.tapsY; ++ky)
        for (int kx = 0; kx < s.tapsX; ++kx) {
          const std::int64_t word = kx * words + c / lanes, place = mmaPlaceOfRow(row % kStemRows);
          const std::int64_t k = word % kStepWords, lane = place % 8 * 4 + k % 4;
          const std::int64_t at =
              (((row / kStemRows * s.tapsY + ky) * steps + word / kStepWords) * (kStemRows / 16) +
               place / 16) *
                  32 +
              lane;
          out[(at * 4 + place % 16 / 8 * 2 + k / 4) * lanes + c % lanes] =
              values[((row * w.channels + c) * s.tapsY + ky) * s.tapsX + kx];
        }
  return result;
}

PackedConstant packStemWeights(const OpView& op) {
  const bool codes = op.inputs[0].type == DataType::Int8;
  return inStorage(
      codes ? DataType::Int8 : DataType::Float16,
      {"stem " + plainTwin(op).attrs.text(), [op, codes](const std::vector<const HostTensor*>& inputs) {
         return codes ? packed<std::int8_t>(op, *inputs.at(1)) : packed<float>(op, *inputs.at(1));
       }});
}

class ConvStem final : public KernelFamily {
 public:
  ConvStem(std::string_view name, std::string_view op) : id_{name, 1}, op_(op) {}
  FamilyId id() const override { return id_; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (!hasMma(device) && !device.isCpu())
      return Verdict::no("it needs tensor cores: NVIDIA's, from Ampere on");
    if (const auto why = whyNoMma(op, kStemBlock); !why.empty()) return Verdict::no(why);
    const Window w = windowOf(op);
    if (w.channels > kStemBlock) return Verdict::no("it has more than four input channels");
    if (w.group > 1) return Verdict::no("it has groups");
    const GemmShape shape = gemmShape(stemView(op));
    if (shape.dilationX > 1) return Verdict::no("the pixels of a window's row are no neighbours");
    if (!space(op, device).contains(toTactic(StemTactic())))
      return Verdict::no("its patch does not fit the device's local memory");
    return Verdict::yes();
  }

  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps& device) const override {
    std::vector<BlockChoice> choices =
        findFamily(codes() ? "q_conv_mma" : "conv_mma")->blockChoices(op, device);
    for (BlockChoice& choice : choices) choice.inputs[0] = kStemBlock;
    return choices;
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    TacticSpace space;
    space.parameters = {{"LINES", {2, 4}}};
    const GemmShape shape = gemmShape(stemView(p));
    const auto local = static_cast<int>(std::min<std::size_t>(device.localMemory, std::size_t{1} << 20));
    require<StemTactic>(
        space, "a patch fits local memory (" + std::to_string(local) + " bytes)",
        [p, shape, local](const StemTactic& t) { return patchBytes(p, shape, t.lines) <= local; });
    return space;
  }
  Tactic fallback(const Problem&, const DeviceCaps&) const override { return toTactic(StemTactic()); }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const OpView view = stemView(p);
    Launch launch;
    launch.packed = {packStemWeights(p), packMmaChannels(p)};
    KernelCall call{"conv_stem/conv_stem.cl", "conv_stem", tacticDefines(tactic)};
    addMmaDefines(call.defines, p, view, device);
    call.local = {std::size_t{kStemWarps} * 32};
    call.global = {call.local[0] *
                   static_cast<std::size_t>(tilesOf(gemmShape(view), fromTactic<StemTactic>(tactic).lines))};
    addMmaArgs(launch, call.args, p);
    launch.calls = {std::move(call)};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const GemmShape shape = gemmShape(stemView(p));
    cost.operations = 2.0 * shape.rows * shape.pixels() * windowOf(p).channels * shape.taps();
    if (device.isCpu()) {
      cost.efficiency = 1e-3;  // emulated
      return cost;
    }
    // What it moves counts, at two thirds of the peak.
    const double seconds = 1.5 * cost.bytes / (kGpuBytesPerUnit * device.computeUnits) + 2e-6;
    cost.efficiency = cost.operations / (seconds * kGpuOperationsPerUnit * device.computeUnits);
    return cost;
  }

  std::vector<OpInstance> samples() const override {
    using List = std::vector<std::int64_t>;
    // Tails in lines, pixels and channels; strides, two batches; pads on one side; one channel.
    std::vector<OpInstance> floats{
        convolutionSample({2, 3, 21, 37}, {70, 3, 7, 7},
                          {{"pads", List{3, 3, 3, 3}}, {"strides", List{2, 2}}, {"activation", "Relu"}}, true,
                          false),
        convolutionSample({1, 3, 19, 18}, {16, 3, 3, 3}, {{"pads", List{1, 1, 1, 1}}}, true, true),
        convolutionSample({1, 1, 9, 40}, {19, 1, 2, 5},
                          {{"pads", List{0, 2, 1, 0}}, {"strides", List{1, 3}}, {"dilations", List{2, 1}}},
                          false, false),
        convolutionSample({1, 4, 12, 12}, {24, 4, 4, 4}, {{"strides", List{4, 4}}}, true, false)};
    if (codes()) return quantisedSamples(std::string(op_), floats);
    return floats;  // tests derive halves
  }

 private:
  bool codes() const { return traitsOf(op_).quantised(); }

  FamilyId id_;
  std::string_view op_;
};

}  // namespace

void addFamilies_conv_stem(FamilyList& list) {
  static const ConvStem halves("conv_stem", "Convolution"), codes("q_conv_stem", "QConvolution");
  list.add(halves, {"Convolution"});
  list.add(codes, {"QConvolution"});
}

}  // namespace tessera
