// What naive families ask of images.
#include "clkernels/common/image.hpp"

namespace tessera {

std::int64_t planeSize(const TensorDesc& t) {
  std::int64_t plane = 1;
  for (std::size_t i = 2; i < t.shape.size(); ++i) plane *= t.shape[i];
  return plane;
}

void addLayoutArgs(std::vector<KernelArg>& args, const TensorDesc& t) {
  args.push_back(KernelArg::ofInt(t.layout.offset));
  args.push_back(KernelArg::ofInt(t.batchStride()));
}

void addExtentArgs(std::vector<KernelArg>& args, const Extents& extents) {
  for (const auto extent : extents) args.push_back(KernelArg::ofInt(extent));
}

Verdict sameFloatType(const OpView& op, std::initializer_list<int> inputs) {
  const DataType type = op.outputs[0].type;
  if (type != DataType::Float32 && type != DataType::Float16)
    return Verdict::no("the output is not floating-point");
  for (const int i : inputs)
    if (op.has(i) && op.inputs[i].type != type) return Verdict::no("operands differ in type");
  return Verdict::yes();
}

Verdict inF32(const OpView& op, std::initializer_list<int> inputs) {
  for (const int i : inputs)
    if (op.has(i) && op.inputs[i].type != DataType::Float32)
      return Verdict::no("input " + std::to_string(i) + " is not f32");
  return Verdict::yes();
}

Verdict denseF32(const OpView& op, std::initializer_list<int> inputs) {
  for (const int i : inputs)
    if (op.has(i) && op.inputs[i].layout != Layout{})
      return Verdict::no("input " + std::to_string(i) + " is not dense and planar");
  return inF32(op, inputs);
}

std::vector<BlockChoice> firstInBlocks(const OpView& op, std::initializer_list<int> blocks) {
  std::vector<BlockChoice> choices;
  for (const int block : blocks) {
    choices.push_back(BlockChoice::uniform(op, block));
    std::fill(choices.back().inputs.begin() + 1, choices.back().inputs.end(), 1);
  }
  return choices;
}

Verdict allPlanar(const OpView& op) {
  const auto blocked = [](const TensorDesc& t) { return t.present() && t.layout.block != 1; };
  for (const auto& t : op.inputs)
    if (blocked(t)) return Verdict::no("it works on planar layouts only");
  for (const auto& t : op.outputs)
    if (blocked(t)) return Verdict::no("it works on planar layouts only");
  return Verdict::yes();
}

Verdict sameBlock(const OpView& op) {
  if (op.inputs[0].layout.block != op.outputs[0].layout.block)
    return Verdict::no("input and output differ in channel block");
  return Verdict::yes();
}

Verdict allOf(std::initializer_list<Verdict> verdicts) {
  for (const Verdict& verdict : verdicts)
    if (!verdict) return verdict;
  return Verdict::yes();
}

}  // namespace tessera
