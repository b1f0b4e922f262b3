/// \file
/// Random graphs of the layers that passes and lowering look at.
#pragma once

#include <algorithm>
#include <random>

#include "tests/passes/pass_case.hpp"

namespace tessera::test {

/// Grows a graph of images by layers picked at random from what passes look for.
class RandomGraph {
 public:
  explicit RandomGraph(std::uint32_t seed) : engine_(seed) {
    for (int i = 0, n = 1 + below(2); i < n; ++i)
      values_.push_back(graph.addInput("x" + std::to_string(i), DataType::Float32, {1 + below(2), 4, 6, 6}));
    const int layers = 6 + below(14);
    for (int i = 0; i < layers; ++i) grow(i);
    for (TensorId id : values_)
      if (graph.producer(id) >= 0 && (graph.consumers(id).empty() || below(12) == 0)) graph.markOutput(id);
    if (graph.outputs().empty()) graph.markOutput(graph.add("Exp", "last", {values_.back()}));
  }

  Graph graph;

 private:
  int below(int n) { return static_cast<int>(engine_() % static_cast<std::uint32_t>(n)); }
  TensorId any() {
    return values_[values_.size() - 1 -
                   static_cast<std::size_t>(below(std::min<int>(4, static_cast<int>(values_.size()))))];
  }
  const Shape& shape(TensorId id) { return graph.tensor(id).shape; }
  TensorId weights(const Shape& s, float low = -0.5f, float high = 0.5f) {
    return graph.addConstant("c", randomTensor(s, static_cast<std::uint32_t>(engine_()), low, high));
  }
  TensorId sameShapeAs(TensorId x) {
    for (int i = 0; i < 8; ++i)
      if (const TensorId other = any(); shape(other) == shape(x)) return other;
    return x;
  }

  void grow(int i) {
    const std::string name = "l" + std::to_string(i);
    const TensorId x = any();
    if (shape(x).size() != 4) return;
    const int kind = below(20);
    const TensorId grown = kind < 5    ? withWeights(kind, name, x)
                           : kind < 12 ? elementwise(kind, name, x)
                                       : ofExtents(kind, name, x);
    if (grown != kNoTensor) values_.push_back(grown);
  }

  /// These and the next two: a layer of `x`; kNoTensor where its shape does not allow one.
  TensorId withWeights(int kind, const std::string& name, TensorId x) {
    const Shape s = shape(x), channels = {s[1]};
    switch (kind) {
      case 0:
      case 1: {
        const std::int64_t kernel = below(2) ? 3 : 1, pad = below(2) ? kernel / 2 : 0;
        if (s[2] + 2 * pad < kernel || s[3] + 2 * pad < kernel) return kNoTensor;
        const std::int64_t group = below(4) == 0 && s[1] % 2 == 0 ? 2 : 1;
        return graph.add("Convolution", name,
                         {x, weights({4, s[1] / group, kernel, kernel}), below(2) ? weights({4}) : kNoTensor},
                         {{"pads", ints({pad, pad, pad, pad})}, {"group", group}});
      }
      case 2:
        return graph.add("Deconvolution", name, {x, weights({s[1], 4, 1, 1}), weights({4})});
      case 3:
        return graph.add(
            "BatchNorm", name,
            {x, weights(channels), weights(channels), weights(channels), weights(channels, 0.5f, 2)});
      default:
        return graph.add("Scale", name, {x, weights(channels), weights(channels)});
    }
  }
  TensorId elementwise(int kind, const std::string& name, TensorId x) {
    const Shape wide = {shape(x)[1], 1, 1};
    switch (kind) {
      case 5:
        return graph.add(below(2) ? "Mul" : "Add", name, {x, weights(below(2) ? wide : Shape{})});
      case 6:
        return graph.add("Sub", name, {weights(wide), x});
      case 7:
      case 8:
        return graph.add(below(2) ? "Add" : "Mul", name, {x, sameShapeAs(x)});
      case 9:
        return graph.add("PRelu", name, {x, weights(below(2) ? wide : Shape{1})});
      case 10:
        return graph.add(below(2) ? "Relu" : "Sigmoid", name, {x});
      default:
        return graph.add("Clip", name, {x}, {{"alpha", -0.5}, {"beta", 1.0}});
    }
  }
  TensorId ofExtents(int kind, const std::string& name, TensorId x) {
    const Shape s = shape(x);
    switch (kind) {
      case 12: {
        const TensorId other = any();
        Shape t = shape(other);
        if (t.size() != 4 || t[0] != s[0] || t[2] != s[2] || t[3] != s[3] || t[1] + s[1] > 12)
          return kNoTensor;
        return graph.add("Concat", name, {x, other}, {{"axis", std::int64_t{1}}});
      }
      case 13: {
        if (s[1] < 2) return kNoTensor;
        const std::int64_t start = below(static_cast<int>(s[1]) - 1);
        return graph.add("Slice", name, {x},
                         {{"starts", ints({0, start, 0, 0})},
                          {"sizes", std::vector<std::int64_t>{s[0], s[1] - start, s[2], s[3]}}});
      }
      case 14:
        return graph.add("Pad", name, {x}, {{"pads", ints({0, 0, 1, 0, 0, 0, 1, 1})}});
      case 15: {
        if (s[2] < 2 || s[3] < 2) return kNoTensor;
        return graph.add("Pool", name, {x},
                         {{"mode", std::string(below(2) ? "max" : "average")},
                          {"kernel", ints({2, 2})},
                          {"ceil_mode", std::int64_t{below(2)}},
                          {"strides", ints({1 + below(2), 1})}});
      }
      case 16:
        return graph.add("Transpose", name, {x},
                         {{"perm", below(2) ? ints({0, 2, 3, 1}) : ints({0, 3, 1, 2})}});
      case 17: {
        const TensorId flat = graph.add("Reshape", name + "f", {x},
                                        {{"shape", std::vector<std::int64_t>{s[0], s[1], s[2] * s[3]}}});
        return graph.add("Reshape", name, {flat}, {{"shape", std::vector<std::int64_t>(s)}});
      }
      case 18:
        return graph.add("Identity", name, {x});
      default:
        return graph.add(
            "Reduce", name, {x},
            {{"mode", std::string("mean")}, {"axes", ints({1 + below(3)})}, {"keepdims", std::int64_t{1}}});
    }
  }

  std::mt19937 engine_;
  std::vector<TensorId> values_;
};

}  // namespace tessera::test
