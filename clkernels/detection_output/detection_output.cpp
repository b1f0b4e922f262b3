// detection_output: DetectionOutput, planar, a work-group per item and class.
#include "ops/detection_output.hpp"

#include "clkernels/common/image.hpp"

namespace tessera {
namespace {

class DetectionOutput final : public KernelFamily {
 public:
  FamilyId id() const override { return {"detection_output", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override { return allPlanar(op); }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const Detection d = detectionOf(p);
    const std::int64_t boxes = d.batch * d.boxSets * d.priors, pairs = d.batch * d.classes,
                       places = pairs * d.candidates, rowCount = d.batch * d.most();
    const std::size_t group = groupSize(device);
    KernelCall decode{"detection_output/detection_output.cl", "det_decode"};
    addDefine(decode.defines, "P_CODE", static_cast<std::int64_t>(d.code));
    addDefine(decode.defines, "P_SCALED", d.scaled);
    addDefine(decode.defines, "P_GROUP", static_cast<std::int64_t>(group));
    KernelCall select = decode, keep = decode, rows = decode;
    select.entry = "det_select", keep.entry = "det_keep", rows.entry = "det_rows";
    const KernelArg corners = KernelArg::scratch(0), kept = KernelArg::scratch(1),
                    counts = KernelArg::scratch(2), stays = KernelArg::scratch(3);

    decode.args = {KernelArg::input(0), KernelArg::input(2), corners};
    addInts(decode.args, {boxes, d.priors, d.boxSets});
    addLayoutArgs(decode.args, p.inputs[0]);
    addInts(decode.args, {p.inputs[2].layout.offset});
    setFlat(decode, boxes, device);

    select.args = {KernelArg::input(1), corners, kept, counts};
    addInts(select.args, {d.classes, d.priors, d.boxSets, d.background, d.candidates});
    for (const float value : {d.overlap, d.eta, d.confidence})
      select.args.push_back(KernelArg::ofFloat(value));
    addLayoutArgs(select.args, p.inputs[1]);
    select.global = {static_cast<std::size_t>(pairs) * group};
    select.local = {group};

    keep.args = {KernelArg::input(1), kept, counts, stays};
    addInts(keep.args, {places, d.classes, d.candidates, d.keep});
    addLayoutArgs(keep.args, p.inputs[1]);
    setFlat(keep, places, device);

    rows.args = {KernelArg::input(1), corners, kept, counts, stays, KernelArg::output(0),
                 KernelArg::output(1)};
    addInts(rows.args, {places, rowCount, d.batch, d.classes, d.priors, d.boxSets, d.candidates, d.keep});
    addLayoutArgs(rows.args, p.inputs[1]);
    addInts(rows.args, {p.outputs[0].layout.offset, p.outputs[1].layout.offset});
    setFlat(rows, std::max(places, rowCount), device);
    const auto ints = [](std::int64_t n) { return static_cast<std::size_t>(n) * sizeof(int); };
    return {{decode, select, keep, rows}, {ints(boxes * 4), ints(places), ints(pairs), ints(places)}, {}};
  }
  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    const Detection d = detectionOf(p);
    cost.operations =
        static_cast<double>(d.batch * d.classes * d.candidates) * static_cast<double>(d.priors + 400) * 2;
    return cost;
  }
};

}  // namespace

void addFamilies_detection_output(FamilyList& list) { list.add<DetectionOutput>({"DetectionOutput"}); }

}  // namespace tessera
