// conv_small, deconv_small: convolutions of few channels on GPUs; each item sums its outputs alone.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "clkernels/common/constraint.hpp"
#include "clkernels/common/epilogue.hpp"
#include "clkernels/common/gpu_model.hpp"
#include "clkernels/common/in_chains.hpp"
#include "clkernels/common/storage.hpp"
#include "clkernels/conv_gemm/gemm_shape.hpp"

namespace tessera {
namespace {

struct SmallTactic {
  int g = 64, p = 1, r = 8, c = 4;
  static constexpr auto fields() {
    using F = Field<SmallTactic>;
    return std::tuple{F{"G", &SmallTactic::g}, F{"P", &SmallTactic::p}, F{"R", &SmallTactic::r},
                      F{"C", &SmallTactic::c}};
  }
};

constexpr int kMostTaps = 64;      // they are unrolled
constexpr int kChainTerms = 16;    // of a sum, in a network of one launch
constexpr double kIssued = 0.843;  // of the instructions that begin where no load is waited for: measured

int localBytes(const GemmShape& s, const SmallTactic& t) {
  return t.c * s.taps() * t.r * static_cast<int>(sizeof(float));
}

std::vector<int> rowBlocks(const GemmShape& s) {
  std::vector<int> rows;
  for (const int r : {4, 8, 12, 16, 20, 24, 28, 32})
    if (r < s.rows + 4) rows.push_back(r);
  return rows;
}

std::vector<int> channelBlocks(const GemmShape& s) {
  std::vector<int> channels;
  for (const int c : {1, 2, 4, 8, 16, 32, 64})
    if (c < s.channels) channels.push_back(c);
  if (s.channels <= 128) channels.push_back(s.channels);
  return channels;
}

TacticSpace smallSpace(const GemmShape& s, const DeviceCaps& device) {
  TacticSpace space;
  space.parameters = {
      {"G", {32, 64, 128, 256}}, {"P", {1, 2, 4}}, {"R", rowBlocks(s)}, {"C", channelBlocks(s)}};
  const auto most = static_cast<int>(std::min<std::size_t>(device.maxWorkGroup, 256));
  require<SmallTactic>(space, "a work-group has at most " + std::to_string(most) + " items",
                       [most](const SmallTactic& t) { return t.g <= std::max(most, 32); });
  require<SmallTactic>(space, "tiles of an item need at most 64 accumulators",
                       [](const SmallTactic& t) { return t.p * t.r <= 64; });
  const auto local = static_cast<int>(std::min<std::size_t>(device.localMemory, std::size_t{48} << 10));
  require<SmallTactic>(space,
                       "the weights of C channels fit local memory (" + std::to_string(local) + " bytes)",
                       [s, local](const SmallTactic& t) { return localBytes(s, t) <= local; });
  return space;
}

// As gemmSeconds: an item's instructions, or the latency of its loads where few warps are resident.
double smallSeconds(const GemmShape& s, const SmallTactic& t, const DeviceCaps& device) {
  const GpuModel gpu = gpuModel(device);
  const double terms = 1.0 * s.channels * s.taps(), blocks = 1.0 * s.groups * std::ceil(1.0 * s.rows / t.r);
  const double instructions = terms * (t.p * (t.r + 4.0) + t.r / 4.0) + 40.0 * t.p * t.r / 4 + 400;
  const double warps = std::ceil(1.0 * s.pixels() / (t.p * t.g)) * blocks * t.g / 32;
  const double perUnit = std::ceil(warps / device.computeUnits);
  const double chunks = std::ceil(1.0 * s.channels / t.c);
  const double latency = instructions * 1.5 + s.channels * 150.0 + chunks * 900;
  const double resident = std::min(perUnit, std::floor(gpu.registers / 32 / (t.p * t.r + 40.0)));
  const double issue = perUnit * instructions / (kIssued * gpu.warpsPerCycle);
  return std::max(issue, std::ceil(perUnit / resident) * latency) / gpu.clock;
}

SmallTactic smallFallback(const GemmShape& s, const DeviceCaps& device) {
  SmallTactic best;
  double least = std::numeric_limits<double>::max();
  const TacticSpace space = smallSpace(s, device);
  for (const Tactic& member : space.members()) {
    const auto t = fromTactic<SmallTactic>(member);
    const double seconds = smallSeconds(s, t, device);
    if (seconds < least) best = t, least = seconds;
  }
  return best;
}

// [group][block][channel][tap][row], rows zero-padded to whole blocks
PackedConstant packWeights(const OpView& op, int block) {
  const auto pack = [op, block](const std::vector<const HostTensor*>& inputs) {
    const GemmShape s = gemmShape(op);
    const GemmWeights weights(op);
    const auto given = inputs.at(1)->as<float>();
    const std::int64_t blocks = ceilDiv(s.rows, block);
    HostTensor packed(DataType::Float32, {s.groups * blocks, s.channels, s.taps(), block});
    float* to = packed.as<float>().data();
    for (std::int64_t b = 0; b < s.groups * blocks; ++b)
      for (std::int64_t c = 0; c < s.channels; ++c)
        for (int tap = 0; tap < s.taps(); ++tap)
          for (std::int64_t r = 0; r < block; ++r, ++to) {
            const std::int64_t row = b % blocks * block + r;
            const std::int64_t i = row < s.rows ? weights.index(b / blocks, row, c, tap) : -1;
            if (i >= 0) *to = given[i];
          }
    return packed;
  };
  return inStorage(op.inputs[1].type,
                   {"small " + op.op + " " + op.attrs.text() + " block " + std::to_string(block), pack});
}

class ConvSmall final : public KernelFamily, public InChains {
 public:
  explicit ConvSmall(std::string_view name) : name_(name) {}
  FamilyId id() const override { return {name_, 1}; }
  bool addsInPlace() const override { return true; }
  // An item has few loads under way, where few warps are there to hide how long they take; tensor cores do
  // better.
  Verdict offersInChains(const OpView& op) const override {
    const GemmShape s = gemmShape(op);
    const bool others = s.groups == 1 && op.inputs[0].type == DataType::Float16;
    return others && s.channels * s.taps() > kChainTerms ? Verdict::no("tensor cores take such sums")
                                                         : Verdict::yes();
  }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const auto why = whyNoGemm(op); !why.empty()) return Verdict::no(why);
    const GemmShape s = gemmShape(op);
    if (s.taps() > kMostTaps) return Verdict::no("more than 64 taps to unroll");
    if (s.rows > 256) return Verdict::no("more than 256 rows per group want a tiled product");
    if (smallSpace(s, device).members().empty())
      return Verdict::no("the weights of one channel do not fit local memory");
    return Verdict::yes();
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    return smallSpace(gemmShape(p), device);
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return toTactic(smallFallback(gemmShape(p), device));
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    const auto t = fromTactic<SmallTactic>(tactic);
    const GemmShape s = gemmShape(p);
    KernelCall call{"conv_small/conv_small.cl", "conv_small", tacticDefines(tactic)};
    addWindowDefines(call.defines, p, s);
    const auto tiles = static_cast<std::size_t>(ceilDiv(s.pixels(), t.p * t.g));
    call.local = {static_cast<std::size_t>(t.g), 1};
    call.global = {tiles * static_cast<std::size_t>(t.g),
                   static_cast<std::size_t>(s.groups * ceilDiv(s.rows, t.r))};
    call.args = {KernelArg::input(0), KernelArg::packed(0)};
    addWindowArgs(call.args, p);
    return {{call}, {}, {packWeights(p, t.r)}};
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const GemmShape s = gemmShape(p);
    cost.operations = s.operations();
    cost.efficiency =
        device.isCpu() ? 0.015 : efficiencyFor(s, smallSeconds(s, smallFallback(s, device), device), device);
    return cost;
  }

 private:
  std::string_view name_;
};

}  // namespace

void addFamilies_conv_small(FamilyList& list) {
  list.add<ConvSmall>({"Convolution"}, "conv_small");
  list.add<ConvSmall>({"Deconvolution"}, "deconv_small");
}

}  // namespace tessera
