// fc_naive: fully connected layers, planar.
#include "clkernels/common/epilogue.hpp"
#include "clkernels/common/rows.hpp"

namespace tessera {
namespace {

class FcNaive final : public KernelFamily {
 public:
  FamilyId id() const override { return {"fc_naive", 1}; }
  bool ordersSums() const override { return true; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (const std::string why = whyNoEpilogue(op); !why.empty()) return Verdict::no(why);
    return allOf({sameFloatType(op, {0, 1, kResidualInput}), allPlanar(op)});
  }
  TacticSpace space(const Problem& p, const DeviceCaps& device) const override { return rowSpace(p, device); }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    return rowFallback(p, p.outputs[0].size(), p.inputs[1].shape[1], device);
  }
  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps&) const override {
    const std::int64_t rows = p.outputs[0].size();
    KernelCall call{"fc_naive/fc_naive.cl", "fc_naive"};
    call.defines.emplace_back("P_T", clType(p.outputs[0].type));
    addEpilogueDefines(call.defines, p);
    setRowRange(call, rows, tactic);
    call.args = {KernelArg::input(0), KernelArg::input(1)};
    addEpilogueArgs(call.args, p);
    call.args.push_back(KernelArg::output(0));
    call.args.push_back(rowScratch(tactic));
    addInts(call.args, {rows, p.inputs[1].shape[1], p.inputs[1].shape[0]});
    addLayoutArgs(call.args, p.inputs[0]);
    addLayoutArgs(call.args, p.outputs[0]);
    addLayoutArgs(call.args, p.has(kResidualInput) ? p.inputs[kResidualInput] : p.outputs[0]);
    return {{call}, {}, {}};
  }
  Cost cost(const Problem& p, const DeviceCaps& device) const override {
    Cost cost = KernelFamily::cost(p, device);
    cost.operations = 2.0 * static_cast<double>(p.outputs[0].size() * p.inputs[1].shape[1]);
    cost.efficiency = 0.02;
    return cost;
  }
};

}  // namespace

void addFamilies_fc_naive(FamilyList& list) { list.add<FcNaive>({"FullyConnected"}); }

}  // namespace tessera
