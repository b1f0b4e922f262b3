// A network as an ONNX model, an INT8 one with QuantizeLinear and DequantizeLinear: every tensor of codes
// appears as the floats it stands for: layers that make codes are followed by a pair of the two, and layers
// that read codes read what the pair gives. Layers that only move codes move those floats.
#include "tessera/exporter.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "exporters/onnx/code_scales.hpp"
#include "exporters/onnx/float_layers.hpp"
#include "lower/least_value.hpp"
#include "lower/precision.hpp"
#include "ops/operator.hpp"
#include "ops/quantised.hpp"

namespace tessera {
namespace onnx {
namespace {

constexpr double kUnbounded = -std::numeric_limits<double>::infinity();

/// A scale of weights that, multiplied with the input's as the INT8 definition says, gives the multiplier
/// again; the nearest where there is none.
float weightScale(float multiplier, float inputScale) {
  const auto nearest = static_cast<float>(static_cast<double>(multiplier) / static_cast<double>(inputScale));
  float below = nearest, above = nearest;
  for (int i = 0; i < 4; ++i) {
    if (combinedScale(inputScale, below) == multiplier) return below;
    if (combinedScale(inputScale, above) == multiplier) return above;
    below = std::nextafter(below, 0.0f);
    above = std::nextafter(above, std::numeric_limits<float>::infinity());
  }
  return nearest;
}

class OnnxExport {
 public:
  explicit OnnxExport(const Graph& graph)
      : graph_(graph), model_(graph.name), scales_(codeScales(graph)), values_(graph.tensors().size()) {}

  void run() {
    for (const TensorId id : graph_.outputs())  // no other value may have their names
      if (outputs_.insert(id).second) model_.unique(graph_.tensor(id).name);
    for (const TensorId id : graph_.inputs()) {
      values_[at(id)] = nameFor(id);
      model_.addInput(graph_.tensor(id));
    }
    std::string refused;
    int count = 0;
    for (const Layer& layer : graph_.layers()) {
      try {
        write(layer);
      } catch (const Error& e) {
        if (e.code() != ErrorCode::Unsupported) throw;
        ++count;
        refused += "\n  " + layer.op + " '" + layer.name + "': " + e.what();
        for (const TensorId id : layer.outputs) values_[at(id)] = "?";
      }
    }
    if (count != 0)
      throw Error(ErrorCode::Unsupported, "network '" + graph_.name + "': " + std::to_string(count) +
                                              (count == 1 ? " layer" : " layers") +
                                              " can not be written as ONNX:" + refused);
    for (const TensorId id : graph_.outputs()) {
      const std::string& name = graph_.tensor(id).name;
      if (values_[at(id)] != name) model_.node("Identity", name + "/output", {values_[at(id)]}, name);
      model_.addOutput(name, graph_.tensor(id));
    }
  }
  void save(const std::filesystem::path& file) const { model_.save(file); }

 private:
  static std::size_t at(TensorId id) { return static_cast<std::size_t>(id); }
  const CodeScale& scaleOf(TensorId id) const { return scales_[at(id)]; }
  bool isCode(TensorId id) const { return scaleOf(id).scale > 0; }
  std::string nameFor(TensorId id) {
    const std::string& name = graph_.tensor(id).name;
    return outputs_.count(id) ? name : model_.unique(name);
  }

  /// The tensor as floats of the model.
  std::string value(TensorId id) {
    if (id == kNoTensor) return {};
    std::string& name = values_[at(id)];
    if (name.empty()) name = model_.constant(graph_.tensor(id).name, *graph_.tensor(id).constant);
    return name;
  }

  void write(const Layer& layer) {
    if (layer.op == "QConvolution" || layer.op == "QDeconvolution" || layer.op == "QFullyConnected" ||
        traitsOf(layer.op).weights)
      return writeWeighted(layer);
    if (layer.op == "QPointwise") return writePointwiseLayer(layer);
    if (layer.op == "QAveragePool") return writeAverage(layer);
    for (const TensorId id : layer.inputs)
      if (id != kNoTensor && graph_.tensor(id).type == DataType::Int8 && !isCode(id))
        throw Error(ErrorCode::Unsupported, "it reads codes that the model itself holds");
    WrittenLayer written{graph_, layer, {}, {}};
    for (const TensorId id : layer.inputs) written.inputs.push_back(value(id));
    for (const TensorId id : layer.outputs) written.outputs.push_back(nameFor(id));
    writeFloatLayer(model_, written);
    for (std::size_t i = 0; i < layer.outputs.size(); ++i) values_[at(layer.outputs[i])] = written.outputs[i];
  }

  /// What code 127 stands for, before the tensor's scale becomes that of the model.
  double largestOf(TensorId id) const { return static_cast<double>(127 * scaleOf(id).made); }

  /// A name for floats that become codes of `id`, or for the tensor itself where it holds floats.
  std::string before(TensorId id) {
    return isCode(id) ? model_.unique(graph_.tensor(id).name + "_QuantizeLinear_Input") : nameFor(id);
  }

  /// Codes of what `x` holds, and the floats they stand for, under the tensor's name. `least`: that x can be.
  void encode(const Layer& layer, TensorId id, std::string x, double least) {
    const CodeScale& to = scaleOf(id);
    const std::string name = nameFor(id);
    if (to.scale != to.made) {
      const double factor = static_cast<double>(to.scale) / static_cast<double>(to.made);
      x = model_.node("Mul", layer.name + "/one scale",
                      {x, model_.scalar(name + "_factor", static_cast<float>(factor))},
                      model_.unique(name + "_scaled"));
      least *= factor;
    }
    // Tessera's own codes end at -127, the format's at -128.
    if (!hasZeroPoints(layer.attrs) && least < -127.5 * static_cast<double>(to.scale))
      x = model_.node("Clip", layer.name + "/-127", {x, model_.scalar(name + "_least", -127 * to.scale)},
                      model_.unique(name + "_clipped"));
    // Around a zero point codes use the whole range, which programs compute with most exactly as u8.
    const bool whole = hasZeroPoints(layer.attrs);
    HostTensor zero(to.isUnsigned || whole ? DataType::UInt8 : DataType::Int8, {});
    zero.setNumber(0, static_cast<double>(to.zero + (whole ? 128 : 0)));
    const std::string scale = model_.scalar(name + "_scale", to.scale),
                      point = model_.constant(name + "_zero_point", zero);
    const std::string codes = model_.node("QuantizeLinear", name + "_QuantizeLinear", {x, scale, point},
                                          model_.unique(name + "_QuantizeLinear_Output"));
    model_.node("DequantizeLinear", name + "_DequantizeLinear", {codes, scale, point}, name);
    values_[at(id)] = name;
  }

  /// Codes enter a layer as code * `scale`: the floats they stand for, times a factor where the model's scale
  /// is another.
  std::string decoded(const Layer& layer, TensorId id, double scale) {
    const double factor = scale / static_cast<double>(scaleOf(id).scale);
    if (static_cast<float>(factor) == 1) return value(id);
    const std::string name = graph_.tensor(id).name;
    return model_.node("Mul", layer.name + "/scale",
                       {value(id), model_.scalar(name + "_factor", static_cast<float>(factor))},
                       model_.unique(name + "_scaled"));
  }

  // Convolutions and their like, on codes or floats.
  void writeWeighted(const Layer& layer) {
    const OperatorTraits traits = traitsOf(layer.op);
    const bool onCodes = graph_.tensor(layer.inputs[0]).type == DataType::Int8;
    const bool window = traits.window;
    const bool transposed = layer.op == "QDeconvolution" || layer.op == "Deconvolution";
    const TensorId out = layer.outputs[0];
    const auto input = [&](std::size_t i) { return i < layer.inputs.size() ? layer.inputs[i] : kNoTensor; };
    std::string x = value(layer.inputs[0]);
    const Shape& shape = graph_.tensor(layer.inputs[0]).shape;
    if (!window && shape.size() != 2)
      x = model_.node("Flatten", layer.name + "/rows", {x}, model_.unique(x + "_rows"),
                      {{"axis", std::int64_t{1}}});
    std::vector<std::string> inputs{x, onCodes ? codedWeights(layer, transposed) : value(layer.inputs[1])};
    if (input(2) != kNoTensor) inputs.push_back(value(input(2)));
    Attributes attrs = window ? windowAttributes(layer, graph_.tensor(layer.inputs[1]).shape.size() - 2)
                              : Attributes{{"transB", std::int64_t{1}}};
    if (transposed && layer.attrs.has("output_padding"))
      attrs.set("output_padding", layer.attrs.integers("output_padding"));
    const std::string activation = layer.attrs.string("activation");
    const TensorId residual = input(3);
    std::string y =
        residual == kNoTensor && activation.empty() ? before(out) : model_.unique(layer.name + "/sum");
    model_.node(!window ? "Gemm" : transposed ? "ConvTranspose" : "Conv", layer.name, inputs, y, attrs);
    if (residual != kNoTensor) {
      const std::string r =
          isCode(residual) ? decoded(layer, residual, layer.attrs.number("residual_scale")) : value(residual);
      y = model_.node("Add", layer.name + "/residual", {y, r},
                      activation.empty() ? before(out) : model_.unique(layer.name + "/residual"));
    }
    double least = kUnbounded;
    if (!activation.empty()) {
      const PointwiseConstants constants = pointwiseConstants(*findPointwise(activation), layer.attrs);
      std::vector<std::string> operands{y};
      if (activation == "PRelu") operands.push_back(slope(layer, input(4)));
      if (scaleOf(out).isUnsigned)  // codes of u8 would reach 255
        y = writePointwise(model_, "Clip", operands, 0, largestOf(out), layer.name + "/" + activation,
                           before(out));
      else
        y = writePointwise(model_, activation, operands, static_cast<double>(constants.alpha),
                           static_cast<double>(constants.beta), layer.name + "/" + activation, before(out));
      least = leastOf(activation, static_cast<double>(constants.alpha), static_cast<double>(constants.beta));
      // A Clip behind a function without a least value would keep layers from being fused; it saturates there
      // at -128 instead.
      if (least == kUnbounded) least = 0;
    }
    if (isCode(out))
      encode(layer, out, y, least);
    else
      values_[at(out)] = y;
  }

  std::string slope(const Layer& layer, TensorId id) {
    HostTensor values = *graph_.tensor(id).constant;
    const std::size_t rank = graph_.tensor(layer.outputs[0]).shape.size();
    values.shape = {values.size()};
    if (values.size() != 1) values.shape.resize(std::max<std::size_t>(rank, 2) - 1, 1);
    return model_.constant(graph_.tensor(id).name, values);
  }

  /// Weights as codes and their DequantizeLinear.
  std::string codedWeights(const Layer& layer, bool transposed) {
    const GraphTensor& tensor = graph_.tensor(layer.inputs[1]);
    const HostTensor& codes = *tensor.constant;
    const auto multipliers = graph_.tensor(layer.inputs[kMultiplierInput]).constant->as<float>();
    const float inputScale = scaleOf(layer.inputs[0]).scale;
    std::vector<float> scales;
    for (const float m : multipliers) scales.push_back(weightScale(m, inputScale));
    const auto channels = static_cast<std::int64_t>(scales.size());
    if (transposed && layer.attrs.integer("group", 1) != 1) return groupedWeights(layer, codes, scales);
    const std::string name = model_.unique(tensor.name);
    HostTensor zeros(DataType::Int8, {channels});
    return model_.node("DequantizeLinear", name + "_DequantizeLinear",
                       {model_.constant(name + "_quantized", codes),
                        model_.constant(name + "_scale", HostTensor::of<float>({channels}, scales)),
                        model_.constant(name + "_zero_point", zeros)},
                       name, {{"axis", std::int64_t{transposed ? 1 : 0}}});
  }

  /// Output channels of a grouped transposed convolution lie along no one axis: floats that are multiples of
  /// the scales.
  std::string groupedWeights(const Layer& layer, const HostTensor& codes, const std::vector<float>& scales) {
    const std::int64_t group = layer.attrs.integer("group", 1), perGroup = codes.shape[1],
                       taps = codes.size() / (codes.shape[0] * perGroup);
    HostTensor weights(DataType::Float32, codes.shape);
    for (std::int64_t i = 0; i < codes.size(); ++i) {
      const std::int64_t row = i / taps / perGroup, column = i / taps % perGroup;
      const std::int64_t channel = row / (codes.shape[0] / group) * perGroup + column;
      weights.as<float>()[at(static_cast<TensorId>(i))] =
          static_cast<float>(codes.integer(i)) * scales[static_cast<std::size_t>(channel)];
    }
    return model_.constant(graph_.tensor(layer.inputs[1]).name, weights);
  }

  void writeAverage(const Layer& layer) {
    const TensorId out = layer.outputs[0];
    Layer plain = layer;
    plain.op = layer.attrs.integer("global") ? "GlobalPool" : "Pool";
    plain.attrs.set("mode", std::string("average"));
    const std::string y = before(out);
    writeFloatLayer(model_,
                    {graph_, plain, {decoded(layer, layer.inputs[0], layer.attrs.number("scale"))}, {y}});
    if (isCode(out))
      encode(layer, out, y, kUnbounded);
    else
      values_[at(out)] = y;
  }

  void writePointwiseLayer(const Layer& layer) {
    const std::string expression = layer.attrs.string("expression");
    PointwiseChain chain;
    if (!expression.empty()) chain = PointwiseChain::parse(expression);
    std::vector<std::string> inputs = chainInputs(layer, chain);
    const bool both = layer.attrs.integer("both") != 0;
    const TensorId out = layer.outputs[0], codes = layer.outputs.back();
    std::string y;
    double least = kUnbounded;
    if (chain.steps.empty()) {
      y = inputs[0];
      if (both || !isCode(codes)) {  // a tensor of its own name
        values_[at(out)] = y;
      }
    } else {
      if (scaleOf(codes).isUnsigned) {
        ChainStep step("Clip", chain.steps.back().operands);
        step.alpha = 0, step.beta = static_cast<float>(largestOf(codes));
        chain.steps.back() = std::move(step);
      }
      y = writeChain(model_, chain, inputs, layer.name, both ? nameFor(out) : before(out));
      const ChainStep& last = chain.steps.back();
      least = leastOf(last.op, static_cast<double>(last.alpha), static_cast<double>(last.beta));
      if (both || !isCode(codes)) values_[at(out)] = y;
    }
    if (isCode(codes)) encode(layer, codes, y, least);
  }

  /// What the chain reads. Codes that it multiplies with a constant first take their factor into that.
  std::vector<std::string> chainInputs(const Layer& layer, PointwiseChain& chain) {
    const auto scales = layer.attrs.numbers("scales");
    std::vector<std::string> inputs(layer.inputs.size());
    std::vector<bool> written(layer.inputs.size(), false);
    for (std::size_t i = 0; i < layer.inputs.size(); ++i) {
      const TensorId id = layer.inputs[i];
      if (!isCode(id)) continue;
      const double factor = scales.at(i) / static_cast<double>(scaleOf(id).scale);
      const int constant =
          static_cast<float>(factor) == 1 ? -1 : onlyFactor(layer, chain, static_cast<int>(i));
      if (constant < 0) {
        inputs[i] = decoded(layer, id, scales[i]);
        continue;
      }
      const auto c = static_cast<std::size_t>(constant);
      HostTensor product = *graph_.tensor(layer.inputs[c]).constant;
      for (float& v : product.as<float>()) v = static_cast<float>(static_cast<double>(v) * factor);
      inputs[i] = value(id);
      inputs[c] = model_.constant(graph_.tensor(layer.inputs[c]).name, product);
      written[c] = true;
    }
    for (std::size_t i = 0; i < layer.inputs.size(); ++i)
      if (inputs[i].empty() && !written[i]) inputs[i] = value(layer.inputs[i]);
    return inputs;
  }

  /// The constant input that the chain multiplies input `i` with, where that is all it does with either; -1
  /// where there is none.
  int onlyFactor(const Layer& layer, const PointwiseChain& chain, int i) const {
    int found = -1;
    std::vector<int> uses(layer.inputs.size(), 0);
    for (const ChainStep& step : chain.steps) {
      for (const ChainOperand& operand : step.operands)
        if (operand.kind == ChainOperand::Kind::Input) ++uses[at(operand.index)];
      if (step.op != "Mul") continue;
      for (const std::size_t slot : {0u, 1u})
        if (step.operands[slot] == ChainOperand::input(i) &&
            step.operands[1 - slot].kind == ChainOperand::Kind::Input)
          found = step.operands[1 - slot].index;
    }
    if (found < 0 || found == i || uses[at(i)] != 1 || uses[at(found)] != 1) return -1;
    const GraphTensor& constant = graph_.tensor(layer.inputs[at(found)]);
    return constant.isConstant() && constant.type == DataType::Float32 ? found : -1;
  }

  const Graph& graph_;
  ModelWriter model_;
  std::vector<CodeScale> scales_;
  std::vector<std::string> values_;  ///< per tensor: its name in the model; "": not written yet
  std::set<TensorId> outputs_;       ///< of the network
};

void writeModel(const Graph& graph, const std::filesystem::path& file) {
  OnnxExport writer(graph);
  writer.run();
  writer.save(file);
}

}  // namespace
}  // namespace onnx

void exportOnnx(const Graph& graph, const std::filesystem::path& file) { onnx::writeModel(graph, file); }

void exportQdq(const Graph& imported, const Calibration& calibration, const std::filesystem::path& file,
               const PrecisionOptions& options, const PassOptions& passes) {
  requireGraph(calibration, imported);
  Graph optimized = imported;
  optimize(optimized, passes);
  onnx::writeModel(assignInt8(optimized, calibration, options), file);
}

}  // namespace tessera
