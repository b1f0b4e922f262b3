// counted_rows: CountedRows, planar: a copy, and the count beside it.
#include <algorithm>

#include "clkernels/common/image.hpp"
#include "clkernels/family.hpp"

namespace tessera {
namespace {

class CountedRowsFamily final : public KernelFamily {
 public:
  FamilyId id() const override { return {"counted_rows", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (!op.inputs[0].dense() || !op.outputs[0].dense()) return Verdict::no("rows are not dense");
    return allPlanar(op);
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const std::int64_t elements = p.outputs[0].size();
    KernelCall call{"counted_rows/counted_rows.cl", "counted_rows", {{"P_TYPE", rawType(p.outputs[0].type)}}};
    setFlat(call, std::max<std::int64_t>(elements, 1), device);
    call.args = {KernelArg::input(0), KernelArg::input(1), KernelArg::output(0), KernelArg::output(1)};
    addInts(call.args, {p.inputs[0].layout.offset, p.inputs[1].layout.offset, p.outputs[0].layout.offset,
                        p.outputs[1].layout.offset, elements});
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_counted_rows(FamilyList& list) { list.add<CountedRowsFamily>({"CountedRows"}); }

}  // namespace tessera
