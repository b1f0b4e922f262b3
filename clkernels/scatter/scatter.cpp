// scatter: ScatterElements and ScatterNd.
#include "clkernels/common/strided.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

int reductionNumber(const std::string& reduction) {
  return reduction == "none"  ? 0
         : reduction == "add" ? 1
         : reduction == "mul" ? 2
         : reduction == "max" ? 3
                              : 4;
}

class Scatter final : public KernelFamily {
 public:
  FamilyId id() const override { return {"scatter", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (op.inputs[0].shape.size() > 8) return Verdict::no("it takes rank 8 at most");
    return allPlanar(op);
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &indices = p.inputs[1], &updates = p.inputs[2], &y = p.outputs[0];
    if (y.size() == 0) return {};
    const int reduction = reductionNumber(p.attrs.string("reduction", "none"));
    const bool elements = p.op == "ScatterElements";
    const auto rank = elements ? static_cast<std::int64_t>(x.shape.size()) : indices.shape.back();
    KernelCall copy{"scatter/scatter.cl", "scatter_copy"};
    copy.defines = {{"P_TYPE", reduction ? clType(y.type) : rawType(y.type)},
                    {"P_INDEX", clType(indices.type)}};
    addDefine(copy.defines, "P_REDUCE", reduction != 0);
    KernelCall call = copy;
    copy.args = {KernelArg::input(0), KernelArg::output(0), KernelArg::ofInt(y.size())};
    addPlaceArgs(copy.args, x);
    addPlaceArgs(copy.args, y);
    setFlat(copy, y.size(), device);
    if (updates.size() == 0) return {{copy}, {}, {}};

    call.entry = elements ? "scatter_elements" : "scatter_nd";
    const std::int64_t tuples = elements ? 0 : extentProduct(indices.shape, 0, indices.shape.size() - 1);
    const std::int64_t axis = elements ? normalAxis(p.attrs.integer("axis"), x.shape.size()) : 0;
    const std::int64_t lines = elements ? indices.size() / indices.shape[axis] : 0;
    call.args = {KernelArg::input(1), KernelArg::input(2), KernelArg::output(0), KernelArg::ofInt(lines)};
    for (const TensorDesc* t : {&indices, &updates, &y}) addPlaceArgs(call.args, *t);
    const auto add = [&](std::int64_t value) { call.args.push_back(KernelArg::ofInt(value)); };
    add(rank);
    add(reduction);
    if (elements) {
      const auto ys = rowMajorStrides(y.shape), is = rowMajorStrides(indices.shape);
      add(indices.shape[axis]);
      add(is[axis]);
      add(y.shape[axis]);
      add(ys[axis]);
      const auto addEach = [&](const std::vector<std::int64_t>& values, std::int64_t onAxis) {
        for (std::int64_t d = 0; d < 8; ++d) {
          const std::int64_t at = rank - 1 - d;
          add(d >= rank || at == axis ? onAxis : values[at]);
        }
      };
      addEach(indices.shape, 1);
      addEach(is, 0);
      addEach(ys, 0);
      setFlat(call, lines, device);
    } else {
      const std::int64_t slice = extentProduct(x.shape, static_cast<std::size_t>(rank), x.shape.size());
      const std::int64_t each = reduction ? 1 : tuples;
      add(reduction ? tuples : 1);
      add(each);
      add(slice);
      for (std::int64_t d = 0; d < 8; ++d) add(d < rank ? x.shape[d] : 1);
      setFlat(call, slice * each, device);
    }
    return {{copy, call}, {}, {}};
  }
};

}  // namespace

void addFamilies_scatter(FamilyList& list) { list.add<Scatter>({"ScatterElements", "ScatterNd"}); }

}  // namespace tessera
