// Layers that compute on floats, or move values, as operators of ONNX: one function and one row each.
#include "exporters/onnx/float_layers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "ops/pointwise.hpp"

namespace tessera::onnx {
namespace {

using Values = std::vector<std::int64_t>;
using Write = void (*)(ModelWriter&, const WrittenLayer&);

void plain(ModelWriter& m, const WrittenLayer& w, const std::string& type, Attributes attrs = {}) {
  m.node(type, w.layer.name, w.inputs, w.outputs[0], attrs);
}

std::string outputName(const WrittenLayer& w, const char* part) { return w.outputs[0] + "/" + part; }

void identity(ModelWriter& m, const WrittenLayer& w) { plain(m, w, "Identity"); }
void matMul(ModelWriter& m, const WrittenLayer& w) { plain(m, w, "MatMul"); }

void chain(ModelWriter& m, const WrittenLayer& w) {
  writeChain(m, PointwiseChain::parse(w.layer.attrs.string("expression")), w.inputs, w.layer.name,
             w.outputs[0]);
}

void pool(ModelWriter& m, const WrittenLayer& w) {
  const Attributes& a = w.layer.attrs;
  const std::string mode = a.string("mode");
  const Values kernel = a.integers("kernel");
  if (w.layer.outputs.size() > 1 && a.integer("indices") != 1) w.refuse("its indices count column by column");
  Attributes attrs = windowAttributes(w.layer, kernel.size());
  attrs.erase("group");
  attrs.set("kernel_shape", kernel);
  const bool dilated = a.integers("dilations", Values(kernel.size(), 1)) != Values(kernel.size(), 1);
  if (mode != "max") attrs.erase("dilations");
  if (mode != "max" && dilated) w.refuse("its window is dilated");
  if (mode == "lp") {
    if (a.integer("ceil_mode")) w.refuse("it rounds up (ceil_mode)");
    attrs.set("p", a.integer("p", 2));
    return plain(m, w, "LpPool", attrs);
  }
  if (a.integer("ceil_mode")) attrs.set("ceil_mode", std::int64_t{1});
  if (mode == "average" && a.integer("count_include_pad")) attrs.set("count_include_pad", std::int64_t{1});
  m.nodes(mode == "max" ? "MaxPool" : "AveragePool", w.layer.name, w.inputs, w.outputs, attrs);
}

void globalPool(ModelWriter& m, const WrittenLayer& w) {
  const std::string mode = w.layer.attrs.string("mode");
  if (mode == "lp") return plain(m, w, "GlobalLpPool", {{"p", w.layer.attrs.integer("p", 2)}});
  plain(m, w, mode == "max" ? "GlobalMaxPool" : "GlobalAveragePool");
}

void batchNorm(ModelWriter& m, const WrittenLayer& w) {
  plain(m, w, "BatchNormalization", {{"epsilon", w.layer.attrs.number("epsilon", 1e-5)}});
}

void instanceNorm(ModelWriter& m, const WrittenLayer& w) {
  plain(m, w, "InstanceNormalization", {{"epsilon", w.layer.attrs.number("epsilon", 1e-5)}});
}

void layerNorm(ModelWriter& m, const WrittenLayer& w) {
  plain(m, w, "LayerNormalization",
        {{"axis", w.layer.attrs.integer("axis", -1)}, {"epsilon", w.layer.attrs.number("epsilon", 1e-5)}});
}

/// A constant whose extents match those of x from an axis on, as one that broadcasts.
std::string broadcastable(ModelWriter& m, const WrittenLayer& w, std::size_t input, std::size_t axis) {
  const HostTensor* value = w.graph.tensor(w.layer.inputs[input]).constant.get();
  if (!value) w.refuse("its scale or bias is computed");
  HostTensor wide = *value;
  wide.shape.resize(w.shape(0).size() - axis, 1);
  return m.constant(w.graph.tensor(w.layer.inputs[input]).name, wide);
}

void scale(ModelWriter& m, const WrittenLayer& w) {
  const auto axis = static_cast<std::size_t>(w.layer.attrs.integer("axis", 1));
  const bool biased = !w.input(2).empty();
  const std::string product = biased ? m.unique(outputName(w, "Mul")) : w.outputs[0];
  m.node("Mul", w.layer.name, {w.inputs[0], broadcastable(m, w, 1, axis)}, product);
  if (biased) m.node("Add", w.layer.name + "/Add", {product, broadcastable(m, w, 2, axis)}, w.outputs[0]);
}

void softmaxLayer(ModelWriter& m, const WrittenLayer& w) {
  plain(m, w, w.layer.attrs.integer("log") ? "LogSoftmax" : "Softmax",
        {{"axis", w.layer.attrs.integer("axis")}});
}

void reduce(ModelWriter& m, const WrittenLayer& w) {
  static const std::map<std::string, const char*> kTypes = {
      {"mean", "ReduceMean"},      {"max", "ReduceMax"},
      {"min", "ReduceMin"},        {"prod", "ReduceProd"},
      {"l1", "ReduceL1"},          {"l2", "ReduceL2"},
      {"log_sum", "ReduceLogSum"}, {"log_sum_exp", "ReduceLogSumExp"},
      {"sum", "ReduceSum"},        {"sum_square", "ReduceSumSquare"}};
  const std::string mode = w.layer.attrs.string("mode", "sum");
  const Values axes = w.layer.attrs.integers("axes");
  Attributes attrs{{"keepdims", w.layer.attrs.integer("keepdims", 1)}};
  std::vector<std::string> inputs{w.inputs[0]};
  if (mode == "sum" && !axes.empty()) inputs.push_back(m.integers(outputName(w, "axes"), axes));
  if (mode != "sum" && !axes.empty()) attrs.set("axes", axes);
  m.node(kTypes.at(mode), w.layer.name, inputs, w.outputs[0], attrs);
}

void argReduce(ModelWriter& m, const WrittenLayer& w) {
  const Attributes& a = w.layer.attrs;
  plain(m, w, a.string("mode") == "min" ? "ArgMin" : "ArgMax",
        {{"axis", a.integer("axis")},
         {"keepdims", a.integer("keepdims", 1)},
         {"select_last_index", a.integer("select_last")}});
}

/// The result of a first extent that stays the same is written as 0, "as in the input": the batch stays open.
void reshape(ModelWriter& m, const WrittenLayer& w) {
  Shape shape = w.outputShape();
  const bool empty = std::ranges::find(shape, 0) != shape.end();
  if (!empty && !shape.empty() && !w.shape(0).empty() && shape[0] == w.shape(0)[0]) shape[0] = 0;
  Attributes attrs;
  if (empty) attrs.set("allowzero", std::int64_t{1});
  m.node("Reshape", w.layer.name, {w.inputs[0], m.integers(outputName(w, "shape"), shape)}, w.outputs[0],
         attrs);
}

void transpose(ModelWriter& m, const WrittenLayer& w) {
  plain(m, w, "Transpose", {{"perm", w.layer.attrs.integers("perm")}});
}

void concat(ModelWriter& m, const WrittenLayer& w) {
  plain(m, w, "Concat", {{"axis", w.layer.attrs.integer("axis")}});
}

void slice(ModelWriter& m, const WrittenLayer& w) {
  const Values starts = w.layer.attrs.integers("starts"), sizes = w.layer.attrs.integers("sizes");
  const Values steps = w.layer.attrs.integers("steps", Values(starts.size(), 1));
  Values from, ends, axes, strides;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    if (starts[i] == 0 && steps[i] == 1 && sizes[i] == w.shape(0)[i]) continue;  // whole: it stays open
    const std::int64_t end = starts[i] + sizes[i] * steps[i];
    from.push_back(starts[i]), strides.push_back(steps[i]);
    ends.push_back(end < 0 ? std::numeric_limits<std::int64_t>::min() : end);  // -1 would be the last element
    axes.push_back(static_cast<std::int64_t>(i));
  }
  if (axes.empty()) return identity(m, w);
  m.node("Slice", w.layer.name,
         {w.inputs[0], m.integers(outputName(w, "starts"), from), m.integers(outputName(w, "ends"), ends),
          m.integers(outputName(w, "axes"), axes), m.integers(outputName(w, "steps"), strides)},
         w.outputs[0]);
}

void pad(ModelWriter& m, const WrittenLayer& w) {
  const std::string mode = w.layer.attrs.string("mode", "constant");
  if (mode == "wrap") w.refuse("it pads by wrapping around");
  std::vector<std::string> inputs{w.inputs[0],
                                  m.integers(outputName(w, "pads"), w.layer.attrs.integers("pads"))};
  const DataType type = w.graph.tensor(w.layer.inputs[0]).type;
  if (mode == "constant" && type == DataType::Float32)
    inputs.push_back(m.scalar(outputName(w, "value"), static_cast<float>(w.layer.attrs.number("value"))));
  m.node("Pad", w.layer.name, inputs, w.outputs[0], {{"mode", mode}});
}

void expand(ModelWriter& m, const WrittenLayer& w) {
  m.node("Expand", w.layer.name, {w.inputs[0], m.integers(outputName(w, "shape"), w.outputShape())},
         w.outputs[0]);
}

void tile(ModelWriter& m, const WrittenLayer& w) {
  m.node("Tile", w.layer.name,
         {w.inputs[0], m.integers(outputName(w, "repeats"), w.layer.attrs.integers("repeats"))},
         w.outputs[0]);
}

void gather(ModelWriter& m, const WrittenLayer& w) {
  plain(m, w, w.layer.op, {{"axis", w.layer.attrs.integer("axis")}});
}

void depthToSpace(ModelWriter& m, const WrittenLayer& w) {
  plain(m, w, "DepthToSpace",
        {{"blocksize", w.layer.attrs.integer("block")}, {"mode", w.layer.attrs.string("mode", "DCR")}});
}

void spaceToDepth(ModelWriter& m, const WrittenLayer& w) {
  plain(m, w, "SpaceToDepth", {{"blocksize", w.layer.attrs.integer("block")}});
}

/// Channels seen as groups x members, swapped, and flattened again.
void channelShuffle(ModelWriter& m, const WrittenLayer& w) {
  const std::int64_t group = w.layer.attrs.integer("group");
  Values wide = w.shape(0), perm;
  wide[1] /= group;
  wide.insert(wide.begin() + 1, group);
  for (std::size_t i = 0; i < wide.size(); ++i) perm.push_back(static_cast<std::int64_t>(i));
  std::swap(perm[1], perm[2]);
  const std::string split =
      m.node("Reshape", w.layer.name + "/split", {w.inputs[0], m.integers(outputName(w, "groups"), wide)},
             m.unique(outputName(w, "split")));
  const std::string swapped =
      m.node("Transpose", w.layer.name, {split}, m.unique(outputName(w, "swapped")), {{"perm", perm}});
  m.node("Reshape", w.layer.name + "/join", {swapped, m.integers(outputName(w, "shape"), w.outputShape())},
         w.outputs[0]);
}

void topK(ModelWriter& m, const WrittenLayer& w) {
  const Attributes& a = w.layer.attrs;
  m.nodes("TopK", w.layer.name, {w.inputs[0], m.integers(outputName(w, "k"), {a.integer("k")})}, w.outputs,
          {{"axis", a.integer("axis")}, {"largest", a.integer("largest", 1)}});
}

void resize(ModelWriter& m, const WrittenLayer& w) {
  const Attributes& a = w.layer.attrs;
  const std::string coordinate = a.string("coordinate", "half_pixel");
  if (coordinate != "half_pixel" && coordinate != "pytorch_half_pixel" && coordinate != "asymmetric" &&
      coordinate != "align_corners")
    w.refuse("operator set 17 does not know its coordinates '" + coordinate + "'");
  if (a.integer("antialias")) w.refuse("operator set 17 does not antialias");
  const Shape &from = w.shape(0), &to = w.outputShape();
  const auto scales = a.numbers("scales");
  bool bySize = true, byScale = scales.size() == from.size(), exact = true;
  std::vector<float> given, ratios;
  for (std::size_t i = 0; i < scales.size() && i < from.size(); ++i) {
    given.push_back(static_cast<float>(scales[i]));
    const double whole = static_cast<double>(to[i]) / static_cast<double>(from[i]);
    bySize = bySize && std::abs(scales[i] - whole) <= 1e-6 * whole;
    byScale =
        byScale && static_cast<std::int64_t>(std::floor(static_cast<float>(from[i]) * given.back())) == to[i];
  }
  if (!bySize && !byScale) w.refuse("its scales and sizes do not fit each other");
  for (std::size_t i = 0; i < from.size(); ++i) {
    ratios.push_back(static_cast<float>(to[i]) / static_cast<float>(from[i]));
    exact = exact &&
            static_cast<double>(ratios.back()) * static_cast<double>(from[i]) == static_cast<double>(to[i]);
  }
  if (bySize && exact) bySize = false, given = ratios;  // the batch stays open
  Attributes attrs{{"coordinate_transformation_mode", coordinate}, {"mode", a.string("mode", "nearest")}};
  if (a.string("mode") == "nearest") attrs.set("nearest_mode", a.string("nearest", "round_prefer_floor"));
  if (a.string("mode") == "cubic") {
    attrs.set("cubic_coeff_a", a.number("cubic_a", -0.75));
    attrs.set("exclude_outside", a.integer("exclude_outside"));
  }
  std::vector<std::string> inputs{w.inputs[0], ""};
  if (bySize) {
    inputs.emplace_back("");
    inputs.push_back(m.integers(outputName(w, "sizes"), to));
  } else {
    inputs.push_back(m.constant(outputName(w, "scales"),
                                HostTensor::of<float>({static_cast<std::int64_t>(given.size())}, given)));
  }
  m.node("Resize", w.layer.name, inputs, w.outputs[0], attrs);
}

void cast(ModelWriter& m, const WrittenLayer& w) {
  static const std::map<std::string, std::int64_t> kTypes = {{"f32", 1}, {"u8", 2},   {"i8", 3},  {"i32", 6},
                                                             {"i64", 7}, {"bool", 9}, {"f16", 10}};
  plain(m, w, "Cast", {{"to", kTypes.at(w.layer.attrs.string("to"))}});
}

void sameName(ModelWriter& m, const WrittenLayer& w) { plain(m, w, w.layer.op); }

const std::map<std::string, Write>& rows() {
  static const std::map<std::string, Write> all = {
      {"Identity", identity},
      {"Dropout", identity},
      {"MatMul", matMul},
      {"Pointwise", chain},
      {"Pool", pool},
      {"GlobalPool", globalPool},
      {"BatchNorm", batchNorm},
      {"InstanceNorm", instanceNorm},
      {"LayerNorm", layerNorm},
      {"Scale", scale},
      {"Softmax", softmaxLayer},
      {"Reduce", reduce},
      {"ArgReduce", argReduce},
      {"Reshape", reshape},
      {"Transpose", transpose},
      {"Concat", concat},
      {"Slice", slice},
      {"Pad", pad},
      {"Expand", expand},
      {"Tile", tile},
      {"Gather", gather},
      {"GatherElements", gather},
      {"DepthToSpace", depthToSpace},
      {"SpaceToDepth", spaceToDepth},
      {"ChannelShuffle", channelShuffle},
      {"TopK", topK},
      {"Resize", resize},
      {"Cast", cast},
      {"Equal", sameName},
      {"Less", sameName},
      {"LessOrEqual", sameName},
      {"Greater", sameName},
      {"GreaterOrEqual", sameName},
      {"And", sameName},
      {"Or", sameName},
      {"Xor", sameName},
      {"Not", sameName},
      {"Where", sameName},
  };
  return all;
}

}  // namespace

void WrittenLayer::refuse(const std::string& reason) const { throw Error(ErrorCode::Unsupported, reason); }

Attributes windowAttributes(const Layer& layer, std::size_t extents) {
  const Attributes& a = layer.attrs;
  return {{"strides", a.integers("strides", Values(extents, 1))},
          {"dilations", a.integers("dilations", Values(extents, 1))},
          {"pads", a.integers("pads", Values(2 * extents, 0))},
          {"group", a.integer("group", 1)}};
}

void writeFloatLayer(ModelWriter& model, const WrittenLayer& w) {
  if (const auto row = rows().find(w.layer.op); row != rows().end()) return row->second(model, w);
  const PointwiseOp* pointwise = findPointwise(w.layer.op);
  if (!pointwise) w.refuse("the writer has no form for the operator " + w.layer.op);
  const PointwiseConstants constants = pointwiseConstants(*pointwise, w.layer.attrs);
  writePointwise(model, w.layer.op, w.inputs, static_cast<double>(constants.alpha),
                 static_cast<double>(constants.beta), w.layer.name, w.outputs[0]);
}

}  // namespace tessera::onnx
