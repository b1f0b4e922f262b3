// gather: Gather, GatherElements and GatherNd.
#include "clkernels/common/strided.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

std::int64_t axisOf(const OpView& op) {
  return normalAxis(op.attrs.integer("axis"), op.inputs[0].shape.size());
}

class Gather final : public KernelFamily {
 public:
  FamilyId id() const override { return {"gather", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (op.inputs[0].shape.size() > 8) return Verdict::no("it takes rank 8 at most");
    if (op.op == "GatherNd" && op.inputs[1].shape.back() == 0) return Verdict::no("the tuples are empty");
    return allPlanar(op);
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &indices = p.inputs[1], &y = p.outputs[0];
    if (y.size() == 0) return {};
    KernelCall call{"gather/gather.cl", "gather"};
    call.args = {KernelArg::input(0), KernelArg::input(1), KernelArg::output(0), KernelArg::ofInt(y.size())};
    for (const TensorDesc* t : {&x, &indices, &y}) addPlaceArgs(call.args, *t);
    const auto add = [&](std::int64_t value) { call.args.push_back(KernelArg::ofInt(value)); };
    std::int64_t rank = 1;
    if (p.op == "Gather") {
      const auto axis = static_cast<std::size_t>(axisOf(p));
      add(x.shape[axis]);
      add(indices.size());
      add(extentProduct(x.shape, axis + 1, x.shape.size()));
    } else if (p.op == "GatherElements") {
      call.entry = "gather_elements";
      rank = static_cast<std::int64_t>(x.shape.size());
      const auto axis = axisOf(p);
      const auto strides = rowMajorStrides(x.shape);
      add(x.shape[axis]);
      add(strides[axis]);
      for (std::int64_t d = 0; d < 8; ++d) add(d < rank ? indices.shape[rank - 1 - d] : 1);
      for (std::int64_t d = 0; d < 8; ++d) add(d < rank && rank - 1 - d != axis ? strides[rank - 1 - d] : 0);
    } else {
      call.entry = "gather_nd";
      rank = indices.shape.back();
      const auto batch = static_cast<std::size_t>(p.attrs.integer("batch_dims"));
      const std::size_t addressed = batch + static_cast<std::size_t>(rank);
      add(extentProduct(indices.shape, batch, indices.shape.size() - 1));
      add(extentProduct(x.shape, addressed, x.shape.size()));
      add(extentProduct(x.shape, batch, x.shape.size()));
      for (std::size_t d = 0; d < 8; ++d) add(batch + d < addressed ? x.shape[batch + d] : 1);
    }
    call.defines.emplace_back("P_TYPE", rawType(y.type));
    call.defines.emplace_back("P_INDEX", clType(indices.type));
    addDefine(call.defines, "P_RANK", rank);
    setFlat(call, y.size(), device);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_gather(FamilyList& list) { list.add<Gather>({"Gather", "GatherElements", "GatherNd"}); }

}  // namespace tessera
