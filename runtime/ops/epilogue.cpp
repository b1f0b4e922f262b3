// The fused epilogue on the host.
#include "ops/epilogue.hpp"

#include <algorithm>

#include "ops/shape_tools.hpp"

namespace tessera {
std::vector<double> toDoubles(const HostTensor& tensor) {
  if (tensor.empty()) return {};
  if (tensor.type == DataType::Float32) {
    const auto values = tensor.as<float>();
    return {values.begin(), values.end()};
  }
  std::vector<double> values(tensor.size());
  for (std::int64_t i = 0; i < tensor.size(); ++i) values[i] = tensor.number(i);
  return values;
}

void storeDoubles(HostTensor& tensor, const std::vector<double>& values) {
  for (std::int64_t i = 0; i < tensor.size(); ++i) tensor.setNumber(i, values[i]);
}

void checkEpilogue(const Attributes& attrs, std::span<const TensorDesc> inputs, const Shape& output,
                   std::int64_t outChannels) {
  const auto has = [&](std::size_t i) { return i < inputs.size() && inputs[i].present(); };
  if (has(kBiasInput) && inputs[kBiasInput].size() != outChannels)
    refuse("bias " + toString(inputs[kBiasInput].shape) + " does not fit " + std::to_string(outChannels) +
           " output channels");
  if (has(kResidualInput) && inputs[kResidualInput].shape != output)
    refuse("residual " + toString(inputs[kResidualInput].shape) + " differs from the output " +
           toString(output));
  const std::string activation = attrs.string("activation");
  if (!activation.empty() && !isActivation(activation))
    refuse(activation + " is not an activation that can be fused");
  if ((activation == "PRelu") != has(kSlopeInput))
    refuse("activation PRelu and the input slope must come together");
  if (has(kSlopeInput) && inputs[kSlopeInput].size() != 1 && inputs[kSlopeInput].size() != outChannels)
    refuse("slope " + toString(inputs[kSlopeInput].shape) +
           " is neither one value nor one per output channel");
}

EpilogueReference::EpilogueReference(const OpView& op, std::span<const HostTensor> inputs) {
  if (const std::string name = op.attrs.string("activation"); !name.empty()) {
    activation_ = findPointwise(name);
    constants_ = pointwiseConstants(*activation_, op.attrs);
  }
  if (op.has(kBiasInput)) bias_ = toDoubles(inputs[kBiasInput]);
  if (op.has(kResidualInput)) residual_ = toDoubles(inputs[kResidualInput]);
  if (op.has(kSlopeInput)) slope_ = toDoubles(inputs[kSlopeInput]);
}

double EpilogueReference::operator()(double value, std::int64_t channel, std::int64_t index) const {
  if (!bias_.empty()) value += bias_[channel];
  if (!residual_.empty()) value += residual_[index];
  if (!activation_) return value;
  const double slope = slope_.empty() ? 0 : slope_[slope_.size() == 1 ? 0 : channel];
  return activation_->wide(value, slope, constants_.alpha, constants_.beta);
}

Tolerance sumTolerance(std::int64_t terms) { return {1e-5 + 5e-7 * static_cast<double>(terms), 1e-5}; }

void addEpilogueSamples(std::vector<OpInstance>& samples, const OpInstance& base, std::int64_t outChannels) {
  const TensorDesc x = base.view.inputs[0], weights = base.view.inputs[1], bias = f32({outChannels});
  const TensorDesc residual = f32(base.view.outputs[0].shape);
  const auto add = [&](const std::string& activation, std::vector<TensorDesc> inputs, Attributes extra = {}) {
    Attributes attrs = base.view.attrs;
    if (!activation.empty()) attrs.set("activation", activation);
    for (const auto& [name, value] : extra.all()) attrs.set(name, value);
    samples.push_back(
        makeSample(base.view.op, attrs, std::move(inputs), {}, {false, true, true, false, true}));
  };
  for (const std::string& name : activationNames()) {
    if (name == "PRelu") {
      add(name, {x, weights, bias, absent(), f32({1})});
      add(name, {x, weights, absent(), residual, f32({outChannels})});
    } else if (name == "Clip") {
      add(name, {x, weights, bias}, {{"alpha", -0.25}, {"beta", 0.75}});
    } else {
      add(name, {x, weights, bias});
    }
  }
  add("Affine", {x, weights, bias, residual}, {{"alpha", 0.5}, {"beta", 0.125}});
  add("LeakyRelu", {x, weights, absent(), residual}, {{"alpha", 0.3}});
  add("", {x, weights, bias, residual});
  add("", {x, weights, absent(), residual});
  add("", {x, weights, bias});
}

}  // namespace tessera
