// deform_columns: DeformColumns, planar.
#include "ops/deform_columns.hpp"

#include "clkernels/common/image.hpp"

namespace tessera {
namespace {

class DeformColumns final : public KernelFamily {
 public:
  FamilyId id() const override { return {"deform_columns", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    return allOf({inF32(op, {1, 2}), sameFloatType(op, {0}), allPlanar(op)});
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    if (y.size() == 0) return {};
    const DeformWindow w = deformWindow(p);
    std::int64_t chunk = 8;
    while (w.channels / w.groups % chunk != 0) chunk /= 2;
    const std::int64_t count = y.size() / chunk;
    KernelCall call{"deform_columns/deform_columns.cl", "deform_columns"};
    addDefine(call.defines, "P_MASK", p.has(2));
    addDefine(call.defines, "P_CHUNK", chunk);
    call.defines.emplace_back("P_TYPE", clType(x.type));
    setFlat(call, count, device);
    call.args = {KernelArg::input(0), KernelArg::input(1), p.has(2) ? KernelArg::input(2) : KernelArg::none(),
                 KernelArg::output(0)};
    addInts(call.args,
            {count, w.channels, w.groups, w.in[0], w.in[1], w.out[0], w.out[1], w.kernel[0], w.kernel[1],
             w.stride[0], w.stride[1], w.dilation[0], w.dilation[1], w.pad[0], w.pad[1]});
    addLayoutArgs(call.args, x);
    addLayoutArgs(call.args, p.inputs[1]);
    addLayoutArgs(call.args, p.has(2) ? p.inputs[2] : p.inputs[1]);
    addLayoutArgs(call.args, y);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_deform_columns(FamilyList& list) { list.add<DeformColumns>({"DeformColumns"}); }

}  // namespace tessera
