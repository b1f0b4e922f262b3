// resize: every mode of ONNX Resize along up to three neighbouring axes, planar or blocked.
#include "clkernels/common/image.hpp"
#include "ops/resize_axis.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

/// A resize as the kernel sees it: items, outer extent, three resized axes, inner extent.
struct ResizePlan {
  bool fits = true;
  std::int64_t items = 1, outers = 1, inner = 1, xOuter = 0, yOuter = 0;
  Extents out{1, 1, 1}, xStride{0, 0, 0}, yStride{0, 0, 0};
  std::array<ResizeAxis, 3> axes{};
};

ResizePlan planOf(const OpView& op) {
  const TensorDesc &x = op.inputs[0], &y = op.outputs[0];
  const auto axes = resizeAxes(op);
  const int rank = static_cast<int>(axes.size()), block = x.layout.block;
  ResizePlan plan;
  for (auto& axis : plan.axes) axis = {1, {0}, {1.0}, true};
  int first = rank - 1, last = rank - 1;
  for (int d = rank; d-- > 0;)
    if (!axes[d].identity) first = d;
  while (last > first && axes[last].identity) --last;
  plan.fits = last - first < 3 && (block == 1 || first >= 2);
  if (!plan.fits) return plan;

  // Strides within an item, outermost first; blocked channels lie one block above the spatial extents.
  std::vector<std::int64_t> xStrides(rank), yStrides(rank);
  std::int64_t xAt = block, yAt = block;
  for (int d = rank; d-- > 0;) {
    xStrides[d] = d == 0 ? x.batchStride() : xAt;
    yStrides[d] = d == 0 ? y.batchStride() : yAt;
    xAt *= x.shape[d];
    yAt *= y.shape[d];
  }
  for (int d = first; d <= last; ++d) {
    const int slot = 2 - (last - d);
    plan.out[slot] = y.shape[d];
    plan.xStride[slot] = xStrides[d];
    plan.yStride[slot] = yStrides[d];
    plan.axes[slot] = axes[d];
  }
  plan.inner = block;
  for (int d = last + 1; d < rank; ++d) plan.inner *= x.shape[d];
  if (first > 0) plan.items = x.shape[0];
  for (int d = 1; d < first; ++d) plan.outers *= d == 1 ? paddedChannelCount(x) / block : x.shape[d];
  if (first > 0) {
    plan.xOuter = xStrides[first] * x.shape[first];
    plan.yOuter = yStrides[first] * y.shape[first];
  }
  return plan;
}

class Resize final : public KernelFamily {
 public:
  FamilyId id() const override { return {"resize", 1}; }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 0; }

  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    const DataType type = op.inputs[0].type;
    if (type != op.outputs[0].type) return Verdict::no("activations differ in type");
    if (op.inputs[0].layout.block > 1 && op.attrs.string("coordinate") == "tf_crop_and_resize")
      return Verdict::no("extrapolation would fill padding lanes");
    if (!planOf(op).fits)
      return Verdict::no(
          "the resized axes are not three neighbours, or are the channels of a blocked layout");
    return sameBlock(op);
  }

  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    const ResizePlan r = planOf(p);
    const bool moves = !isFloat(x.type) && x.type != DataType::Int8 && x.type != DataType::UInt8;
    const int width = moves ? 1 : laneWidth(x);
    const std::int64_t count = r.items * r.outers * r.out[0] * r.out[1] * r.out[2] * (r.inner / width);
    KernelCall call{"resize/resize.cl", "resize"};
    addDefine(call.defines, "P_TAPS0", r.axes[0].taps);
    addDefine(call.defines, "P_TAPS1", r.axes[1].taps);
    addDefine(call.defines, "P_TAPS2", r.axes[2].taps);
    addDefine(call.defines, "P_WIDTH", width);
    addDefine(call.defines, "P_PICK", moves);
    call.defines.emplace_back("P_TYPE", clType(x.type));
    setFlat(call, count, device);
    call.args = {KernelArg::input(0),  KernelArg::packed(0),    KernelArg::packed(1),
                 KernelArg::output(0), KernelArg::ofInt(count), KernelArg::ofInt(r.inner)};
    addExtentArgs(call.args, r.out);
    call.args.push_back(KernelArg::ofInt(r.outers));
    call.args.push_back(KernelArg::ofInt(r.xOuter));
    addExtentArgs(call.args, r.xStride);
    call.args.push_back(KernelArg::ofInt(r.yOuter));
    addExtentArgs(call.args, r.yStride);
    call.args.push_back(KernelArg::ofFloat(static_cast<float>(p.attrs.number("extrapolation", 0))));
    addLayoutArgs(call.args, x);
    addLayoutArgs(call.args, y);
    return {{call}, {}, tables(p, r)};
  }

 private:
  static std::vector<PackedConstant> tables(const Problem& p, const ResizePlan& plan) {
    std::vector<std::int32_t> cells;
    std::vector<float> weights;
    for (const ResizeAxis& axis : plan.axes) {
      cells.insert(cells.end(), axis.cell.begin(), axis.cell.end());
      for (const double weight : axis.weight) weights.push_back(static_cast<float>(weight));
    }
    const auto count = static_cast<std::int64_t>(cells.size());
    return {{"cells " + p.text(), [=](const auto&) { return HostTensor::of<std::int32_t>({count}, cells); }},
            {"weights " + p.text(), [=](const auto&) { return HostTensor::of<float>({count}, weights); }}};
  }
};

}  // namespace

void addFamilies_resize(FamilyList& list) { list.add<Resize>({"Resize"}); }

}  // namespace tessera
