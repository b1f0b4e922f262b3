// histogram: largest absolute value and counts. CPUs read the tensor once from memory, others twice.
#include "ops/histogram.hpp"
#include "clkernels/common/image.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kJoined = 256;  // bins of a work-item that joins groups
constexpr std::size_t kTables = (2 * (kHistogramBins + 32) + 1024) * 4;  // of a group on CPUs

std::vector<KernelArg> withPlaces(std::vector<KernelArg> args, const TensorDesc& x) {
  const bool image = x.shape.size() >= 3;
  const std::int64_t items = x.shape.empty() ? 1 : x.shape[0], channels = image ? x.shape[1] : 1;
  addInts(args, {items, channels, image ? planeSize(x) : x.itemElements(), std::int64_t{x.layout.block},
                 x.layout.offset, x.batchStride()});
  return args;
}

class HistogramFamily final : public KernelFamily {
 public:
  FamilyId id() const override { return {"histogram", 3}; }
  Verdict applies(const OpView& op, const DeviceCaps& device) const override {
    if (static_cast<std::size_t>(op.outputs[0].size()) * 4 > device.localMemory)
      return Verdict::no("the bins exceed local memory");
    return Verdict::yes();
  }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 0; }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    return device.isCpu() && kTables <= device.localMemory ? once(p, device) : twice(p, device);
  }

 private:
  static KernelCall call(const char* entry, std::int64_t group, std::int64_t groups) {
    KernelCall made{"histogram/histogram.cl", entry};
    addDefine(made.defines, "P_BITS", kHistogramBits);
    addDefine(made.defines, "P_GROUP", group);
    made.global = {static_cast<std::size_t>(groups * group)};
    made.local = {static_cast<std::size_t>(group)};
    return made;
  }
  static std::size_t partialBytes(std::int64_t groups) {
    return static_cast<std::size_t>(groups * kHistogramBins) * 4;
  }

  static Launch once(const Problem& p, const DeviceCaps& device) {
    const std::int64_t worth = ceilDiv(p.inputs[0].itemElements(), 8 * kHistogramBins);
    const auto groups = std::clamp<std::int64_t>(worth, 1, std::int64_t{device.computeUnits} * 4);
    KernelCall count = call("histogram_alone", 1, groups);
    count.args = withPlaces({KernelArg::input(0), KernelArg::scratch(0), KernelArg::scratch(1)}, p.inputs[0]);
    KernelCall join = call("histogram_join", 1, kHistogramBins / kJoined);
    join.args = {KernelArg::scratch(0), KernelArg::scratch(1), KernelArg::output(0), KernelArg::output(1),
                 KernelArg::ofInt(groups)};
    return {{count, join}, {partialBytes(groups), static_cast<std::size_t>(groups) * 4}, {}};
  }

  static Launch twice(const Problem& p, const DeviceCaps& device) {
    const TensorDesc& x = p.inputs[0];
    const std::int64_t group = std::min<std::int64_t>(256, device.maxWorkGroup),
                       items = x.shape.empty() ? 1 : x.shape[0], units = device.computeUnits;
    const auto topGroups = std::clamp<std::int64_t>(ceilDiv(x.itemElements(), group), 1, units * 8);
    const auto groups = std::clamp<std::int64_t>(ceilDiv(x.itemElements(), group * 16), 1, units * 4);
    KernelCall tops = call("histogram_tops", group, topGroups);
    tops.args = {KernelArg::input(0), KernelArg::scratch(1)};
    addInts(tops.args, {x.layout.offset, x.itemElements(), x.batchStride(), items});
    KernelCall largest = call("histogram_largest", group, 1);
    largest.args = {KernelArg::scratch(1), KernelArg::output(1), KernelArg::ofInt(topGroups)};
    KernelCall partial = call("histogram_partial", group, groups);
    partial.args = withPlaces({KernelArg::input(0), KernelArg::output(1), KernelArg::scratch(0)}, x);
    KernelCall sum = call("histogram_sum", group, 1);
    setFlat(sum, kHistogramBins, device);
    sum.args = {KernelArg::scratch(0), KernelArg::output(0), KernelArg::ofInt(groups)};
    return {
        {tops, largest, partial, sum}, {partialBytes(groups), static_cast<std::size_t>(topGroups) * 4}, {}};
  }
};

}  // namespace

void addFamilies_histogram(FamilyList& list) { list.add<HistogramFamily>({"Histogram"}); }

}  // namespace tessera
