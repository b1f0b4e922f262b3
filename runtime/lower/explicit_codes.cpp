// Networks that say themselves where values become codes.
#include "lower/explicit_codes.hpp"

#include <algorithm>
#include <cmath>

#include "ops/quantised.hpp"

namespace tessera {
namespace {

constexpr float kWidest = 255;              // codes of 8 bits less a zero point of 8 bits
constexpr double kExactInFloat = 16777216;  // f32 holds every integer up to here

TensorId inputOf(const Layer& layer, std::size_t i) {
  return i < layer.inputs.size() ? layer.inputs[i] : kNoTensor;
}

const HostTensor* constantOf(const Graph& graph, TensorId id) {
  return id == kNoTensor ? nullptr : graph.tensor(id).constant.get();
}

bool isBare(const Layer& layer) {
  return layer.op == "QPointwise" && layer.attrs.string("expression").empty() && layer.inputs.size() == 1;
}

// Why the tensor, input of a layer with weights, gives it no codes.
std::string whyNoCodes(const Graph& graph, TensorId id) {
  const std::string which = "its input '" + graph.tensor(id).name + "' ";
  const int producer = graph.producer(id);
  if (producer < 0) return which + "is not quantised in the model";
  const Layer& layer = graph.layers()[producer];
  if (layer.op == "Dequantize") return which + "keeps the model's codes: " + whyKept(graph, layer);
  return which + "is not quantised in the model, or its parts have different scales";
}

}  // namespace

std::int64_t CodeParameters::codeZero() const { return type == DataType::UInt8 ? zero - 128 : zero; }

bool CodeParameters::usable() const {
  return scale > 0 && std::isfinite(scale) && std::isfinite(inverseScale(scale));
}

std::optional<CodeParameters> codeParameters(const Graph& graph, const Layer& layer) {
  const bool quantize = layer.op == "Quantize";
  if (!quantize && layer.op != "Dequantize") return std::nullopt;
  const TensorId point = inputOf(layer, 2);
  const HostTensor *scale = constantOf(graph, inputOf(layer, 1)), *zero = constantOf(graph, point);
  if (!scale || scale->size() != 1 || (point != kNoTensor && (!zero || zero->size() != 1)))
    return std::nullopt;
  const TensorId codes = quantize ? layer.outputs[0] : layer.inputs[0];
  return CodeParameters{static_cast<float>(scale->number(0)), zero ? zero->integer(0) : 0,
                        graph.tensor(codes).type};
}

bool isEncode(const Layer& layer) { return isBare(layer) && layer.attrs.has("rate"); }
bool isDecode(const Layer& layer) { return isBare(layer) && !layer.attrs.has("rate"); }

std::vector<Multiples> multiplesOf(const Graph& graph, const std::vector<Int8Role>& roles) {
  std::vector<Multiples> found(graph.tensors().size());
  for (std::size_t i = 0; i < graph.layers().size(); ++i) {
    const Layer& layer = graph.layers()[i];
    if (roles[i] == Int8Role::Decode) {
      const auto zeros = layer.attrs.integers("zeros");
      found[layer.outputs[0]] = {static_cast<float>(layer.attrs.numbers("scales").at(0)),
                                 zeros.empty() ? 0 : zeros[0]};
    } else if (roles[i] == Int8Role::Moving) {
      Multiples common = found[layer.inputs[0]];
      for (const TensorId id : layer.inputs)
        if (id != kNoTensor && !graph.tensor(id).isConstant() && found[id] != common) common = {};
      if (common.zero != 0 && fillsZeros(layer.op)) common = {};
      for (const TensorId id : layer.outputs) found[id] = common;
    }
  }
  return found;
}

std::string whyKept(const Graph& graph, const Layer& layer) {
  const int producer = layer.op == "Dequantize" ? graph.producer(layer.inputs[0]) : -1;
  const Layer& quantize = producer >= 0 ? graph.layers()[producer] : layer;
  if (quantize.op != "Quantize") return "the codes are not made by a QuantizeLinear";
  const auto parameters = codeParameters(graph, quantize);
  if (!parameters) return "its scale and zero point are computed, or differ between channels";
  if (!parameters->usable())
    return "its scale " + std::to_string(parameters->scale) + " is not positive and finite";
  const TensorId codes = quantize.outputs[0];
  bool read = false;
  for (const int reader : graph.consumers(codes)) {
    const Layer& other = graph.layers()[reader];
    if (other.op != "Dequantize" || other.inputs[0] != codes || codeParameters(graph, other) != parameters)
      return "not only a DequantizeLinear of the same scale and zero point reads the codes";
    read = read || !graph.consumers(other.outputs[0]).empty();
  }
  if (graph.isOutput(codes)) return "its codes are an output of the network";
  return read ? "" : "its result is read as an output of the network only";
}

ModelsWeightScales modelsWeightScales(const Graph& graph, const Layer& layer, const Multiples& input,
                                      const Calibration& calibration) {
  if (!(input.scale > 0)) return {{}, whyNoCodes(graph, layer.inputs[0])};
  const GraphTensor& weights = graph.tensor(layer.inputs[1]);
  const WeightAxis axis = weightAxis(layer);
  const auto given = calibration.weightScales.find(layer.name);
  const std::vector<float>* own = given == calibration.weightScales.end() ? nullptr : &given->second;
  if (auto scales = scalesOfCodes(*weights.constant, axis.axis, axis.groups, own))
    return {std::move(*scales), {}};
  const std::string which = "its weights '" + weights.name + "' ";
  auto scales = scalesOfCodes(*weights.constant, axis.axis, axis.groups, own, kWidest);
  if (!scales) return {{}, which + "are not codes times one scale per output channel"};
  const auto most = static_cast<double>(std::max(127 - input.zero, input.zero + 128));
  if (largestSumOfCodes(*weights.constant, axis.axis, axis.groups, *scales) * most > kExactInFloat)
    return {{},
            which + "are codes beyond -127..127 less their zero point, whose sums f32 can not hold exactly"};
  return {std::move(*scales), {}, true};
}

}  // namespace tessera
