// Defines, arguments and predicates of families that serve floats and codes alike.
#include "clkernels/common/finish.hpp"

#include "clkernels/common/image.hpp"

namespace tessera {

std::string whyNoTiles(const DeviceCaps& device) {
  if (!device.isCpu()) return "it is written for CPUs";
  // With Mesa 22.3 a program takes 10 s and more, and a result with several passes had padding lanes unset.
  if (device.platform == "rusticl")
    return "rusticl takes too long to compile register tiles, and miscompiles some";
  return {};
}

Verdict finishApplies(const OpView& op, const DeviceCaps& device, bool codes) {
  if (const auto why = whyNoTiles(device); !why.empty()) return Verdict::no(why);
  if (op.inputs[0].shape.size() > 4) return Verdict::no("it has more than two spatial extents");
  for (const int i : {1, kBiasInput, kSlopeInput, kMultiplierArgInput})
    if (op.has(i) && !op.inputs[i].constant)
      return Verdict::no("weights, bias, slope and multipliers must be constants");
  if (!codes)
    if (const Verdict types = sameFloatType(op, {0, 1, kResidualInput}); !types) return types;
  if (const auto why = codes ? whyNoQuantEpilogue(op) : whyNoEpilogue(op); !why.empty())
    return Verdict::no(why);
  return Verdict::yes();
}

Verdict inBlocksOf16(const OpView& op, bool planarInput, bool planarOutput) {
  const auto fits = [](const TensorDesc& t, bool planar) {
    return t.layout.block == 16 || (planar && t.layout.block == 1);
  };
  if (!fits(op.inputs[0], planarInput)) return Verdict::no("the input is not in blocks of 16 channels");
  if (!fits(op.outputs[0], planarOutput)) return Verdict::no("the output is not in blocks of 16 channels");
  if (op.has(kResidualInput) && !fits(op.inputs[kResidualInput], false))
    return Verdict::no("the residual is not in blocks of 16 channels");
  return Verdict::yes();
}

void addTypeDefines(Defines& defines, const OpView& op) {
  const TensorDesc& residual = op.has(kResidualInput) ? op.inputs[kResidualInput] : op.outputs[0];
  defines.emplace_back("P_X", clType(op.inputs[0].type));
  defines.emplace_back("P_WEIGHTS", clType(op.inputs[1].type));
  defines.emplace_back("P_R", clType(residual.type));
  defines.emplace_back("P_Y", clType(op.outputs[0].type));
}

void addFinishDefines(Defines& defines, const OpView& op, const DeviceCaps& device, bool stream) {
  addTypeDefines(defines, op);
  defines.emplace_back("P_CODES", inCodes(op) ? "1" : "0");
  defines.emplace_back("D_STREAM", stream ? "1" : "0");
  if (inCodes(op))
    addQuantDefines(defines, op, device);
  else
    addEpilogueDefines(defines, op);
}

void addFinishArgs(Launch& launch, std::vector<KernelArg>& args, const OpView& op) {
  if (inCodes(op)) {
    launch.packed.push_back(paddedChannels(kMultiplierArgInput, 16));
    args.push_back(KernelArg::packed(static_cast<int>(launch.packed.size()) - 1));
    addCorrections(launch, args, op, 16);
    addQuantArgs(args, op);
  }
  addPaddedEpilogueArgs(launch, args, op, 16);
}

void addPlainFinishArgs(Launch& launch, std::vector<KernelArg>& args, const OpView& op) {
  if (inCodes(op)) {
    args.push_back(KernelArg::input(kMultiplierArgInput));
    addCorrections(launch, args, op, 1);
    addQuantArgs(args, op);
  }
  addEpilogueArgs(args, op);
}

bool streamsOutput(const TensorDesc& y, const DeviceCaps& device) {
  constexpr std::size_t kStreamBytes = 32 << 20;  // outputs above do not wait in a cache for their reader
  const bool aligned = y.layout.offset % 16 == 0 && y.batchStride() % 16 == 0;
  return device.pocl && y.type == DataType::Float32 && aligned && y.bytes() > kStreamBytes;
}

void addPlaces(std::vector<KernelArg>& args, const OpView& op) {
  const TensorDesc& residual = op.has(kResidualInput) ? op.inputs[kResidualInput] : op.outputs[0];
  for (const TensorDesc* operand : {&op.inputs[0], &op.outputs[0], &residual}) {
    args.push_back(KernelArg::ofInt(operand->layout.offset));
    args.push_back(KernelArg::ofInt(operand->batchStride()));
  }
}

}  // namespace tessera
