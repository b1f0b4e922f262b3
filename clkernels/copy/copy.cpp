// copy: operators that only rename or move a dense block (Identity, Dropout, Reshape).
#include "clkernels/common/work_size.hpp"
#include "clkernels/family.hpp"

namespace tessera {
namespace {

class Copy final : public KernelFamily {
 public:
  FamilyId id() const override { return {"copy", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (op.inputs[0].layout.block != op.outputs[0].layout.block)
      return Verdict::no("operands differ in channel block");
    if (op.inputs[0].layout.block != 1 && op.inputs[0].shape != op.outputs[0].shape)
      return Verdict::no("a blocked tensor can not be reshaped in place");
    const bool oneItem = op.inputs[0].shape.empty() || op.inputs[0].shape[0] == 1;
    if (!oneItem && (!op.inputs[0].dense() || !op.outputs[0].dense()))
      return Verdict::no("batches are not dense");
    return Verdict::yes();
  }
  int channelBlock(const OpView& op, const DeviceCaps&) const override {
    return op.inputs[0].shape == op.outputs[0].shape ? 0 : 1;
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const auto count = static_cast<std::int64_t>(p.outputs[0].bytes() / byteSize(p.outputs[0].type));
    KernelCall call{"copy/copy.cl", "copy", {{"P_TYPE", rawType(p.outputs[0].type)}}};
    setFlat(call, count, device);
    call.args = {KernelArg::input(0), KernelArg::output(0), KernelArg::ofInt(p.inputs[0].layout.offset),
                 KernelArg::ofInt(p.outputs[0].layout.offset), KernelArg::ofInt(count)};
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_copy(FamilyList& list) { list.add<Copy>({"Identity", "Dropout", "Reshape"}); }

}  // namespace tessera
