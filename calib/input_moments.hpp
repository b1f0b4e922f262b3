/// \file
/// How the values alike that a layer with weights multiplies are: second moments of its inputs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera {

/// A square matrix, row by row.
struct SquareMatrix {
  std::int64_t size = 0;
  std::vector<float> values;

  explicit SquareMatrix(std::int64_t n = 0) : size(n), values(static_cast<std::size_t>(n * n), 0.0f) {}
  float& at(std::int64_t row, std::int64_t column) { return values[row * size + column]; }
  float at(std::int64_t row, std::int64_t column) const { return values[row * size + column]; }
  void add(const SquareMatrix& other);
};

/// Weights of one output that are added up: input channels times taps. The second moment of the values at
/// channels c, d and taps t, u is taken for channels(c, d) * taps(t, u): the full matrix gives no fewer
/// errors for its many times more numbers.
struct SumOfWeights {
  std::int64_t firstChannel = 0;   ///< input channels from here on, as many as `moments` has
  std::int64_t group = 0;          ///< the outputs of which group of the layer
  std::vector<std::int64_t> taps;  ///< indices within the window
  SquareMatrix channelMoments, tapMoments;
};

/// The sums of a layer; a deconvolution has one for each phase of its strides, and many channels are taken in
/// parts, as if they had nothing in common.
using LayerMoments = std::vector<SumOfWeights>;

/// Sums of each layer with a window and constant weights, without their moments.
std::map<std::string, LayerMoments> sumsOfLayers(const Graph& graph);

/// Moments of what layers read of some samples, in parts that can be left out.
class InputMoments {
 public:
  /// Part i has the samples whose number leaves i when divided by `parts`.
  InputMoments(const Graph& optimized, int parts);
  /// What layers read, inputs of the network among them.
  std::vector<std::string> tensors() const;
  /// One of those tensors of a sample, planar, with what is known of its channels' means (null: nothing).
  void add(int sample, const std::string& tensor, std::span<const float> values,
           const std::vector<double>* means);
  /// Moments of all samples but those of `part` (-1: of all), by layer.
  std::map<std::string, LayerMoments> without(int part) const;

 private:
  struct Reading;
  std::shared_ptr<const std::map<std::string, Reading>> readings_;  ///< by tensor
  std::vector<std::map<std::string, LayerMoments>> parts_;
};

}  // namespace tessera
