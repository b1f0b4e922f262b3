// Defines and arguments of INT8 families.
#include "clkernels/common/quant.hpp"

#include "ops/quantised.hpp"

namespace tessera {

void addQuantDefines(Defines& defines, const OpView& op, const DeviceCaps& device) {
  addEpilogueDefines(defines, op);
  defines.emplace_back("P_CODED", op.outputs[0].type == DataType::Int8 ? "1" : "0");
  const bool coded = op.has(kResidualInput) && op.inputs[kResidualInput].type == DataType::Int8;
  defines.emplace_back("P_RESIDUAL_CODED", coded ? "1" : "0");
  defines.emplace_back("D_DOT4", std::to_string(static_cast<int>(device.dot4)));
}

void addQuantArgs(std::vector<KernelArg>& args, const OpView& op) {
  for (const char* name : {"rate", "residual_scale"})
    args.push_back(KernelArg::ofFloat(static_cast<float>(op.attrs.number(name))));
}

std::string whyNoQuantEpilogue(const OpView& op) {
  if (op.inputs[0].type != DataType::Int8 || op.inputs[1].type != DataType::Int8)
    return "input and weights are not codes";
  if (!exactActivation(op.attrs.string("activation"))) return "its activation is not exactly rounded";
  return whyNoEpilogue(op);
}

}  // namespace tessera
