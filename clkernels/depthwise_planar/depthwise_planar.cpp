// depthwise_planar: one filter per output channel, planar, for GPUs.
#include <algorithm>

#include "clkernels/common/epilogue.hpp"
#include "clkernels/conv_gemm/gemm_shape.hpp"
#include "ops/geometry.hpp"

namespace tessera {
namespace {

class DepthwisePlanar final : public KernelFamily {
 public:
  FamilyId id() const override { return {"depthwise_planar", 1}; }

  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    const Window w = windowOf(op);
    if (!w.depthwise()) return Verdict::no("it is not depthwise");
    if (w.in[0] != 1 || w.kernel[0] != 1 || w.out[0] != 1)
      return Verdict::no("it has no third spatial extent");
    if (w.kernelVolume() > 121) return Verdict::no("more than 121 taps to unroll");
    for (const int i : {0, 1, kResidualInput})
      if (op.has(i) && op.inputs[i].type != DataType::Float32 && op.inputs[i].type != DataType::Float16)
        return Verdict::no("it computes in floating point only");
    for (const int i : {0, kResidualInput})
      if (op.has(i) && op.inputs[i].layout.block != 1) return Verdict::no("activations must be planar");
    if (op.outputs[0].layout.block != 1) return Verdict::no("activations must be planar");
    if (const auto why = whyNoEpilogue(op); !why.empty()) return Verdict::no(why);
    if (op.outputs[0].batchStride() * w.batch + op.outputs[0].layout.offset > INT32_MAX ||
        op.inputs[0].batchStride() * w.batch + op.inputs[0].layout.offset > INT32_MAX)
      return Verdict::no("more elements than 32 bits index");
    return Verdict::yes();
  }

  TacticSpace space(const Problem&, const DeviceCaps&) const override { return {{{"Y", {1, 2, 4}}}, {}}; }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    // Shared rows pay once every unit has work to spare.
    const std::int64_t outputs = p.outputs[0].size(), enough = std::int64_t{2048} * device.computeUnits;
    return Tactic{{"Y", outputs >= 4 * enough ? 4 : outputs >= 2 * enough ? 2 : 1}};
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const Window w = windowOf(p);
    KernelCall call{"depthwise_planar/depthwise_planar.cl", "depthwise_planar", tacticDefines(tactic)};
    const auto add = [&](const char* name, std::int64_t value) {
      call.defines.emplace_back(name, std::to_string(value));
    };
    add("P_N", w.batch), add("P_OC", w.outChannels), add("P_M", w.groupOutputs());
    add("P_H", w.in[1]), add("P_W", w.in[2]), add("P_OH", w.out[1]), add("P_OW", w.out[2]);
    add("P_KH", w.kernel[1]), add("P_KW", w.kernel[2]), add("P_SY", w.stride[1]), add("P_SX", w.stride[2]);
    add("P_DY", w.dilation[1]), add("P_DX", w.dilation[2]), add("P_PY", w.padBegin[1]),
        add("P_PX", w.padBegin[2]);
    call.defines.emplace_back("P_X", clType(p.inputs[0].type));
    call.defines.emplace_back("P_WT", clType(p.inputs[1].type));
    call.defines.emplace_back("P_Y", clType(p.outputs[0].type));
    call.defines.emplace_back("P_R", p.has(kResidualInput) ? clType(p.inputs[kResidualInput].type) : "float");
    addEpilogueDefines(call.defines, p);
    setFlat(call, w.batch * w.outChannels * ceilDiv(w.out[1], tactic.get("Y")) * w.out[2], device);
    call.args = {KernelArg::input(0), KernelArg::input(1)};
    addWindowArgs(call.args, p);
    return {{call}, {}, {}};
  }

  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = 2.0 * static_cast<double>(p.outputs[0].size() * windowOf(p).kernelVolume());
    cost.efficiency = device.isCpu() ? 0.02 : 0.12;
    return cost;
  }
};

}  // namespace

void addFamilies_depthwise_planar(FamilyList& list) {
  static const DepthwisePlanar family;
  list.add(family, {"Convolution"});
}

}  // namespace tessera
