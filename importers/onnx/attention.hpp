/// \file
/// What the format's Attention and those of ONNX Runtime are built of.
#pragma once

#include <string>

#include "importers/onnx/node.hpp"

namespace tessera::onnx {

/// What is added to the scores before the softmax, [.., queries, keys]; several parts add up.
class ScoreBias {
 public:
  /// `never`: what is added where a query must not look at a key.
  ScoreBias(Node& node, double never) : node_(node), never_(never) {}
  void join(TensorId part);
  /// 0 where `allowed` is true, `never` elsewhere.
  void where(TensorId allowed);
  /// kNoTensor where there is no part.
  TensorId sum() const { return sum_; }

 private:
  Node& node_;
  double never_;
  TensorId sum_ = kNoTensor;
};

/// [batch, sequence, heads * size] as [batch, heads, sequence, size].
TensorId splitHeads(Node& node, TensorId x, std::int64_t heads, const std::string& part);
/// The way back.
TensorId joinHeads(Node& node, TensorId x);
/// The last two of four extents swapped.
TensorId transposeLast(Node& node, TensorId x, const std::string& part);

}  // namespace tessera::onnx
