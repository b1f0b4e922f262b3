// fc_rows: fully connected layers of few items on GPUs, bound by the bytes of their weights.
#include <algorithm>

#include "clkernels/common/epilogue.hpp"
#include "clkernels/conv_gemm/gemm_shape.hpp"

namespace tessera {
namespace {

struct FcTactic {
  int g = 128, o = 2, b = 1, v = 1;
  static constexpr auto fields() {
    using F = Field<FcTactic>;
    return std::tuple{F{"G", &FcTactic::g}, F{"O", &FcTactic::o}, F{"B", &FcTactic::b}, F{"V", &FcTactic::v}};
  }
};

struct Sizes {
  std::int64_t items, inputs, outputs;
  explicit Sizes(const OpView& op)
      : items(op.outputs[0].shape[0]), inputs(op.inputs[1].shape[1]), outputs(op.inputs[1].shape[0]) {}
};

bool aligned(const OpView& op) {
  const TensorDesc& x = op.inputs[0];
  return op.inputs[1].shape[1] % 4 == 0 && x.layout.offset % 4 == 0 && x.batchStride() % 4 == 0;
}

class FcRows final : public KernelFamily {
 public:
  FamilyId id() const override { return {"fc_rows", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    for (const int i : {0, 1, kResidualInput}) {
      if (!op.has(i)) continue;
      if (op.inputs[i].type != DataType::Float32 && op.inputs[i].type != DataType::Float16)
        return Verdict::no("it computes in floating point only");
      if (op.inputs[i].layout.block != 1) return Verdict::no("an operand is channel-blocked");
    }
    if (const auto why = whyNoEpilogue(op); !why.empty()) return Verdict::no(why);
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
                        {"V", aligned(p) ? std::vector{1, 4} : std::vector{1}}};
    const auto most = static_cast<int>(device.maxWorkGroup);
    space.constraints.push_back({"a work-group has at most " + std::to_string(most) + " items",
                                 [most](const Tactic& t) { return t.get("G") <= most; }});
    space.constraints.push_back({"tiles of an item need at most 64 accumulators",
                                 [](const Tactic& t) { return t.get("O") * t.get("B") * t.get("V") <= 64; }});
    const auto local =
        static_cast<std::int64_t>(std::min<std::size_t>(device.localMemory, std::size_t{48} << 10));
    space.constraints.push_back({"partial sums fit local memory", [local](const Tactic& t) {
                                   return std::int64_t{4} * t.get("O") * t.get("B") * t.get("G") <= local;
                                 }});
    return space;
  }

  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    const Sizes s(p);
    FcTactic t;
    t.v = aligned(p) ? 4 : 1;
    while (t.b < 8 && t.b < s.items) t.b *= 2;
    t.o = s.outputs >= 8LL * device.computeUnits ? 2 : 1;
    t.g = 128;
    while (t.g > 32 && (t.g > static_cast<int>(device.maxWorkGroup) || t.g * t.v > s.inputs)) t.g /= 2;
    return toTactic(t);
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    const auto t = fromTactic<FcTactic>(tactic);
    const Sizes s(p);
    KernelCall call{"fc_rows/fc_rows.cl", "fc_rows", tacticDefines(tactic)};
    const auto add = [&](const char* name, std::string value) {
      call.defines.emplace_back(name, std::move(value));
    };
    add("P_N", std::to_string(s.items)), add("P_I", std::to_string(s.inputs)),
        add("P_O", std::to_string(s.outputs));
    add("P_X", clType(p.inputs[0].type)), add("P_W", clType(p.inputs[1].type)),
        add("P_Y", clType(p.outputs[0].type));
    add("P_R", p.has(kResidualInput) ? clType(p.inputs[kResidualInput].type) : "float");
    addEpilogueDefines(call.defines, p);
    call.local = {static_cast<std::size_t>(t.g), 1};
    call.global = {static_cast<std::size_t>(ceilDiv(s.outputs, t.o) * t.g),
                   static_cast<std::size_t>(ceilDiv(s.items, t.b))};
    call.args = {KernelArg::input(0), KernelArg::input(1)};
    addWindowArgs(call.args, p);
    return {{call}, {}, {}};
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const Sizes s(p);
    cost.operations = 2.0 * static_cast<double>(s.items * s.inputs * s.outputs);
    cost.bytes += static_cast<double>(p.inputs[1].bytes()) * static_cast<double>(ceilDiv(s.items, 8) - 1) / 4;
    cost.efficiency = device.isCpu() ? 0.02 : 0.12;
    return cost;
  }
};

}  // namespace

void addFamilies_fc_rows(FamilyList& list) {
  static const FcRows family;
  list.add(family, {"FullyConnected"});
}

}  // namespace tessera
