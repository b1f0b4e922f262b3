// arg_reduce: ArgReduce along any axis of planar tensors, along channels of blocked ones.
#include "clkernels/common/strided.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

class ArgReduce final : public KernelFamily {
 public:
  FamilyId id() const override { return {"arg_reduce", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    const TensorDesc &x = op.inputs[0], &y = op.outputs[0];
    if (y.layout.block != 1) return Verdict::no("indices are written planar");
    if (x.layout.block > 1 && normalAxis(op.attrs.integer("axis"), x.shape.size()) != 1)
      return Verdict::no("blocked tensors are searched along channels only");
    return Verdict::yes();
  }
  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const override {
    std::vector<BlockChoice> choices = {{{1}, {1}}};
    if (op.inputs[0].blockable())
      for (const int block : {16, 8, 4, 32}) choices.push_back({{block}, {1}});
    return choices;
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    if (y.size() == 0) return {};
    const auto axis = static_cast<std::size_t>(normalAxis(p.attrs.integer("axis"), x.shape.size()));
    const std::int64_t inner = extentProduct(x.shape, axis + 1, x.shape.size());
    KernelCall call{"arg_reduce/arg_reduce.cl", "arg_reduce"};
    call.defines.emplace_back("P_TYPE", clType(x.type));
    addDefine(call.defines, "P_MAX", p.attrs.string("mode", "max") == "max");
    addDefine(call.defines, "P_LAST", p.attrs.integer("select_last") != 0);
    addDefine(call.defines, "P_BLOCKED", x.layout.block > 1);
    call.args = {KernelArg::input(0), KernelArg::output(0)};
    addInts(call.args, {y.size(), x.shape[axis], inner, axis == 0 ? x.batchStride() : inner,
                        std::int64_t{x.layout.block}});
    addPlaceArgs(call.args, x);
    if (x.layout.block > 1) call.args.back() = KernelArg::ofInt(x.batchStride());
    addPlaceArgs(call.args, y);
    setFlat(call, y.size(), device);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_arg_reduce(FamilyList& list) { list.add<ArgReduce>({"ArgReduce"}); }

}  // namespace tessera
