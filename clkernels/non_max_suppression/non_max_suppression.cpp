// non_max_suppression: NonMaxSuppression, planar, a work-group per item and class; suppress_boxes:
// SuppressBoxes, a work-group per item.
#include "ops/non_max_suppression.hpp"

#include <cmath>

#include "clkernels/common/image.hpp"

namespace tessera {
namespace {

class NonMaxSuppression final : public KernelFamily {
 public:
  FamilyId id() const override { return {"non_max_suppression", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override { return allPlanar(op); }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const BoxSelection s = boxSelection(p);
    const std::int64_t pairs = s.batch * s.classes;
    const std::size_t group = groupSize(device);
    KernelCall select{"non_max_suppression/non_max_suppression.cl", "nms_select"};
    addDefine(select.defines, "P_CENTERS", s.centers);
    addDefine(select.defines, "P_BY_SCORE", s.byScore);
    addDefine(select.defines, "P_GROUP", static_cast<std::int64_t>(group));
    KernelCall count = select, rows = select;
    select.global = {static_cast<std::size_t>(pairs) * group};
    select.local = {group};
    select.args = {KernelArg::input(0), KernelArg::input(1), KernelArg::scratch(0), KernelArg::scratch(1),
                   KernelArg::scratch(2)};
    addInts(select.args, {s.classes, s.boxes, s.most});
    select.args.push_back(KernelArg::ofFloat(s.iouThreshold));
    select.args.push_back(KernelArg::ofFloat(s.scoreThreshold));
    addLayoutArgs(select.args, p.inputs[0]);
    addLayoutArgs(select.args, p.inputs[1]);

    count.entry = "nms_count";
    count.args = {KernelArg::scratch(2), KernelArg::scratch(3), KernelArg::output(1)};
    addInts(count.args, {s.rows() ? pairs : 0, p.outputs[1].layout.offset});
    setFlat(count, 1, device);

    rows.entry = "nms_rows";
    rows.args = {KernelArg::scratch(1), KernelArg::scratch(2), KernelArg::scratch(3), KernelArg::output(0)};
    addInts(rows.args, {s.rows(), s.classes, pairs, s.most});
    addLayoutArgs(rows.args, p.outputs[0]);
    setFlat(rows, s.rows(), device);
    const auto ints = [](std::int64_t n) {
      return static_cast<std::size_t>(std::max<std::int64_t>(n, 1)) * sizeof(int);
    };
    std::vector<std::size_t> scratch{ints(pairs * s.boxes), ints(s.rows()), ints(pairs), ints(pairs + 1)};
    if (s.rows() == 0) return {{count}, std::move(scratch), {}};
    return {{select, count, rows}, std::move(scratch), {}};
  }
  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const BoxSelection s = boxSelection(p);
    cost.operations = 20.0 * static_cast<double>(s.batch * s.classes) * static_cast<double>(s.boxes) *
                      static_cast<double>(std::min<std::int64_t>(s.most, 100));
    return cost;
  }
};

// The float that compares with floats as the double does: the least that is not below it, or the greatest not
// above.
float atLeast(double value) {
  const auto rounded = static_cast<float>(value);
  return static_cast<double>(rounded) < value ? std::nextafter(rounded, INFINITY) : rounded;
}
float atMost(double value) {
  const auto rounded = static_cast<float>(value);
  return static_cast<double>(rounded) > value ? std::nextafter(rounded, -INFINITY) : rounded;
}

class SuppressBoxes final : public KernelFamily {
 public:
  FamilyId id() const override { return {"suppress_boxes", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override { return allPlanar(op); }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const BoxSuppression s = boxSuppression(p);
    const std::size_t group = groupSize(device);
    KernelCall call{"non_max_suppression/suppress_boxes.cl", "suppress_boxes"};
    addDefine(call.defines, "P_KIND", static_cast<std::int64_t>(s.kind));
    addDefine(call.defines, "P_CLASSES", s.classes);
    addDefine(call.defines, "P_PER", s.perClass);
    addDefine(call.defines, "P_GROUP", static_cast<std::int64_t>(group));
    call.global = {static_cast<std::size_t>(s.batch) * group};
    call.local = {group};
    call.args = {
        KernelArg::input(0),   KernelArg::input(1),   s.classes ? KernelArg::input(2) : KernelArg::none(),
        KernelArg::scratch(0), KernelArg::scratch(1), KernelArg::output(0),
        KernelArg::output(1)};
    addInts(call.args, {s.boxes, s.most});
    call.args.push_back(KernelArg::ofFloat(atLeast(s.threshold)));
    call.args.push_back(KernelArg::ofFloat(atMost(s.overlap)));
    call.args.push_back(KernelArg::ofFloat(static_cast<float>(s.softness)));
    addLayoutArgs(call.args, p.inputs[0]);
    addLayoutArgs(call.args, p.inputs[1]);
    if (s.classes)
      addLayoutArgs(call.args, p.inputs[2]);
    else
      addInts(call.args, {0, 0});
    addLayoutArgs(call.args, p.outputs[0]);
    addInts(call.args, {p.outputs[1].layout.offset});
    const auto bytes = static_cast<std::size_t>(std::max<std::int64_t>(s.batch * s.boxes, 1)) * sizeof(int);
    return {{call}, {bytes, bytes}, {}};
  }
  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const BoxSuppression s = boxSuppression(p);
    cost.operations = 20.0 * static_cast<double>(s.batch) * static_cast<double>(s.boxes) *
                      static_cast<double>(std::min<std::int64_t>(s.most, 100));
    return cost;
  }
};

}  // namespace

void addFamilies_non_max_suppression(FamilyList& list) {
  list.add<NonMaxSuppression>({"NonMaxSuppression"});
  list.add<SuppressBoxes>({"SuppressBoxes"});
}

}  // namespace tessera
