// q_fc_rows: INT8 fully connected layers of few items on GPUs, bound by the bytes of their weights.
#include <algorithm>

#include "clkernels/common/quant.hpp"
#include "clkernels/conv_gemm/gemm_shape.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

struct QFcRowsTactic {
  int g = 128, o = 2, b = 1, v = 1;
  static constexpr auto fields() {
    using F = Field<QFcRowsTactic>;
    return std::tuple{F{"G", &QFcRowsTactic::g}, F{"O", &QFcRowsTactic::o}, F{"B", &QFcRowsTactic::b},
                      F{"V", &QFcRowsTactic::v}};
  }
};

struct Sizes {
  std::int64_t items, inputs, outputs;
  explicit Sizes(const OpView& op)
      : items(op.outputs[0].shape[0]), inputs(op.inputs[1].shape[1]), outputs(op.inputs[1].shape[0]) {}
  std::int64_t words() const { return ceilDiv(inputs, 4); }
};

/// Whether every row of x and of the weights is whole runs of `bytes`.
bool aligned(const OpView& op, std::int64_t bytes) {
  const TensorDesc& x = op.inputs[0];
  return op.inputs[1].shape[1] % bytes == 0 && x.layout.offset % bytes == 0 && x.batchStride() % bytes == 0;
}

// [outputs][words] of four codes, zero-padded
PackedConstant packRows() {
  return {"q_fc_rows words", [](const std::vector<const HostTensor*>& given) {
            const HostTensor& weights = *given.at(1);
            const auto from = weights.as<std::int8_t>();
            const std::int64_t outputs = weights.shape[0], inputs = weights.shape[1];
            HostTensor packed(DataType::Int8, {outputs, ceilDiv(inputs, 4), 4});
            const auto to = packed.as<std::int8_t>();
            for (std::int64_t o = 0; o < outputs; ++o)
              std::copy_n(from.begin() + o * inputs, inputs, to.begin() + o * ceilDiv(inputs, 4) * 4);
            return packed;
          }};
}

class QFcRows final : public KernelFamily {
 public:
  FamilyId id() const override { return {"q_fc_rows", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (const auto why = whyNoQuantEpilogue(op); !why.empty()) return Verdict::no(why);
    for (const auto& input : op.inputs)
      if (input.present() && input.layout.block != 1) return Verdict::no("an operand is channel-blocked");
    if (!op.inputs[1].constant) return Verdict::no("the weights are not constant");
    if (op.inputs[1].size() > INT32_MAX) return Verdict::no("more weights than 32 bits index");
    if (device.maxWorkGroup < 32) return Verdict::no("work-groups of 32 items are not possible");
    return Verdict::yes();
  }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    TacticSpace space;
    std::vector<int> items{1};
    for (const int b : {2, 4, 8})
      if (b < 2 * Sizes(p).items) items.push_back(b);
    space.parameters = {{"G", {32, 64, 128, 256}},
                        {"O", {1, 2, 4, 8}},
                        {"B", items},
                        {"V", aligned(p, 16) ? std::vector{1, 4} : std::vector{1}}};
    const auto most = static_cast<int>(device.maxWorkGroup);
    space.constraints.push_back({"a work-group has at most " + std::to_string(most) + " items",
                                 [most](const Tactic& t) { return t.get("G") <= most; }});
    space.constraints.push_back({"tiles of an item need at most 16 sums",
                                 [](const Tactic& t) { return t.get("O") * t.get("B") <= 16; }});
    const auto local =
        static_cast<std::int64_t>(std::min<std::size_t>(device.localMemory, std::size_t{48} << 10));
    space.constraints.push_back({"partial sums fit local memory", [local](const Tactic& t) {
                                   return std::int64_t{4} * t.get("O") * t.get("B") * t.get("G") <= local;
                                 }});
    return space;
  }

  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    const Sizes s(p);
    QFcRowsTactic t;
    t.v = aligned(p, 16) ? 4 : 1;
    while (t.b < 8 && t.b < s.items) t.b *= 2;
    t.o = s.outputs >= 8LL * device.computeUnits ? 2 : 1;
    while (t.g > 32 && (t.g > static_cast<int>(device.maxWorkGroup) || t.g * t.v > s.words())) t.g /= 2;
    return toTactic(t);
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const auto t = fromTactic<QFcRowsTactic>(tactic);
    const Sizes s(p);
    const bool words = aligned(p, 4);
    Launch launch;
    KernelCall call{"q_fc_rows/q_fc_rows.cl", "q_fc_rows", tacticDefines(tactic)};
    const auto add = [&](const char* name, std::int64_t value) {
      call.defines.emplace_back(name, std::to_string(value));
    };
    add("P_N", s.items), add("P_I", s.inputs), add("P_O", s.outputs), add("P_WORDS", s.words());
    add("P_X", words);
    addQuantDefines(call.defines, p, device);
    call.local = {static_cast<std::size_t>(t.g), 1};
    call.global = {static_cast<std::size_t>(ceilDiv(s.outputs, t.o) * t.g),
                   static_cast<std::size_t>(ceilDiv(s.items, t.b))};
    if (s.inputs % 4 != 0) launch.packed.push_back(packRows());
    call.args = {KernelArg::input(0), s.inputs % 4 == 0 ? KernelArg::input(1) : KernelArg::packed(0),
                 KernelArg::input(kMultiplierArgInput)};
    addEpilogueArgs(call.args, p);
    call.args.push_back(KernelArg::output(0));
    addQuantArgs(call.args, p);
    addPlace(call.args, p.inputs[0]);
    addPlace(call.args, p.outputs[0]);
    addPlace(call.args, p.has(kResidualInput) ? p.inputs[kResidualInput] : TensorDesc{});
    launch.calls = {std::move(call)};
    return launch;
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const Sizes s(p);
    cost.operations = 2.0 * static_cast<double>(s.items * s.inputs * s.outputs);
    cost.bytes += static_cast<double>(p.inputs[1].bytes()) * static_cast<double>(ceilDiv(s.items, 8) - 1) / 4;
    cost.efficiency = device.isCpu() ? 0.02 : 0.4;
    return cost;
  }

  std::vector<OpInstance> samples() const override {
    const auto sample = [](std::int64_t items, std::int64_t inputs, std::int64_t outputs) {
      return makeSample("FullyConnected", {{"activation", std::string("Relu")}},
                        {f32({items, inputs}), f32({outputs, inputs}), f32({outputs})}, {},
                        {false, true, true});
    };
    // Whole vectors, whole words, and rows that end inside a word; more items than a tile.
    return quantisedSamples("QFullyConnected", {sample(1, 640, 33), sample(9, 76, 10), sample(3, 203, 7)});
  }
};

}  // namespace

void addFamilies_q_fc_rows(FamilyList& list) {
  static const QFcRows family;
  list.add(family, {"QFullyConnected"});
}

}  // namespace tessera
