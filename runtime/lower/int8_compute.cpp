#include "lower/int8_compute.hpp"

#include "lower/least_value.hpp"
#include "ops/ordered.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace {

constexpr const char* kActivation[] = {"activation", "alpha", "beta"};

TensorId inputOf(const Layer& layer, std::size_t i) {
  return i < layer.inputs.size() ? layer.inputs[i] : kNoTensor;
}

// What the calibration adds to the layer's bias, one number per output channel; none where it adds nothing.
const std::vector<float>* correctionOf(const Layer& layer, const Calibration& calibration,
                                       std::size_t channels) {
  const auto found = calibration.biasCorrection.find(layer.name);
  if (found == calibration.biasCorrection.end()) return nullptr;
  if (found->second.size() != channels)
    throw Error(ErrorCode::BadCache,
                "the bias correction of layer '" + layer.name + "' has another number of channels");
  return &found->second;
}

// The epilogue of asWide(): a chain whose operands are given one after the other.
struct Epilogue {
  std::vector<TensorId> inputs;
  std::vector<double> scales;
  std::vector<std::int64_t> zeros;
  PointwiseChain chain;

  ChainOperand operand(TensorId id, double scale = 0, std::int64_t zero = 0) {
    inputs.push_back(id), scales.push_back(scale), zeros.push_back(zero);
    return ChainOperand::input(static_cast<int>(inputs.size()) - 1);
  }
};

}  // namespace

void Int8Compute::rewrite(const Layer& layer) {
  tensors_.plan().wideWeights.count(layer.name) ? asWide(layer) : asTwin(layer);
}

void Int8Compute::asTwin(const Layer& layer) {
  const TensorId out = layer.outputs[0];
  Graph& to = tensors_.to();
  const CodedWeights weights = weightCodesOf(tensors_.from(), layer, tensors_.plan());
  const std::vector<TensorId> inputs = twinInputs(layer, weights);
  Attributes attrs = twinAttributes(layer, inputs[0]);

  // An activation that is not exactly rounded runs as a layer of its own, in floating point.
  const std::string activation = attrs.string("activation");
  const std::string twin(traitsOf(layer.op).integerTwin);
  const std::string& name = tensors_.from().tensor(out).name;
  if (exactActivation(activation))
    return tensors_.setResult(out, to.add(twin, layer.name, inputs, attrs, {name}));
  Attributes after;
  for (const char* parameter : {"alpha", "beta"})
    if (attrs.has(parameter)) after.set(parameter, attrs.number(parameter));
  for (const char* attribute : kActivation) attrs.erase(attribute);
  const TensorId sum = to.add(twin, layer.name, inputs, attrs, {layer.name + "/sum"});
  tensors_.setResult(out, to.add(activation, layer.name + "/" + activation, {sum}, after, {name}));
}

TensorId Int8Compute::multipliers(const Layer& layer, const CodedWeights& weights) {
  const Int8Plan& plan = tensors_.plan();
  const auto written = plan.channels.find(layer.outputs[0]);
  const float inputScale = tensors_.scaleOf(layer.inputs[0]);
  std::vector<float> values;
  for (std::size_t k = 0; k < weights.scales.size(); ++k)
    values.push_back(
        written == plan.channels.end()
            ? combinedScale(inputScale, weights.scales[k])
            : static_cast<float>(static_cast<double>(inputScale) * static_cast<double>(weights.scales[k]) /
                                 static_cast<double>(written->second.factor[k])));
  const auto channels = static_cast<std::int64_t>(values.size());
  return tensors_.to().addConstant(layer.name + "/multiplier", HostTensor::of<float>({channels}, values));
}

std::vector<TensorId> Int8Compute::twinInputs(const Layer& layer, const CodedWeights& weights) {
  const std::string& weightName = tensors_.from().tensor(layer.inputs[1]).name;
  std::vector<TensorId> inputs(kMultiplierInput + 1, kNoTensor);
  inputs[0] = tensors_.asCode(layer.inputs[0]);
  inputs[1] = tensors_.to().addConstant(weightName, weights.codes);
  inputs[2] = biasOf(layer, weights);
  if (const TensorId residual = inputOf(layer, 3); residual != kNoTensor)
    inputs[3] = tensors_.asStored(residual);
  if (const TensorId slope = inputOf(layer, 4); slope != kNoTensor) inputs[4] = tensors_.asFloat(slope);
  inputs[kMultiplierInput] = multipliers(layer, weights);
  return inputs;
}

// `x`: the codes that the layer reads, a tensor of the new graph.
Attributes Int8Compute::twinAttributes(const Layer& layer, TensorId x) const {
  const Int8Plan& plan = tensors_.plan();
  Attributes attrs = layer.attrs;
  attrs.erase(kOrdered);  // sums of codes are exact in any order
  if (const TensorId residual = inputOf(layer, 3); residual != kNoTensor && plan.coded[residual]) {
    attrs.set("residual_scale", static_cast<double>(tensors_.scaleOf(residual)));
    tensors_.setZero(attrs, "residual_zero", plan.zero(residual));
  }
  tensors_.setZero(attrs, "x_zero", plan.zero(layer.inputs[0]));
  if (tensors_.writesCodes(layer.outputs[0])) tensors_.setEncoding(attrs, layer.outputs[0]);
  // Codes with zero points begin at -128.
  if (traitsOf(layer.op).window && plan.zeros.empty() && neverNegative(tensors_.to(), x))
    attrs.set("nonnegative", std::int64_t{1});
  return attrs;
}

TensorId Int8Compute::wideSums(const Layer& layer, const std::vector<float>& scales) {
  const TensorId x = layer.inputs[0];
  Graph& to = tensors_.to();
  Attributes decode{{"expression", std::string()}, {"scales", std::vector<double>{1.0}}};
  tensors_.setZeros(decode, {tensors_.plan().zero(x)});
  const std::string name = layer.name + "/integers";
  const TensorId integers = to.add("QPointwise", name, {tensors_.asCode(x)}, decode, {name});
  const auto& weights = tensors_.from().tensor(layer.inputs[1]);
  const WeightAxis axis = weightAxis(layer);
  const TensorId codes =
      to.addConstant(weights.name, weightsAsIntegers(*weights.constant, axis.axis, axis.groups, scales));
  Attributes attrs = layer.attrs;
  for (const char* attribute : kActivation) attrs.erase(attribute);
  attrs.set("exact_sums", 1);
  return to.add(layer.op, layer.name, {integers, codes}, attrs, {layer.name + "/sums"});
}

// Sums of codes as integers in f32, which are exact, then the epilogue, step by step as integer kernels have
// it.
void Int8Compute::asWide(const Layer& layer) {
  const Int8Plan& plan = tensors_.plan();
  const TensorId x = layer.inputs[0], out = layer.outputs[0];
  const auto& scales = plan.weightScales.at(layer.name);
  const std::size_t rank = tensors_.from().tensor(out).shape.size();
  Shape channel(rank > 1 ? rank - 1 : 1, 1);
  channel[0] = static_cast<std::int64_t>(scales.size());
  const auto perChannelOf = [&](const char* suffix, HostTensor values) {
    values.shape = channel;
    return tensors_.to().addConstant(layer.name + suffix, std::move(values));
  };
  std::vector<float> rates;
  for (const float s : scales) rates.push_back(combinedScale(tensors_.scaleOf(x), s));

  Epilogue e;
  const ChainOperand sums = e.operand(wideSums(layer, scales));
  const ChainOperand rate = e.operand(perChannelOf("/multiplier", HostTensor::of<float>(channel, rates)));
  ChainOperand y = e.chain.append("Mul", {sums, rate});
  if (const TensorId bias = biasOf(layer, channel[0]); bias != kNoTensor)
    y = e.chain.append("Add", {y, e.operand(perChannelOf("/bias", *tensors_.to().tensor(bias).constant))});
  if (const TensorId r = inputOf(layer, 3); r != kNoTensor)
    y = e.chain.append(
        "Add", {y, plan.coded[r]
                       ? e.operand(tensors_.asCode(r), static_cast<double>(tensors_.scaleOf(r)), plan.zero(r))
                       : e.operand(tensors_.asFloat(r))});
  const std::string activation = layer.attrs.string("activation");
  if (activation == "PRelu") {
    const TensorId id = inputOf(layer, 4);
    const HostTensor& slope = *tensors_.from().tensor(id).constant;
    e.chain.append("PRelu",
                   {y, e.operand(slope.size() == 1 ? tensors_.asFloat(id) : perChannelOf("/slope", slope))});
  } else if (!activation.empty()) {
    e.chain.append(activation, {y}, layer.attrs);
  }
  Attributes attrs{{"expression", e.chain.text()}, {"scales", e.scales}};
  tensors_.setZeros(attrs, e.zeros);
  if (tensors_.writesCodes(out)) tensors_.setEncoding(attrs, out);
  tensors_.setResult(
      out, tensors_.to().add("QPointwise", layer.name + "/epilogue", e.inputs, attrs, tensors_.names(layer)));
}

TensorId Int8Compute::biasOf(const Layer& layer, std::int64_t channels) {
  const TensorId bias = inputOf(layer, 2);
  const auto* correction = correctionOf(layer, calibration_, static_cast<std::size_t>(channels));
  if (!correction) return bias == kNoTensor ? kNoTensor : tensors_.asFloat(bias);
  HostTensor corrected(DataType::Float32, {channels});
  for (std::int64_t k = 0; k < channels; ++k)
    corrected.setNumber(k, (bias == kNoTensor ? 0.0 : tensors_.from().tensor(bias).constant->number(k)) +
                               static_cast<double>((*correction)[k]));
  return tensors_.to().addConstant(layer.name + "/bias", std::move(corrected));
}

// Where channels differ, with what their offsets come to, in the scale of the output's channel.
TensorId Int8Compute::biasOf(const Layer& layer, const CodedWeights& weights) {
  const Int8Plan& plan = tensors_.plan();
  const auto channels = static_cast<std::int64_t>(weights.scales.size());
  const auto written = plan.channels.find(layer.outputs[0]);
  const std::vector<double> offsets = offsetsThrough(tensors_.from(), layer, plan, weights);
  if (written == plan.channels.end() && offsets.empty()) return biasOf(layer, channels);
  const TensorId bias = inputOf(layer, 2);
  const auto* correction = correctionOf(layer, calibration_, weights.scales.size());
  HostTensor sum(DataType::Float32, {channels});
  for (std::int64_t k = 0; k < channels; ++k) {
    double value = bias == kNoTensor ? 0.0 : tensors_.from().tensor(bias).constant->number(k);
    if (correction) value += static_cast<double>((*correction)[k]);
    if (!offsets.empty()) value += offsets[k];
    if (written != plan.channels.end()) value /= static_cast<double>(written->second.factor[k]);
    sum.setNumber(k, value);
  }
  return tensors_.to().addConstant(layer.name + "/bias", sum);
}

}  // namespace tessera
