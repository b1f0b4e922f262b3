// Launches of INT8 matrix products over words.
#include "clkernels/q_conv_gemm/quant_gemm.hpp"

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

}  // namespace

std::optional<Tactic> QuantGemm::chained(const Problem& p, const DeviceCaps& device) const {
  constexpr int kSideBySide = 3, kGroupLocal = 48 << 10;  // of four at most; bytes
  const auto own = fromTactic<GemmTactic>(fallback(p, device));
  const TacticSpace all = space(p, device);
  for (const int parts : {1, 2, 3, 4, 6, 9}) {
    GemmTactic shorter = own;
    shorter.k /= parts;
    if (own.k % parts == 0 && shorter.localBytes() * kSideBySide <= kGroupLocal &&
        all.contains(toTactic(shorter)))
      return toTactic(shorter);
  }
  return toTactic(own);
}

std::vector<BlockChoice> QuantGemm::blockChoices(const OpView& op, const DeviceCaps&) const {
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

void QuantGemm::addDefines(Defines& defines, const OpView& op, const GemmShape& words,
                           const DeviceCaps& device) const {
  const auto add = [&](const char* name, std::string value) { defines.emplace_back(name, std::move(value)); };
  const bool residual = op.has(kResidualInput);
  add("P_X", "int"), add("P_WEIGHTS", "int");
  add("P_Y", clType(op.outputs[0].type));
  add("P_R", clType(residual ? op.inputs[kResidualInput].type : DataType::Float32));
  add("P_STORE", vectorStores(op, words) ? "1" : "0");
  add("P_YBLOCK", std::to_string(op.outputs[0].layout.block));
  add("P_RBLOCK", std::to_string(residual ? op.inputs[kResidualInput].layout.block : 1));
  add("P_PHASE_ROWS", rowsArePhases(op) ? "1" : "0");
  add("P_CHANNELS", std::to_string(op.outputs[0].shape[1]));
  addQuantDefines(defines, op, device);
}

void QuantGemm::addFinish(Launch& launch, std::vector<KernelArg>& args, const OpView& op) const {
  launch.packed.push_back(packedChannels(op, 4));
  args.push_back(KernelArg::packed(static_cast<int>(launch.packed.size()) - 1));
  args.push_back(op.has(kResidualInput) ? KernelArg::input(kResidualInput) : KernelArg::none());
  args.push_back(KernelArg::output(0));
  addCorrections(launch, args, op, 4);
  addQuantArgs(args, op);
  addPlace(args, op.outputs[0]);
  addPlace(args, op.has(kResidualInput) ? op.inputs[kResidualInput] : TensorDesc{});
}

}  // namespace tessera
