// class_color: class maps in colours. Sizes are arguments, so that images of all sizes share one program.
#include "clkernels/common/strided.hpp"
#include "clkernels/common/work_size.hpp"
#include "clkernels/family.hpp"
#include "ops/image.hpp"

namespace tessera {
namespace {

class ClassColorFamily final : public KernelFamily {
 public:
  FamilyId id() const override { return {"class_color", 2}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    for (const auto& t : op.inputs)
      if (t.layout.block != 1) return Verdict::no("wants planar operands");
    for (const auto& t : op.outputs)
      if (t.layout.block != 1) return Verdict::no("wants planar operands");
    const std::int64_t map = std::max(op.inputs[0].shape[2], op.inputs[0].shape[3]);
    const std::int64_t image = std::max(op.inputs[2].shape[1], op.inputs[2].shape[2]);
    if (2 * map * image >= std::int64_t{1} << 31 || op.inputs[2].size() >= std::int64_t{1} << 31)
      return Verdict::no("image and class map are too large together");
    return Verdict::yes();
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const ClassColorParams params = classColorParams(p.attrs);
    KernelCall call{"class_color/class_color.cl", "class_color", {{"P_CLASS", clType(p.inputs[0].type)}}};
    call.global = {static_cast<std::size_t>(roundUp(params.width, 32)),
                   static_cast<std::size_t>(params.height)};
    if (device.maxWorkGroup >= 32) call.local = {32, 1};
    for (int i = 0; i < 3; ++i) call.args.push_back(KernelArg::input(i));
    for (int i = 0; i < 3; ++i) call.args.push_back(KernelArg::output(i));
    for (const auto& t : p.inputs) call.args.push_back(KernelArg::ofInt(t.layout.offset));
    for (const auto& t : p.outputs) call.args.push_back(KernelArg::ofInt(t.layout.offset));
    const ImageRegion& r = params.region;
    addInts(call.args, {p.inputs[0].shape[3], r.top, r.left, r.height, r.width, params.height, params.width,
                        static_cast<std::int64_t>(params.border), p.inputs[1].shape[0]});
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_class_color(FamilyList& list) { list.add<ClassColorFamily>({"ClassColor"}); }

}  // namespace tessera
