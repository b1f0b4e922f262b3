#include "tests/support/small_networks.hpp"

#include "tests/support/int8_network.hpp"

namespace tessera::test {
namespace {

using List = std::vector<std::int64_t>;

/// Writes down a network; weights follow from the number of layers before.
struct SmallNet {
  Graph g;
  TensorId x;

  explicit SmallNet(const char* name) {
    g.name = name;
    x = g.addInput("x", DataType::Float32, {1, 3, 16, 24});
  }
  TensorId constant(Shape shape, float low = -0.5f, float high = 0.5f) {
    const auto seed = static_cast<unsigned>(g.tensors().size());
    return g.addConstant("c" + std::to_string(seed), portableRandom(std::move(shape), seed, low, high));
  }
  TensorId add(const char* op, std::vector<TensorId> inputs, Attributes attrs = {}) {
    return g.add(op, std::string(op) + std::to_string(g.layers().size()), std::move(inputs), attrs);
  }
  std::int64_t channels(TensorId id) const { return g.tensor(id).shape[1]; }
  TensorId conv(TensorId from, std::int64_t outputs, std::int64_t kernel, std::int64_t stride = 1,
                std::int64_t group = 1, std::int64_t dilation = 1) {
    const std::int64_t pad = dilation * (kernel / 2);
    return add("Convolution",
               {from, constant({outputs, channels(from) / group, kernel, kernel}), constant({outputs})},
               {{"strides", List{stride, stride}},
                {"pads", List{pad, pad, pad, pad}},
                {"group", group},
                {"dilations", List{dilation, dilation}}});
  }
  TensorId relu(TensorId from) { return add("Relu", {from}); }
  TensorId silu(TensorId from) { return add("Mul", {from, add("Sigmoid", {from})}); }
  TensorId clip(TensorId from) { return add("Clip", {from}, {{"alpha", 0.0}, {"beta", 6.0}}); }
  TensorId norm(TensorId from) {
    const Shape each{channels(from), 1, 1};
    return add("Add", {add("Mul", {from, constant(each, 0.5f, 1.5f)}), constant(each)});
  }
  TensorId pool(TensorId from, const char* mode) {
    return add("Pool", {from},
               {{"mode", std::string(mode)}, {"kernel", List{2, 2}}, {"strides", List{2, 2}}});
  }
  TensorId mean(TensorId from) { return add("GlobalPool", {from}, {{"mode", std::string("average")}}); }
  TensorId join(std::vector<TensorId> parts) { return add("Concat", std::move(parts), {{"axis", 1}}); }
  TensorId dense(TensorId from, std::int64_t outputs) {
    return add("FullyConnected",
               {from, constant({outputs, elementCount(g.tensor(from).shape)}), constant({outputs})});
  }
  TensorId reshape(TensorId from, Shape shape) {
    return add("Reshape", {from}, {{"shape", List(shape.begin(), shape.end())}});
  }
  Graph ending(std::vector<TensorId> outputs) {
    for (const TensorId id : outputs) g.markOutput(id);
    return std::move(g);
  }
};

Graph residual() {
  SmallNet n("residual");
  const TensorId a = n.pool(n.relu(n.conv(n.x, 16, 7, 2)), "max"),
                 b = n.conv(n.relu(n.conv(a, 16, 3)), 16, 3);
  const TensorId c = n.relu(n.add("Add", {b, a})), d = n.conv(n.relu(n.conv(c, 24, 3, 2)), 24, 3);
  const TensorId e = n.relu(n.add("Add", {d, n.conv(c, 24, 1, 2)}));
  return n.ending({n.add("Softmax", {n.dense(n.mean(e), 10)}, {{"axis", 1}})});
}

Graph depthwise() {
  SmallNet n("depthwise");
  const TensorId a = n.clip(n.conv(n.x, 16, 3, 2)),
                 b = n.clip(n.conv(n.clip(n.conv(a, 32, 1)), 32, 3, 1, 32));
  const TensorId c = n.add("Add", {n.conv(b, 16, 1), a});
  const TensorId d = n.add("HardSwish", {n.conv(n.add("HardSwish", {n.conv(c, 32, 1)}), 32, 5, 2, 32)});
  return n.ending({n.dense(n.mean(n.conv(d, 20, 1)), 7)});
}

Graph squeezing() {
  SmallNet n("squeezing");
  TensorId x = n.pool(n.relu(n.conv(n.x, 16, 3, 2)), "max");
  for (int i = 0; i < 2; ++i) {
    const TensorId s = n.relu(n.conv(x, 8, 1));
    x = n.join({n.relu(n.conv(s, 16, 1)), n.relu(n.conv(s, 16, 3))});
  }
  return n.ending({n.add("Softmax", {n.mean(n.relu(n.conv(x, 11, 1)))}, {{"axis", 1}})});
}

Graph dilated() {
  SmallNet n("dilated");
  const TensorId a = n.conv(n.x, 12, 3, 2), s = n.conv(a, 4, 1);
  const TensorId one = n.conv(s, 4, 3), two = n.conv(s, 4, 3, 1, 1, 2), four = n.conv(s, 4, 3, 1, 1, 4);
  const TensorId sum = n.add("Add", {one, two}), all = n.add("Add", {sum, four});
  const TensorId y =
      n.add("PRelu", {n.norm(n.add("Add", {n.join({one, sum, all}), a})), n.constant({12, 1, 1}, 0, 0.4f)});
  return n.ending(
      {n.add("Deconvolution", {n.conv(y, 5, 1), n.constant({5, 5, 2, 2})}, {{"strides", List{2, 2}}})});
}

Graph decoder() {
  SmallNet n("decoder");
  const TensorId a = n.relu(n.conv(n.x, 12, 3)), b = n.relu(n.conv(n.pool(a, "max"), 16, 3)),
                 c = n.relu(n.conv(n.pool(b, "average"), 24, 3));
  const TensorId up = n.add("Deconvolution", {c, n.constant({24, 16, 2, 2})}, {{"strides", List{2, 2}}});
  const TensorId d = n.relu(n.conv(n.join({up, b}), 12, 3));
  const TensorId e = n.add("Resize", {d}, {{"sizes", List{1, 12, 16, 24}}, {"mode", std::string("linear")}});
  return n.ending({n.conv(n.join({e, a}), 4, 3), n.add("Sigmoid", {n.conv(e, 1, 1)})});
}

Graph siluDetector() {
  SmallNet n("silu detector");
  const TensorId a = n.silu(n.conv(n.x, 16, 3, 2)), b = n.silu(n.conv(a, 16, 1));
  const TensorId half =
      n.add("Slice", {b},
            {{"starts", List{0, 8, 0, 0}}, {"sizes", List{1, 8, 8, 12}}, {"steps", List{1, 1, 1, 1}}});
  const TensorId c = n.add("Add", {half, n.silu(n.conv(n.silu(n.conv(half, 8, 3)), 8, 3))});
  const TensorId d = n.silu(n.conv(n.join({b, c}), 16, 1));
  const TensorId up = n.add("Resize", {n.silu(n.conv(d, 16, 3, 2))},
                            {{"sizes", List{1, 16, 8, 12}},
                             {"mode", std::string("nearest")},
                             {"coordinate", std::string("asymmetric")},
                             {"nearest", std::string("floor")}});
  const TensorId head = n.silu(n.conv(n.join({up, d}), 16, 3));
  return n.ending({n.add("Sigmoid", {n.reshape(n.conv(head, 5, 1), {1, 5, 96})}),
                   n.reshape(n.conv(head, 8, 1), {1, 8, 96})});
}

Graph faces() {
  SmallNet n("faces");
  const TensorId a = n.relu(n.conv(n.x, 16, 3, 2)),
                 b = n.relu(n.conv(n.relu(n.conv(a, 16, 3, 1, 16)), 24, 1, 2));
  std::vector<TensorId> scores, boxes;
  for (const TensorId at : {a, b}) {
    const Shape s = n.g.tensor(at).shape;
    const auto rows = [&](TensorId head, std::int64_t width) {
      return n.reshape(n.add("Transpose", {head}, {{"perm", List{0, 2, 3, 1}}}), {1, s[2] * s[3] * 2, width});
    };
    scores.push_back(rows(n.conv(at, 4, 3), 2)), boxes.push_back(rows(n.conv(at, 8, 3), 4));
  }
  const TensorId deltas = n.join(boxes);
  const TensorId sizes = n.add("Exp", {n.add("Mul", {deltas, n.constant({1}, 0.1f, 0.3f)})});
  return n.ending(
      {n.add("Softmax", {n.join(scores)}, {{"axis", 2}}), n.add("Mul", {sizes, n.constant({4}, 0, 1)})});
}

Graph excitation() {
  SmallNet n("excitation");
  TensorId x = n.silu(n.conv(n.x, 16, 3, 2));
  const TensorId s = n.add("Sigmoid", {n.conv(n.relu(n.conv(n.mean(x), 4, 1)), 16, 1)});
  x = n.conv(n.add("Mul", {n.silu(n.conv(x, 16, 3, 1, 16)), s}), 24, 1);
  return n.ending({n.dense(n.mean(n.add("Mish", {x})), 6), n.add("Tanh", {n.conv(x, 2, 1)})});
}

Graph transformer() {
  SmallNet n("transformer");
  const TensorId tokens =
      n.add("Transpose", {n.reshape(n.conv(n.x, 16, 4, 4), {1, 16, 35})}, {{"perm", List{0, 2, 1}}});
  const TensorId normed =
      n.add("LayerNorm", {tokens, n.constant({16}, 0.5f, 1.5f), n.constant({16})}, {{"axis", -1}});
  const auto product = [&](TensorId from, std::int64_t outputs) {
    return n.add("MatMul", {from, n.constant({n.g.tensor(from).shape[2], outputs})});
  };
  const TensorId keys = n.add("Transpose", {product(normed, 16)}, {{"perm", List{0, 2, 1}}});
  const TensorId weights = n.add("Softmax", {n.add("MatMul", {product(normed, 16), keys})}, {{"axis", 2}});
  const TensorId mixed = n.add("Add", {tokens, n.add("MatMul", {weights, product(normed, 16)})});
  return n.ending({n.add("Add", {mixed, product(n.add("Gelu", {product(mixed, 32)}), 16)})});
}

Graph text() {
  SmallNet n("text");
  const TensorId a = n.add("HardSwish", {n.conv(n.x, 16, 3, 2)}),
                 b = n.add("LeakyRelu", {n.conv(a, 24, 3)}, {{"alpha", 0.1}});
  const TensorId row =
      n.add("Reduce", {b}, {{"mode", std::string("mean")}, {"axes", List{2}}, {"keepdims", 1}});
  return n.ending(
      {n.add("Softmax", {n.conv(n.add("Elu", {n.conv(row, 16, 1)}), 12, 1)}, {{"axis", 1}, {"log", 1}})});
}

}  // namespace

std::vector<Graph> smallNetworks() {
  return {residual(),     depthwise(), squeezing(),  dilated(),     decoder(),
          siluDetector(), faces(),     excitation(), transformer(), text()};
}

HostTensor smallNetworkInput() { return portableRandom({1, 3, 16, 24}, 4711, -1.5f, 2); }

}  // namespace tessera::test
