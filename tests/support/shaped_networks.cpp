#include "tests/support/shaped_networks.hpp"

#include <cmath>

#include "tests/support/int8_network.hpp"

namespace tessera::test {
namespace {

using List = std::vector<std::int64_t>;

struct Maker {
  Graph graph;
  unsigned seed = 900;

  explicit Maker(const char* name, const InputShapes& shapes) {
    graph.name = name;
    x = graph.addInput("x", DataType::Float32, shapes.at("x"));
  }
  const Shape& shapeOf(TensorId id) const { return graph.tensor(id).shape; }
  TensorId constant(Shape shape, float span) {
    ++seed;
    return graph.addConstant("w" + std::to_string(seed), portableRandom(std::move(shape), seed, -span, span));
  }
  TensorId conv(const char* name, TensorId in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                TensorId residual = kNoTensor) {
    const std::int64_t channels = shapeOf(in)[1], pad = kernel / 2;
    std::vector<TensorId> inputs{in,
                                 constant({out, channels, kernel, kernel},
                                          1.5f / std::sqrt(static_cast<float>(channels * kernel * kernel))),
                                 constant({out}, 0.2f)};
    if (residual != kNoTensor) inputs.push_back(residual);
    return graph.add("Convolution", name, inputs,
                     {{"strides", List{stride, stride}},
                      {"pads", List{pad, pad, pad, pad}},
                      {"activation", std::string("Relu")}});
  }
  TensorId reshape(const char* name, TensorId in, Shape shape) {
    return graph.add("Reshape", name, {in}, {{"shape", std::move(shape)}});
  }
  TensorId transpose(const char* name, TensorId in, List perm) {
    return graph.add("Transpose", name, {in}, {{"perm", std::move(perm)}});
  }
  TensorId linear(const char* name, TensorId in, std::int64_t out) {
    const std::int64_t width = shapeOf(in).back();
    return graph.add("MatMul", name,
                     {in, constant({width, out}, 1.5f / std::sqrt(static_cast<float>(width)))});
  }
  Graph done(TensorId output) {
    graph.markOutput(output);
    graph.verify();
    return std::move(graph);
  }

  TensorId x;
};

}  // namespace

Graph segmenterAt(const InputShapes& shapes) {
  Maker m("segmenter", shapes);
  const TensorId half = m.conv("half", m.x, 16, 3, 2);
  const TensorId quarter = m.conv("quarter", half, 24, 3, 2);
  const TensorId deep = m.conv("deep", quarter, 24, 3, 1, quarter);
  Shape size = m.shapeOf(deep);
  size[2] = m.shapeOf(half)[2], size[3] = m.shapeOf(half)[3];
  const TensorId resized = m.graph.add("Resize", "resized", {deep},
                                       {{"sizes", size},
                                        {"mode", std::string("nearest")},
                                        {"coordinate", std::string("asymmetric")},
                                        {"nearest", std::string("floor")}});
  const TensorId both = m.graph.add("Concat", "both", {resized, half}, {{"axis", 1}});
  const TensorId mixed = m.conv("mixed", both, 16, 1, 1);
  const TensorId up =
      m.graph.add("Deconvolution", "up", {mixed, m.constant({16, 8, 4, 4}, 0.15f), m.constant({8}, 0.2f)},
                  {{"strides", List{2, 2}}, {"pads", List{1, 1, 1, 1}}});
  return m.done(m.conv("scores", up, 5, 3, 1));
}

Graph classifierAt(const InputShapes& shapes) {
  Maker m("classifier", shapes);
  const TensorId first = m.conv("first", m.x, 16, 3, 2);
  const TensorId second = m.conv("second", first, 32, 3, 1);
  const TensorId pooled =
      m.graph.add("Pool", "pooled", {second},
                  {{"mode", std::string("max")}, {"kernel", List{2, 2}}, {"strides", List{2, 2}}});
  const Shape& p = m.shapeOf(pooled);
  const std::int64_t items = p[0], features = p[1] * p[2] * p[3];
  const TensorId flat = m.reshape("flat", pooled, {items, features});
  const TensorId classes = m.graph.add("FullyConnected", "classes",
                                       {flat, m.constant({10, features}, 0.1f), m.constant({10}, 0.2f)});
  return m.done(m.graph.add("Softmax", "probabilities", {classes}, {{"axis", 1}}));
}

Graph attentionAt(const InputShapes& shapes) {
  Maker m("attention", shapes);
  constexpr std::int64_t kWidth = 24, kHeads = 2;
  const TensorId patches = m.conv("patches", m.x, kWidth, 4, 4);
  const Shape p = m.shapeOf(patches);
  const std::int64_t items = p[0], count = p[2] * p[3], tokens = count + 1;
  const TensorId list = m.transpose("list", m.reshape("flat", patches, {items, kWidth, count}), {0, 2, 1});
  const TensorId start =
      m.graph.add("Expand", "start", {m.constant({1, 1, kWidth}, 1)}, {{"shape", Shape{items, 1, kWidth}}});
  const TensorId all = m.graph.add("Concat", "tokens", {start, list}, {{"axis", 1}});
  const auto heads = [&](const char* linear, const char* split, const char* turn, List perm) {
    return m.transpose(
        turn, m.reshape(split, m.linear(linear, all, kWidth), {items, tokens, kHeads, kWidth / kHeads}),
        std::move(perm));
  };
  const TensorId q = heads("q", "q split", "q heads", {0, 2, 1, 3});
  const TensorId k = heads("k", "k split", "k heads", {0, 2, 3, 1});
  const TensorId v = heads("v", "v split", "v heads", {0, 2, 1, 3});
  const TensorId weights =
      m.graph.add("Softmax", "weights", {m.graph.add("MatMul", "match", {q, k})}, {{"axis", 3}});
  const TensorId mixed = m.transpose("turned", m.graph.add("MatMul", "mixed", {weights, v}), {0, 2, 1, 3});
  return m.done(m.linear("out", m.reshape("joined", mixed, {items, tokens, kWidth}), 7));
}

}  // namespace tessera::test
