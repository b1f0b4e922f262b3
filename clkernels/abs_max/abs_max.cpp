// abs_max: largest absolute value, two steps.
#include "clkernels/common/work_size.hpp"

namespace tessera {
namespace {

class AbsMaxFamily final : public KernelFamily {
 public:
  FamilyId id() const override { return {"abs_max", 2}; }
  Verdict applies(const OpView&, const DeviceCaps&) const override { return Verdict::yes(); }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 0; }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc& x = p.inputs[0];
    const std::int64_t item = x.itemElements(), items = x.shape.empty() ? 1 : x.shape[0];
    const bool alone = device.isCpu();
    const std::int64_t group = alone ? 1 : std::min<std::int64_t>(256, device.maxWorkGroup);
    const std::int64_t wanted = device.computeUnits * (alone ? 4 : 8), least = alone ? 4096 : group;
    const std::int64_t groups = std::clamp<std::int64_t>(ceilDiv(item, least), 1, wanted);
    const Defines defines{{"P_GROUP", std::to_string(group)}};
    const auto size = [](std::int64_t n) { return std::vector<std::size_t>{static_cast<std::size_t>(n)}; };
    KernelCall partial{"abs_max/abs_max.cl",
                       alone ? "abs_max_alone" : "abs_max_partial",
                       defines,
                       {},
                       {},
                       size(groups * group),
                       size(group)};
    partial.args = {KernelArg::input(0),
                    KernelArg::scratch(0),
                    KernelArg::ofInt(x.layout.offset),
                    KernelArg::ofInt(item),
                    KernelArg::ofInt(x.batchStride()),
                    KernelArg::ofInt(items)};
    KernelCall last{"abs_max/abs_max.cl", "abs_max_final", defines, {}, {}, size(group), size(group)};
    last.args = {KernelArg::scratch(0), KernelArg::output(0), KernelArg::ofInt(groups)};
    return {{partial, last}, {static_cast<std::size_t>(groups) * 4}, {}};
  }
};

}  // namespace

void addFamilies_abs_max(FamilyList& list) { list.add<AbsMaxFamily>({"AbsMax"}); }

}  // namespace tessera
