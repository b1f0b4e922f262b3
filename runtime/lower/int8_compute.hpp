/// \file
/// Layers with weights on codes.
#pragma once

#include "lower/int8_tensors.hpp"

namespace tessera {

/// Writes a layer with weights (role Compute of the plan) into the new graph: as its integer twin, or, where
/// its weights' codes go beyond -127..127, as exact sums in f32 and an epilogue.
class Int8Compute {
 public:
  Int8Compute(Int8Tensors& tensors, const Calibration& calibration)
      : tensors_(tensors), calibration_(calibration) {}
  void rewrite(const Layer& layer);

 private:
  void asTwin(const Layer& layer);
  void asWide(const Layer& layer);
  TensorId multipliers(const Layer& layer, const CodedWeights& weights);
  std::vector<TensorId> twinInputs(const Layer& layer, const CodedWeights& weights);
  Attributes twinAttributes(const Layer& layer, TensorId x) const;
  TensorId wideSums(const Layer& layer, const std::vector<float>& scales);
  TensorId biasOf(const Layer& layer, std::int64_t channels);
  TensorId biasOf(const Layer& layer, const CodedWeights& weights);

  Int8Tensors& tensors_;
  const Calibration& calibration_;
};

}  // namespace tessera
