// q_conv_depthwise: INT8, one filter per channel over blocks of 16 channels, for CPUs.
#include <algorithm>

#include "clkernels/q_conv_direct/q_tile.hpp"

namespace tessera {
namespace {

struct QDepthwiseTactic {
  int tx = 8, rows = 1;
  static constexpr auto fields() {
    using T = QDepthwiseTactic;
    return std::tuple{Field<T>{"TX", &T::tx}, Field<T>{"ROWS", &T::rows}};
  }
};

const std::vector<int> kWidths{1, 2, 4, 7, 8, 14, 16};

// [C / 16][KH][KW][16], then 16 zeros
PackedConstant packWeights(const Window& w) {
  return {"q_conv_depthwise", [w](const std::vector<const HostTensor*>& inputs) {
            const auto from = inputs.at(1)->as<std::int8_t>();
            const std::int64_t taps = w.kernelVolume();
            HostTensor packed(DataType::Int8, {ceilDiv(w.channels, 16) * taps + 1, 16});
            const auto to = packed.as<std::int8_t>();
            for (std::int64_t c = 0; c < w.channels; ++c)
              for (std::int64_t tap = 0; tap < taps; ++tap)
                to[(c / 16 * taps + tap) * 16 + c % 16] = from[c * taps + tap];
            return packed;
          }};
}

class QConvDepthwise final : public KernelFamily {
 public:
  FamilyId id() const override { return {"q_conv_depthwise", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    const Window w = windowOf(op);
    if (!w.depthwise() || w.outChannels != w.channels) return Verdict::no("it is not one filter per channel");
    OpView ungrouped = op;  // groups are its own matter
    ungrouped.attrs.set("group", std::int64_t{1});
    ungrouped.inputs[1].shape[1] = w.channels;
    if (const Verdict verdict = quantTileApplies(ungrouped, device); !verdict) return verdict;
    if (op.inputs[0].layout.block != 16) return Verdict::no("the input is not in blocks of 16 channels");
    return Verdict::yes();
  }

  int channelBlock(const OpView&, const DeviceCaps&) const override { return 16; }

  TacticSpace space(const Problem& p, const DeviceCaps&) const override {
    const Window w = windowOf(p);
    TacticSpace space;
    std::vector<int> rows;
    for (int r = 1; r < 2 * w.out[1] && r <= 64; r *= 2) rows.push_back(r);
    space.parameters = {{"TX", kWidths}, {"ROWS", rows}};
    space.constraints = {{"a tile is wider than a row of the output",
                          [w](const Tactic& t) { return t.get("TX") <= w.out[2]; }}};
    return space;
  }

  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    QDepthwiseTactic best{.tx = 1};
    double least = 0;
    for (const int tx : kWidths) {
      const double time = static_cast<double>(ceilDiv(w.out[2], tx)) * (tx + 3);
      if (tx > w.out[2] || (least > 0 && time >= least)) continue;
      least = time;
      best.tx = tx;
    }
    const std::int64_t items = ceilDiv(w.channels, 16) * w.batch * w.out[1];
    while (best.rows < 64 && best.rows < w.out[1] && best.rows * 32 * device.computeUnits < items)
      best.rows *= 2;
    return toTactic(best);
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<QDepthwiseTactic>(tactic);
    const Window w = windowOf(p);
    Launch launch;
    launch.packed = {packWeights(w), paddedChannels(kMultiplierArgInput, 16)};
    KernelCall call{.source = "q_conv_depthwise/q_conv_depthwise.cl", .entry = "q_conv_depthwise"};
    call.defines = {{"T_TX", std::to_string(t.tx)}, {"P_STEP", std::to_string(w.stride[2])}};
    addQuantDefines(call.defines, p, device);
    call.global = {static_cast<std::size_t>(ceilDiv(w.out[1], t.rows)),
                   static_cast<std::size_t>(ceilDiv(w.channels, 16)), static_cast<std::size_t>(w.batch)};
    call.local = {1, 1, 1};
    call.args = {KernelArg::input(0), KernelArg::packed(0), KernelArg::packed(1)};
    addPaddedEpilogueArgs(launch, call.args, p, 16);
    call.args.push_back(KernelArg::output(0));
    addQuantArgs(call.args, p);
    addPlaces(call.args, p);
    for (const std::int64_t value :
         {w.channels, w.in[1], w.in[2], w.out[1], w.out[2], w.kernel[1], w.kernel[2], w.stride[1],
          w.dilation[1], w.dilation[2], w.padBegin[1], w.padBegin[2], std::int64_t{t.rows}})
      call.args.push_back(KernelArg::ofInt(value));
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = 2.0 * static_cast<double>(p.outputs[0].size() * windowOf(p).kernelVolume());
    cost.efficiency = 0.4;
    return cost;
  }

  std::vector<OpInstance> samples() const override {
    return quantTileSamples("QConvolution", "conv_depthwise");
  }
};

}  // namespace

void addFamilies_q_conv_depthwise(FamilyList& list) {
  static const QConvDepthwise family;
  list.add(family, {"QConvolution"});
}

}  // namespace tessera
