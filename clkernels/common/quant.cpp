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

PackedConstant packedChannels(const OpView& op, int block) {
  std::vector<int> rows{kMultiplierArgInput};
  std::string name = "channels by " + std::to_string(block) + " of";
  for (const int input : {kBiasInput, kSlopeInput}) rows.push_back(op.has(input) ? input : -1);
  for (const int input : rows) name += " " + std::to_string(input);
  return {name, [rows, padded = roundUp(op.outputs[0].shape[1], block)](const auto& inputs) {
            HostTensor all(DataType::Float32, {static_cast<std::int64_t>(rows.size()), padded});
            for (std::size_t i = 0; i < rows.size(); ++i)
              if (rows[i] >= 0)
                std::ranges::copy(inputs.at(rows[i])->template as<float>(),
                                  all.as<float>().begin() + static_cast<std::ptrdiff_t>(i) * padded);
            return all;
          }};
}

std::vector<OpInstance> quantisedTwins(const std::string& op, std::vector<OpInstance> samples) {
  std::erase_if(samples,
                [](const OpInstance& s) { return !exactActivation(s.view.attrs.string("activation")); });
  return quantisedSamples(op, samples);
}

std::string whyNoQuantEpilogue(const OpView& op) {
  if (op.inputs[0].type != DataType::Int8 || op.inputs[1].type != DataType::Int8)
    return "input and weights are not codes";
  if (!exactActivation(op.attrs.string("activation"))) return "its activation is not exactly rounded";
  return whyNoEpilogue(op);
}

}  // namespace tessera
