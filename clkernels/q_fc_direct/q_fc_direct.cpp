// q_fc_direct: INT8 fully connected layers on CPUs; the weights are read in order.
#include <algorithm>

#include "clkernels/common/finish.hpp"

namespace tessera {
namespace {

/// Rows and groups of 16 outputs in registers; rows a work-item takes.
struct QFcTactic {
  int tm = 1, tk = 1, rows = 1;
  static constexpr auto fields() {
    using T = QFcTactic;
    return std::tuple{Field<T>{"TM", &T::tm}, Field<T>{"TK", &T::tk}, Field<T>{"ROWS", &T::rows}};
  }
};

const std::vector<int> kHeights{1, 2, 3, 4, 6, 7, 9, 14};

struct Sizes {
  std::int64_t batch, inputs, outputs;
  explicit Sizes(const OpView& op)
      : batch(op.outputs[0].shape[0]), inputs(op.inputs[1].shape[1]), outputs(op.inputs[1].shape[0]) {}
};

// [tile][inputs / 4][TK * 16][4] from [outputs][inputs]
PackedConstant packWeights(int tk) {
  return {"q_fc_direct tk" + std::to_string(tk), [tk](const std::vector<const HostTensor*>& given) {
            const HostTensor& weights = *given.at(1);
            const auto from = weights.as<std::int8_t>();
            const std::int64_t K = weights.shape[0], I = weights.shape[1], wide = tk * 16,
                               quads = ceilDiv(I, 4);
            HostTensor packed(DataType::Int8, {ceilDiv(K, wide), quads, wide, 4});
            const auto to = packed.as<std::int8_t>();
            for (std::int64_t k = 0; k < K; ++k)
              for (std::int64_t i = 0; i < I; ++i)
                to[((k / wide * quads + i / 4) * wide + k % wide) * 4 + i % 4] = from[k * I + i];
            return packed;
          }};
}

PackedConstant packSums(int tk) {
  return {"q_fc_direct corrections tk" + std::to_string(tk),
          [tk](const std::vector<const HostTensor*>& given) {
            const HostTensor& weights = *given.at(1);
            const auto from = weights.as<std::int8_t>();
            const std::int64_t K = weights.shape[0], I = weights.shape[1];
            HostTensor packed(DataType::Int32, {roundUp(K, tk * 16)});
            for (std::int64_t k = 0; k < K; ++k) {
              std::int32_t sum = 0;
              for (std::int64_t i = 0; i < I; ++i) sum += from[k * I + i];
              packed.as<std::int32_t>()[k] = -128 * sum;
            }
            return packed;
          }};
}

class QFcDirect final : public KernelFamily {
 public:
  FamilyId id() const override { return {"q_fc_direct", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (!device.isCpu()) return Verdict::no("it is written for CPUs");
    for (const auto& input : op.inputs)
      if (input.present() && input.layout.block != 1) return Verdict::no("an operand is channel-blocked");
    for (const int i : {1, kBiasInput, kSlopeInput, kMultiplierArgInput})
      if (op.has(i) && !op.inputs[i].constant)
        return Verdict::no("weights, bias, slope and multipliers must be constants");
    if (const auto why = whyNoQuantEpilogue(op); !why.empty()) return Verdict::no(why);
    return Verdict::yes();
  }

  TacticSpace space(const Problem& p, const DeviceCaps&) const override {
    const Sizes s(p);
    TacticSpace space;
    space.parameters = {{"TM", kHeights}, {"TK", {1, 2, 3, 4, 8}}, {"ROWS", {1, 4, 16, 64, 256}}};
    space.constraints = {
        {"a tile has more rows than a work-item",
         [](const Tactic& t) { return t.get("TM") <= t.get("ROWS"); }},
        {"a work-item has more rows than four times the batch",
         [s](const Tactic& t) { return t.get("ROWS") == 1 || t.get("ROWS") < 4 * s.batch; }},
        {"a tile has more outputs than the layer",
         [s](const Tactic& t) { return t.get("TK") == 1 || (t.get("TK") - 1) * 16 < s.outputs; }},
        {"accumulators and weights do not fit 32 vector registers",
         [](const Tactic& t) { return t.get("TM") * t.get("TK") + t.get("TK") + 1 <= 32; }}};
    return space;
  }

  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    const Sizes s(p);
    QFcTactic t;
    while (t.rows < 256 && t.rows < s.batch) t.rows *= 4;
    // A wide tile, but enough of them for every core.
    const std::int64_t blocks = ceilDiv(s.outputs, 16), cores = std::max(device.computeUnits, 1);
    for (const int tk : {2, 3, 4, 8})
      if (tk <= (s.batch <= 2 ? 8 : s.batch <= 6 ? 4 : 2) && ceilDiv(blocks, tk) >= 4 * cores) t.tk = tk;
    // Of the heights that fit, the one that leaves the least surplus.
    std::int64_t least = 0;
    for (const int tm : kHeights) {
      const std::int64_t time = ceilDiv(s.batch, tm) * (tm * t.tk + 2 + t.tk);
      if (tm > t.rows || tm * t.tk + t.tk + 1 > 32 || (least > 0 && time >= least)) continue;
      least = time;
      t.tm = tm;
    }
    return toTactic(t);
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<QFcTactic>(tactic);
    const Sizes s(p);
    Launch launch;
    launch.packed = {packWeights(t.tk), packSums(t.tk), paddedChannels(kMultiplierArgInput, t.tk * 16)};
    KernelCall call{.source = "q_fc_direct/q_fc_direct.cl", .entry = "q_fc_direct"};
    call.defines = {{"T_TM", std::to_string(t.tm)}, {"T_TK", std::to_string(t.tk)}};
    addQuantDefines(call.defines, p, device);
    call.global = {static_cast<std::size_t>(ceilDiv(s.outputs, t.tk * 16)),
                   static_cast<std::size_t>(ceilDiv(s.batch, t.rows))};
    call.local = {1, 1};
    call.args = {KernelArg::input(0), KernelArg::packed(0), KernelArg::packed(1), KernelArg::packed(2)};
    addPaddedEpilogueArgs(launch, call.args, p, 16);
    call.args.push_back(KernelArg::output(0));
    addQuantArgs(call.args, p);
    addPlaces(call.args, p);
    for (const std::int64_t value : {s.batch, s.inputs, s.outputs, std::int64_t{t.rows}})
      call.args.push_back(KernelArg::ofInt(value));
    launch.calls = {call};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const Sizes s(p);
    cost.operations = 2.0 * static_cast<double>(s.batch * s.inputs * s.outputs);
    cost.efficiency = 2.4;  // of f32 multiply-adds
    return cost;
  }

  std::vector<OpInstance> samples() const override {
    return quantisedTwins("QFullyConnected", findFamily("fc_direct")->samples());
  }
};

}  // namespace

void addFamilies_q_fc_direct(FamilyList& list) {
  static const QFcDirect family;
  list.add(family, {"QFullyConnected"});
}

}  // namespace tessera
