// class_map: argmax over planar scores.
#include "clkernels/common/work_size.hpp"
#include "clkernels/family.hpp"
#include "ops/image.hpp"

namespace tessera {
namespace {

class ClassMapFamily final : public KernelFamily {
 public:
  FamilyId id() const override { return {"class_map", 2}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (classMapParams(op.attrs).layout != ClassMapLayout::Scores) return Verdict::no("wants planar scores");
    if (op.inputs[0].layout.block != 1 || op.outputs[0].layout.block != 1)
      return Verdict::no("wants planar operands");
    return Verdict::yes();
  }
  TacticSpace space(const Problem&, const DeviceCaps&) const override { return {{{"VEC", {4, 8, 16}}}, {}}; }
  Tactic fallback(const Problem&, const DeviceCaps& device) const override {
    return {{"VEC", device.isCpu() ? 16 : 4}};
  }
  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const std::int64_t pixels = p.outputs[0].size();
    KernelCall call{"class_map/class_map.cl", "class_map", tacticDefines(tactic)};
    call.defines.emplace_back("P_CLASS", classMapParams(p.attrs).wide ? "int" : "uchar");
    setFlat(call, ceilDiv(pixels, tactic.get("VEC")), device);
    call.args = {KernelArg::input(0),
                 KernelArg::output(0),
                 KernelArg::ofInt(p.inputs[0].layout.offset),
                 KernelArg::ofInt(p.outputs[0].layout.offset),
                 KernelArg::ofInt(p.inputs[0].shape[1]),
                 KernelArg::ofInt(pixels)};
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_class_map(FamilyList& list) { list.add<ClassMapFamily>({"ClassMap"}); }

}  // namespace tessera
