// Reading a network's output by where it comes from.
#include "apps/segmenter/output.hpp"

#include <set>

namespace tessera::app {
namespace {

/// Where an output's values come from.
struct Origin {
  enum class Kind { Unknown, ArgMax, Probability, Truth } kind = Kind::Unknown;
  std::int64_t classes = 0;  ///< that the ArgMax chose from
};

// Follows the output back through layers that keep its values.
Origin originOf(const Graph& graph, TensorId tensor) {
  static const std::set<std::string> keeping{"Cast",  "Identity",  "Reshape",   "Transpose", "Resize",
                                             "Slice", "Unsqueeze", "Squeeze",   "Expand",    "Flatten",
                                             "Pad",   "Quantize",  "Dequantize"};
  static const std::set<std::string> truths{
      "Greater", "GreaterOrEqual", "Less",     "LessOrEqual",  "Equal",    "Not", "And",
      "Or",      "GreaterThan",    "LessThan", "GreaterEqual", "LessEqual"};
  while (true) {
    if (graph.tensor(tensor).type == DataType::Bool) return {Origin::Kind::Truth, 0};
    const int index = graph.producer(tensor);
    if (index < 0) return {};
    const Layer& layer = graph.layers()[static_cast<std::size_t>(index)];
    if (layer.op == "ArgReduce") {
      const Shape& from = graph.tensor(layer.inputs.at(0)).shape;
      std::int64_t axis = layer.attrs.integer("axis");
      if (axis < 0) axis += static_cast<std::int64_t>(from.size());
      return {Origin::Kind::ArgMax, from.at(static_cast<std::size_t>(axis))};
    }
    if (layer.op == "Sigmoid" || layer.op == "HardSigmoid") return {Origin::Kind::Probability, 0};
    if (truths.count(layer.op)) return {Origin::Kind::Truth, 0};
    if (!keeping.count(layer.op) || layer.inputs.empty() || layer.inputs[0] == kNoTensor) return {};
    tensor = layer.inputs[0];
  }
}

TensorId outputNamed(const Graph& graph, const std::string& name) {
  if (name.empty()) return graph.outputs().size() == 1 ? graph.outputs()[0] : kNoTensor;
  for (const TensorId output : graph.outputs())
    if (graph.tensor(output).name == name) return output;
  return kNoTensor;
}

bool oneValueAPixel(const Shape& shape) { return shape.size() < 4 || shape[1] == 1 || shape.back() == 1; }

}  // namespace

void completeOutput(SegmentationOptions& wanted, const Graph& graph, const Sidecar& sidecar,
                    const std::optional<LabelSet>& labels) {
  if (labels) {
    wanted.fewestClasses = static_cast<int>(labels->scored());
    wanted.mostClasses = static_cast<int>(labels->classes.size());
  }
  if (sidecar.classes > 0) {
    if (labels) labels->checkClasses(sidecar.classes);
    wanted.fewestClasses = wanted.mostClasses = sidecar.classes;
  }
  const TensorId output = outputNamed(graph, wanted.output);
  if (output == kNoTensor) return;  // refused by name later
  const GraphTensor& tensor = graph.tensor(output);
  if (!oneValueAPixel(tensor.shape)) return;
  const Origin origin = originOf(graph, output);
  const bool isFloat = tensor.type == DataType::Float32;
  if (wanted.layout == OutputLayout::Auto && isFloat) {
    const bool chosen = origin.kind == Origin::Kind::ArgMax;
    const bool scored = origin.kind == Origin::Kind::Probability || origin.kind == Origin::Kind::Truth;
    if (chosen)
      wanted.layout = OutputLayout::Classes;
    else if (wanted.threshold || scored)
      wanted.layout = OutputLayout::Mask;
    else if (wanted.mostClasses > 2)
      wanted.layout = OutputLayout::Classes;
  }
  const bool classes =
      wanted.layout == OutputLayout::Classes || (wanted.layout == OutputLayout::Auto && !isFloat);
  if (!classes || origin.kind != Origin::Kind::ArgMax || origin.classes < 1 || origin.classes > 65536) return;
  if (labels) labels->checkClasses(static_cast<int>(origin.classes));
  if (wanted.mostClasses == 0) wanted.fewestClasses = wanted.mostClasses = static_cast<int>(origin.classes);
}

}  // namespace tessera::app
