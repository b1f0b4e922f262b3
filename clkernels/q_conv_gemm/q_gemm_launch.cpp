// Launches of INT8 matrix products over words.
#include "clkernels/q_conv_gemm/q_gemm_launch.hpp"

namespace tessera {
namespace {

// Whether four pixels in a row can leave as one vector: y as words or planar floats, the residual in any
// layout.
bool vectorStores(const OpView& op, const GemmShape& s) {
  const TensorDesc& y = op.outputs[0];
  const std::int64_t unit = y.layout.block * 4;
  if (rowsArePhases(op))
    return s.gridWidth % 4 == 0 && s.originX % 4 == 0 && s.outWidth % 4 == 0 && y.layout.offset % 4 == 0 &&
           y.batchStride() % 4 == 0;
  return s.phasesX == 1 && s.phasesY == 1 && s.gridHeight * s.gridWidth % 4 == 0 &&
         y.layout.offset % unit == 0 && y.batchStride() % unit == 0;
}

Defines defines(const OpView& op, const QuantGemmWords& words, const GemmTactic& tactic,
                const DeviceCaps& device) {
  Defines all = tacticDefines(toTactic(tactic));
  const auto add = [&](const char* name, std::string value) { all.emplace_back(name, std::move(value)); };
  const bool residual = op.has(kResidualInput);
  addGeometryDefines(all, words.shape);
  add("P_X", "int");
  add("P_Y", clType(op.outputs[0].type));
  add("P_R", clType(residual ? op.inputs[kResidualInput].type : DataType::Float32));
  add("P_STORE", vectorStores(op, words.shape) ? "1" : "0");
  add("P_YBLOCK", std::to_string(op.outputs[0].layout.block));
  add("P_RBLOCK", std::to_string(residual ? op.inputs[kResidualInput].layout.block : 1));
  add("P_PHASE_ROWS", rowsArePhases(op) ? "1" : "0");
  add("P_CHANNELS", std::to_string(op.outputs[0].shape[1]));
  addQuantDefines(all, op, device);
  return all;
}

// Operands per channel, residual, y, rate, residual scale, places of y and the residual.
void addFinishArgs(std::vector<KernelArg>& args, const OpView& op) {
  args.push_back(KernelArg::packed(1));
  args.push_back(op.has(kResidualInput) ? KernelArg::input(kResidualInput) : KernelArg::none());
  args.push_back(KernelArg::output(0));
  addQuantArgs(args, op);
  addPlace(args, op.outputs[0]);
  addPlace(args, op.has(kResidualInput) ? op.inputs[kResidualInput] : TensorDesc{});
}

}  // namespace

QuantGemmWords::QuantGemmWords(const OpView& op, const DeviceCaps& device)
    : view(wordView(op)), shape(gemmShape(view)), freedom(gemmFreedom(view, shape, device)) {}

std::vector<BlockChoice> quantGemmBlocks(const OpView& op) {
  const BlockChoice blocked = BlockChoice::uniform(op, 4);
  std::vector<BlockChoice> choices{blocked};
  const bool floatResidual = op.has(kResidualInput) && op.inputs[kResidualInput].type == DataType::Float32 &&
                             op.inputs[kResidualInput].blockable();
  const bool floatOutput = op.outputs[0].type == DataType::Float32;
  for (int planar = 1; planar < 4; ++planar) {
    if (((planar & 1) && !floatOutput) || ((planar & 2) && !floatResidual)) continue;
    choices.push_back(blocked);
    if (planar & 1) choices.back().outputs[0] = 1;
    if (planar & 2) choices.back().inputs[kResidualInput] = 1;
  }
  return choices;
}

Launch quantGemmLaunch(const OpView& op, const QuantGemmKernel& kernel, const GemmTactic& t,
                       const DeviceCaps& device) {
  const QuantGemmWords words(op, device);
  const GemmShape& shape = words.shape;
  Launch launch;
  launch.packed = {packQuantGemmWeights(op, t.m, t.k, t.flat != 0, kernel.rows), packedChannels(op, 4)};
  if (t.flat) launch.packed.push_back(packGemmTable(words.view, t.k));

  KernelCall product{kernel.source, t.addsAfterwards() ? kernel.entry + "_part" : kernel.entry,
                     defines(op, words, t, device)};
  const auto items = static_cast<std::size_t>(kernel.items);
  product.local = {items, 1};
  product.global = {items * static_cast<std::size_t>(t.groups(shape)), static_cast<std::size_t>(t.split)};
  product.args = {KernelArg::input(0), KernelArg::packed(0),
                  t.flat ? KernelArg::packed(2) : KernelArg::none()};
  addPlace(product.args, words.view.inputs[0]);
  if (!t.addsAfterwards()) {
    addFinishArgs(product.args, op);
    if (t.split > 1) addLastSum(launch, product, shape, t, device);
    launch.calls = {std::move(product)};
    return launch;
  }
  const std::int64_t rows = std::int64_t{shape.groups} * shape.rows, pixels = roundUp(shape.pixels(), 4);
  launch.scratch.push_back(static_cast<std::size_t>(t.partialBytes(shape)));
  product.args.push_back(KernelArg::scratch(0));
  KernelCall sum{product.source, "q_conv_gemm_sum", product.defines};
  setFlat(sum, rows / 4 * pixels, device);
  sum.args = {KernelArg::scratch(0)};
  addFinishArgs(sum.args, op);
  launch.calls = {std::move(product), std::move(sum)};
  return launch;
}

}  // namespace tessera
