// Operators whose operands lie otherwise in TensorFlow Lite than in TensorFlow, and codes.
#include "importers/tensorflow/conv.hpp"
#include "importers/tensorflow/matmul.hpp"
#include "importers/tensorflow/quantize.hpp"

namespace tessera::tensorflow {
namespace {

TensorId bias(Node& node, std::size_t i) { return node.has(i) ? node.in(i) : kNoTensor; }

void wantImage(Node& node, std::size_t image, std::size_t weights) {
  if (node.rank(image) != 4 || node.rank(weights) != 4) node.bad("image and weights have to have four axes");
}

/// Weights K, kernel, C.
void conv(Node& node) {
  wantImage(node, 0, 1);
  const TensorId weights = turned(node, node.in(1), {0, 3, 1, 2});
  node.set(0, convolution(node, node.image(0), weights, bias(node, 2)), channelsSecond(4));
}

/// Weights 1, kernel, C * multiplier.
void depthwise(Node& node) {
  wantImage(node, 0, 1);
  if (node.shape(1)[0] != 1)
    node.bad("its weights " + toString(node.shape(1)) + " begin with another extent than 1");
  const TensorId weights = turned(node, node.in(1), {3, 0, 1, 2});
  node.set(0, convolution(node, node.image(0), weights, bias(node, 2)), channelsSecond(4));
}

/// Inputs: the result's shape, weights K, kernel, C, image, bias.
void transposeConv(Node& node) {
  wantImage(node, 2, 1);
  const Shape result = node.constantInts(0, "the shape of its result");
  if (result.size() != 4 || result[0] != node.shape(2)[0])
    node.bad("the shape of its result contradicts its image");
  const TensorId weights = turned(node, node.in(1), {3, 0, 1, 2});
  const Order order = channelsSecond(4);
  if (node.shapeOf(weights)[0] != node.shape(2)[3] || node.shapeOf(weights)[1] != result[3])
    node.bad("image, weights and the shape of its result contradict each other");
  node.set(0, deconvolution(node, node.image(2), weights, bias(node, 3), stored(order, result)), order);
}

void fullyConnectedNode(Node& node) {
  const Shape x = node.shape(0);
  const TensorId y = tensorflow::fullyConnected(node, node.held(0), node.in(1), bias(node, 2));
  if (node.attributes().integer("keep_num_dims") == 0 || x.size() == 2) return node.set(0, y);
  Shape kept = x;
  kept.back() = node.shapeOf(y)[1];
  node.set(0, node.reshaped({y}, kept, "kept"));
}

Coding codingOf(const Node& node) {
  const auto scales = node.attributes().numbers("scales");
  Coding coding{{scales.begin(), scales.end()},
                node.attributes().integers("zeros"),
                node.attributes().integer("axis"),
                parseDataType(node.attributes().string("to"))};
  return coding;
}

void checkCoding(const Node& node, const Held& codes, const Coding& coding) {
  const Shape shape = node.shapeOf(codes);
  if (coding.scales.size() > 1) {
    const auto rank = static_cast<std::int64_t>(shape.size());
    if (coding.axis < 0 || coding.axis >= rank ||
        shape[static_cast<std::size_t>(coding.axis)] != static_cast<std::int64_t>(coding.scales.size()))
      node.bad("its " + std::to_string(coding.scales.size()) + " scales do not fit the tensor " +
               toString(shape));
  }
  for (const float scale : coding.scales)
    if (!(scale > 0) || scale > 1e30f) node.bad("a scale is not positive");
}

void decode(Node& node) {
  const Coding coding = codingOf(node);
  checkCoding(node, node.held(0), coding);
  node.set(0, decoded(node, node.held(0), coding, ""));
}

void encodeFloats(Node& node) {
  const Coding coding = codingOf(node);
  checkCoding(node, node.held(0), coding);
  if (coding.type == DataType::Int32) node.unsupported("it computes codes of 32 bits");
  node.set(0, encoded(node, {node.cast(node.held(0).id, DataType::Float32), node.held(0).order}, coding, ""));
}

}  // namespace

void addRows_tflite(RowList& rows) {
  rows.push_back({"CONV_2D", conv});
  rows.push_back({"DEPTHWISE_CONV_2D", depthwise});
  rows.push_back({"TRANSPOSE_CONV", transposeConv});
  rows.push_back({"FULLY_CONNECTED", fullyConnectedNode});
  rows.push_back({"Decode", decode});
  rows.push_back({"Encode", encodeFloats});
}

}  // namespace tessera::tensorflow
