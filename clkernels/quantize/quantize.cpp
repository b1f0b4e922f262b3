// quantize: Quantize and Dequantize.
#include "clkernels/common/strided.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

std::int64_t axisOf(const OpView& op) {
  return op.inputs[1].size() == 1 ? -1 : normalAxis(op.attrs.integer("axis", 1), op.inputs[0].shape.size());
}

class QuantizeLinear final : public KernelFamily {
 public:
  FamilyId id() const override { return {"quantize", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    const TensorDesc &x = op.inputs[0], &y = op.outputs[0];
    if (x.layout.block != y.layout.block) return Verdict::no("operands differ in channel block");
    const auto axis = axisOf(op);
    if (axis < 0 || axis == 1) return Verdict::yes();
    if (x.layout.block != 1) return Verdict::no("blocked tensors take scales per channel only");
    if (!x.dense() || !y.dense())
      return Verdict::no("scales along another axis than channels want dense tensors");
    return Verdict::yes();
  }
  std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps&) const override {
    return firstInBlocks(op, {16, 8, 4, 32, 1});
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    if (y.size() == 0) return {};
    const auto axis = axisOf(p);
    const std::int64_t block = x.layout.block;
    // Without an axis of its own, an item counts as one channel (unless lanes must be told apart).
    std::int64_t items = x.shape.empty() ? 1 : x.shape[0], channels = 1, plane = x.itemElements();
    std::int64_t xBatch = x.batchStride(), yBatch = y.batchStride();
    if (axis == 1 || block > 1) {
      channels = x.shape[1];
      plane = planeSize(x);
    } else if (axis >= 0) {
      items = extentProduct(x.shape, 0, static_cast<std::size_t>(axis));
      channels = x.shape[axis];
      plane = extentProduct(x.shape, static_cast<std::size_t>(axis) + 1, x.shape.size());
      xBatch = yBatch = channels * plane;
    }
    const bool zero = p.has(2), toCode = p.op == "Quantize", isSigned = y.type == DataType::Int8;
    KernelCall call{"quantize/quantize.cl", toCode ? "quantize" : "dequantize"};
    call.defines = {{"P_XTYPE", clType(x.type)},
                    {"P_YTYPE", clType(y.type)},
                    {"P_ZTYPE", zero ? clType(p.inputs[2].type) : "float"}};
    addDefine(call.defines, "P_ZERO", zero);
    addDefine(call.defines, "P_PER_CHANNEL", axis >= 0);
    addDefine(call.defines, "P_BLOCK", block);
    addDefine(call.defines, "P_LOW", isSigned ? -128 : 0);
    addDefine(call.defines, "P_HIGH", isSigned ? 127 : 255);
    const std::int64_t item = roundUp(channels, block) * plane;
    call.args = {KernelArg::input(0), KernelArg::input(1), KernelArg::input(zero ? 2 : 1),
                 KernelArg::output(0)};
    for (const std::int64_t value : {channels, plane, item, x.layout.offset, xBatch, y.layout.offset, yBatch})
      call.args.push_back(KernelArg::ofInt(value));
    setFlat(call, item, device);
    call.global.push_back(static_cast<std::size_t>(items));
    call.local.push_back(1);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_quantize(FamilyList& list) {
  static const QuantizeLinear quantize;
  list.add(quantize, {"Quantize", "Dequantize"});
}

}  // namespace tessera
