#include "lower/int8_tensors.hpp"

#include "ops/quantised.hpp"

namespace tessera {

Int8Tensors::Int8Tensors(const Graph& from, const Int8Plan& plan)
    : from_(from),
      plan_(plan),
      floats_(from.tensors().size(), kNoTensor),
      codes_(from.tensors().size(), kNoTensor) {
  to_.name = from.name;
  for (const TensorId id : from.inputs()) {
    const auto& t = from.tensor(id);
    floats_[id] = to_.addInput(t.name, t.type, t.shape);
  }
}

TensorId Int8Tensors::asFloat(TensorId id) {
  if (floats_[id] != kNoTensor) return floats_[id];
  const auto& t = from_.tensor(id);
  if (t.isConstant()) return floats_[id] = to_.addConstant(t.name, *t.constant);
  if (!hasCode(id)) throw Error(ErrorCode::Internal, "tensor " + t.name + " is read before it is computed");
  if (plan_.channelsDiffer(id)) return floats_[id] = decodeChannels(id);
  Attributes attrs{{"expression", std::string()},
                   {"scales", std::vector<double>{static_cast<double>(scaleOf(id))}}};
  setZeros(attrs, {plan_.zero(id)});
  // Codes of a model's own pair have another name than its result, which may be an output of the network.
  const int producer = from_.producer(id);
  std::vector<std::string> named;
  if (producer >= 0 && plan_.roles[producer] == Int8Role::Decode) named = {t.name};
  return floats_[id] = to_.add("QPointwise", t.name + "/decode", {codes_[id]}, attrs, named);
}

TensorId Int8Tensors::decodeChannels(TensorId id) {
  std::vector<TensorId> inputs{codes_[id], channelScales(id)};
  std::string expression = "t0=Mul(x0,x1)";
  if (const TensorId offsets = channelOffsets(id); offsets != kNoTensor) {
    inputs.push_back(offsets);
    expression += ";t1=Add(t0,x2)";
  }
  std::vector<double> scales(inputs.size(), 0.0);
  scales[0] = 1;
  Attributes attrs{{"expression", expression}, {"scales", scales}};
  std::vector<std::int64_t> zeros(inputs.size(), 0);
  zeros[0] = plan_.zero(id);
  setZeros(attrs, zeros);
  return to_.add("QPointwise", from_.tensor(id).name + "/decode", inputs, attrs);
}

TensorId Int8Tensors::asCode(TensorId id) {
  if (hasCode(id)) return codes_[id];
  Attributes attrs{{"expression", std::string()}, {"scales", std::vector<double>{0.0}}};
  attrs.set("rate", static_cast<double>(inverseScale(scaleOf(id))));
  setZero(attrs, "zero", plan_.zero(id));
  return codes_[id] = to_.add("QPointwise", from_.tensor(id).name + "/encode", {asFloat(id)}, attrs);
}

void Int8Tensors::setEncoding(Attributes& attrs, TensorId id) const {
  const auto found = encoded_.find(id);
  const Encoded made = found != encoded_.end()
                           ? found->second
                           : Encoded{static_cast<double>(inverseScale(scaleOf(id))), plan_.zero(id)};
  attrs.set("rate", made.rate);
  setZero(attrs, "zero", made.zero);
}

void Int8Tensors::setZero(Attributes& attrs, const char* name, std::int64_t zero) const {
  if (!plan_.zeros.empty()) attrs.set(name, zero);
}

void Int8Tensors::setZeros(Attributes& attrs, const std::vector<std::int64_t>& zeros) const {
  if (!plan_.zeros.empty()) attrs.set("zeros", zeros);
}

float Int8Tensors::scaleOf(TensorId id) const {
  const float scale = plan_.readScale(id);
  if (scale > 0) return scale;
  const std::string& name = from_.tensor(id).name;
  throw Error(ErrorCode::BadCache, "the calibration has no scale for tensor '" + name +
                                       "', or one that is not positive and finite");
}

double Int8Tensors::scaleInChain(TensorId id) const {
  return plan_.coded[id] && !plan_.channelsDiffer(id) ? static_cast<double>(scaleOf(id)) : 0.0;
}

std::vector<TensorId> Int8Tensors::partsOf(TensorId id) const {
  const auto found = plan_.members.find(id);
  return found == plan_.members.end() ? std::vector<TensorId>{id} : found->second;
}

TensorId Int8Tensors::channelScales(TensorId id) {
  std::vector<float> scales;
  for (const TensorId part : partsOf(id)) {
    scaleOf(part);
    for (std::int64_t c = 0; c < from_.tensor(part).shape[1]; ++c)
      scales.push_back(plan_.channelScale(part, c));
  }
  return perChannel(id, "/scales", scales);
}

TensorId Int8Tensors::channelOffsets(TensorId id) {
  std::vector<float> offsets;
  bool any = false;
  for (const TensorId part : partsOf(id)) {
    const auto found = plan_.channels.find(part);
    const bool given = found != plan_.channels.end() && !found->second.offset.empty();
    any = any || given;
    for (std::int64_t c = 0; c < from_.tensor(part).shape[1]; ++c)
      offsets.push_back(given ? found->second.offset[c] : 0.0f);
  }
  return any ? perChannel(id, "/zeros", offsets) : kNoTensor;
}

TensorId Int8Tensors::perChannel(TensorId id, const char* suffix, const std::vector<float>& values) {
  Shape shape(from_.tensor(id).shape.size() - 1, 1);
  shape[0] = static_cast<std::int64_t>(values.size());
  return to_.addConstant(from_.tensor(id).name + suffix, HostTensor::of<float>(shape, values));
}

std::vector<std::string> Int8Tensors::names(const Layer& layer) const {
  std::vector<std::string> out;
  for (const TensorId id : layer.outputs) out.push_back(from_.tensor(id).name);
  return out;
}

}  // namespace tessera
