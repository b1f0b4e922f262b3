// reduce: sums and their kin over any axes; blocked layouts where channels stay.
#include <algorithm>
#include <array>

#include "clkernels/common/strided.hpp"
#include "ops/ordered.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

constexpr std::array<std::string_view, 10> kModes = {"sum", "mean", "max",        "min",     "prod",
                                                     "l1",  "l2",   "sum_square", "log_sum", "log_sum_exp"};

struct Loops {
  std::vector<CopyDim> kept, reduced;  ///< innermost first
  std::int64_t values = 1, count = 1;  ///< count: elements per value (padding lanes aside)
};

void push(std::vector<CopyDim>& loops, const CopyDim& dim) {
  if (dim.extent == 1) return;
  if (!loops.empty()) {
    CopyDim& inner = loops.back();
    if (dim.x == inner.x * inner.extent && dim.y == inner.y * inner.extent) {
      inner.extent *= dim.extent;
      return;
    }
  }
  loops.push_back(dim);
}

Loops loopsOf(const OpView& op) {
  const TensorDesc &x = op.inputs[0], &y = op.outputs[0];
  const std::size_t rank = x.shape.size();
  const auto axes = op.attrs.integers("axes");
  std::vector<bool> reduced(rank, axes.empty());
  for (const auto axis : axes) reduced[normalAxis(axis, rank)] = true;
  const auto xs = planarStrides(x), ys = planarStrides(y);
  const bool keep = op.attrs.integer("keepdims", 1) != 0;
  const std::int64_t block = x.layout.block;
  Loops loops;
  if (block > 1) push(loops.kept, {block, 1, 1});
  std::size_t at = y.shape.size();
  for (std::size_t d = rank; d-- > 0;) {
    if (!reduced[d] || keep) --at;
    CopyDim dim{x.shape[d], xs[d], reduced[d] ? 0 : ys[at]};
    if (block > 1 && d == 1)
      dim = {ceilDiv(x.shape[1], block), planeSize(x) * block, planeSize(y) * block};
    else if (block > 1 && d > 1)
      dim.x *= block, dim.y *= block;
    push(reduced[d] ? loops.reduced : loops.kept, dim);
    if (reduced[d]) loops.count *= x.shape[d];
  }
  for (const auto& dim : loops.kept) loops.values *= dim.extent;
  return loops;
}

class Reduce final : public KernelFamily {
 public:
  FamilyId id() const override { return {"reduce", 1}; }
  bool ordersSums() const override { return true; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    const TensorDesc &x = op.inputs[0], &y = op.outputs[0];
    if (x.layout.block != y.layout.block) return Verdict::no("operands differ in channel block");
    if (x.layout.block > 1) {
      const auto axes = op.attrs.integers("axes");
      if (!op.attrs.integer("keepdims", 1) || axes.empty()) return Verdict::no("blocked channels must stay");
      for (const auto axis : axes)
        if (normalAxis(axis, x.shape.size()) == 1) return Verdict::no("blocked channels must stay");
      if (op.attrs.string("mode").starts_with("log") && x.shape[1] % x.layout.block)
        return Verdict::no("logarithms do not keep padding lanes zero");
    }
    const Loops loops = loopsOf(op);
    if (loops.kept.size() > 5 || loops.reduced.size() > 4) return Verdict::no("its axes form too many loops");
    if (loops.count == 0) return Verdict::no("there is nothing to reduce");
    return Verdict::yes();
  }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 0; }

  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    std::vector<int> groups = {1};  // 1: a work-item per value
    if (sumsInOrder(p)) return {{{"GROUP", groups}}, {}};
    for (int group = 16; group <= static_cast<int>(std::min<std::size_t>(device.maxWorkGroup, 256));
         group *= 4)
      groups.push_back(group);
    return {{{"GROUP", groups}}, {}};
  }
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    if (sumsInOrder(p)) return {{"GROUP", 1}};
    const Loops loops = loopsOf(p);
    const std::int64_t length = loops.reduced.empty() ? 1 : loops.reduced[0].extent;
    // Groups pay where lines are long and contiguous, or where there are too few values to fill the device.
    const bool contiguous = !loops.reduced.empty() && loops.reduced[0].x == 1;
    const bool few = loops.values < device.computeUnits * (device.isCpu() ? 4 : 256);
    const bool group = length >= 64 && (contiguous || few);
    if (!group) return {{"GROUP", 1}};
    return {{"GROUP", device.isCpu() || device.maxWorkGroup < 256 ? 16 : length >= 1024 ? 256 : 64}};
  }

  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const TensorDesc& x = p.inputs[0];
    const Loops loops = loopsOf(p);
    if (loops.values == 0) return {};
    const int group = tactic.get("GROUP");
    KernelCall call{"reduce/reduce.cl", group > 1 ? "reduce_group" : "reduce_item", tacticDefines(tactic)};
    const bool real = isFloat(x.type);
    const bool wide = x.type == DataType::Int64;
    call.defines.emplace_back("P_TYPE", clType(x.type));
    addDefine(call.defines, "P_ORDERED", sumsInOrder(p));
    addDefine(call.defines, "P_REAL", real);
    call.defines.emplace_back("P_CTYPE", real ? "float" : wide ? "long" : "int");
    addDefine(call.defines, "P_MODE",
              std::find(kModes.begin(), kModes.end(), p.attrs.string("mode")) - kModes.begin());
    call.defines.emplace_back("P_LOWEST", real ? "(-INFINITY)" : wide ? "LONG_MIN" : "INT_MIN");
    call.defines.emplace_back("P_HIGHEST", real ? "INFINITY" : wide ? "LONG_MAX" : "INT_MAX");
    call.args = {KernelArg::input(0), KernelArg::output(0)};
    const auto add = [&](std::int64_t value) { call.args.push_back(KernelArg::ofInt(value)); };
    add(x.layout.offset);
    add(p.outputs[0].layout.offset);
    add(loops.values);
    add(loops.count);
    const auto addEach = [&](const std::vector<CopyDim>& dims, std::int64_t CopyDim::*member,
                             std::size_t slots, std::int64_t absent) {
      for (std::size_t i = 0; i < slots; ++i) add(i < dims.size() ? dims[i].*member : absent);
    };
    addEach(loops.kept, &CopyDim::extent, 5, 1);
    addEach(loops.kept, &CopyDim::x, 5, 0);
    addEach(loops.kept, &CopyDim::y, 5, 0);
    addEach(loops.reduced, &CopyDim::extent, 4, 1);
    addEach(loops.reduced, &CopyDim::x, 4, 0);
    if (group > 1) {
      call.global = {static_cast<std::size_t>(loops.values * group)};
      call.local = {static_cast<std::size_t>(group)};
    } else {
      setFlat(call, loops.values, device);
    }
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_reduce(FamilyList& list) { list.add<Reduce>({"Reduce"}); }

}  // namespace tessera
