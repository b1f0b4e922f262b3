// histogram: counts of absolute values, two steps.
#include "clkernels/common/image.hpp"

namespace tessera {
namespace {

class HistogramFamily final : public KernelFamily {
 public:
  FamilyId id() const override { return {"histogram", 2}; }
  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (static_cast<std::size_t>(op.outputs[0].size()) * 4 > device.localMemory)
      return Verdict::no("the bins exceed local memory");
    return Verdict::yes();
  }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 0; }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc& x = p.inputs[0];
    const bool image = x.shape.size() >= 3;
    const std::int64_t items = x.shape.empty() ? 1 : x.shape[0], bins = p.outputs[0].size();
    const std::int64_t channels = image ? x.shape[1] : 1, plane = image ? planeSize(x) : x.itemElements();
    const bool alone = device.isCpu() && static_cast<std::size_t>(bins + 1) * 2 * 4 <= device.localMemory;
    const std::int64_t group = alone ? 1 : std::min<std::int64_t>(256, device.maxWorkGroup);
    const std::int64_t least =
        alone ? 8 * bins : group * 16;  // elements that make a group worth its counters
    const std::int64_t groups =
        std::clamp<std::int64_t>(ceilDiv(x.itemElements(), least), 1, std::int64_t{device.computeUnits} * 4);
    KernelCall partial{"histogram/histogram.cl", alone ? "histogram_alone" : "histogram_partial"};
    addDefine(partial.defines, "P_BINS", bins);
    addDefine(partial.defines, "P_GROUP", group);
    addDefine(partial.defines, "P_ROUND", p.attrs.integer("round_limit") != 0);
    partial.global = {static_cast<std::size_t>(groups * group)};
    partial.local = {static_cast<std::size_t>(group)};
    partial.args = {KernelArg::input(0), KernelArg::input(1), KernelArg::scratch(0)};
    addInts(partial.args,
            {items, channels, plane, std::int64_t{x.layout.block}, x.layout.offset, x.batchStride()});
    KernelCall sum{"histogram/histogram.cl", "histogram_sum", partial.defines};
    setFlat(sum, bins, device);
    sum.args = {KernelArg::scratch(0), KernelArg::output(0), KernelArg::ofInt(groups)};
    return {{partial, sum}, {static_cast<std::size_t>(groups * bins) * 4}, {}};
  }
};

}  // namespace

void addFamilies_histogram(FamilyList& list) { list.add<HistogramFamily>({"Histogram"}); }

}  // namespace tessera
