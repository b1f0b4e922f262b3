// Defines, arguments and packing of the fused epilogue.
#include "clkernels/common/epilogue.hpp"

#include <algorithm>

#include "ops/pointwise.hpp"

namespace tessera {
namespace {

int slopeKind(const OpView& op) {
  if (op.attrs.string("activation") != "PRelu" || !op.has(kSlopeInput)) return 0;
  return op.inputs[kSlopeInput].size() == 1 ? 1 : 2;
}

}  // namespace

void addEpilogueDefines(Defines& defines, const OpView& op) {
  const std::string act = op.attrs.string("activation");
  defines.emplace_back("P_ACT", act.empty() || act == "PRelu" ? "None" : act);
  const PointwiseOp* row = findPointwise(act);
  const PointwiseConstants constants = row ? pointwiseConstants(*row, op.attrs) : PointwiseConstants{};
  defines.emplace_back("P_ALPHA", floatLiteral(constants.alpha));
  defines.emplace_back("P_BETA", floatLiteral(constants.beta));
  defines.emplace_back("P_HAS_BIAS", op.has(kBiasInput) ? "1" : "0");
  defines.emplace_back("P_HAS_RESIDUAL", op.has(kResidualInput) ? "1" : "0");
  defines.emplace_back("P_SLOPE", std::to_string(slopeKind(op)));
}

void addEpilogueArgs(std::vector<KernelArg>& args, const OpView& op) {
  for (const int input : {kBiasInput, kResidualInput, kSlopeInput})
    args.push_back(op.has(input) ? KernelArg::input(input) : KernelArg::none());
}

void addPaddedEpilogueArgs(Launch& launch, std::vector<KernelArg>& args, const OpView& op, int block) {
  const auto padded = [&](int input) {
    launch.packed.push_back(paddedChannels(input, block));
    return KernelArg::packed(static_cast<int>(launch.packed.size()) - 1);
  };
  args.push_back(op.has(kBiasInput) ? padded(kBiasInput) : KernelArg::none());
  args.push_back(op.has(kResidualInput) ? KernelArg::input(kResidualInput) : KernelArg::none());
  args.push_back(slopeKind(op) ? padded(kSlopeInput) : KernelArg::none());
}

std::string whyNoEpilogue(const OpView& op) {
  const std::string act = op.attrs.string("activation");
  if (!act.empty() && !isActivation(act)) return "activation " + act + " can not be fused";
  if (act == "PRelu" && !op.has(kSlopeInput)) return "activation PRelu lacks its slope";
  for (const int input : {kBiasInput, kSlopeInput})
    if (op.has(input) && op.inputs[input].type != DataType::Float32) return "bias and slope must be f32";
  return {};
}

OpInstance convolutionSample(Shape x, Shape weights, Attributes attrs, bool bias, bool residual) {
  const std::vector<bool> constants{false, true, true};
  std::vector<TensorDesc> inputs{f32(std::move(x)), f32(weights), bias ? f32({weights[0]}) : absent()};
  if (residual)
    inputs.push_back(f32(makeSample("Convolution", attrs, inputs, {}, constants).view.outputs[0].shape));
  return makeSample("Convolution", std::move(attrs), std::move(inputs), {}, constants);
}

PackedConstant paddedChannels(int input, int block) {
  return {"padded " + std::to_string(input) + " to " + std::to_string(block),
          [input, block](const std::vector<const HostTensor*>& inputs) {
            const HostTensor& given = *inputs.at(input);
            HostTensor padded(DataType::Float32, {roundUp(given.size(), block)});
            std::ranges::copy(given.as<float>(), padded.as<float>().begin());
            return padded;
          }};
}

}  // namespace tessera
