/// \file
/// Two engines of one network compared layer by layer: plans, precisions, kernels or devices.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tessera/context.hpp"

namespace tessera {

/// How far a tensor is from the same tensor of another run.
struct TensorDifference {
  double relative = 0;  ///< root of the mean square of the difference, as a share of the tensor's own
  double largest = 0;   ///< the largest difference, as a share of the tensor's largest finite number
};

/// One layer of the network, in the names of the source model.
struct LayerDifference {
  std::string layer;   ///< its name
  std::string tensor;  ///< the result that was compared
  std::string a;       ///< how the first engine runs it: family and type; empty: inside another layer
  std::string b;       ///< how the second does
  TensorDifference accumulated;  ///< of the results of two runs on the same inputs of the network
  /// Of its results where the second engine's layer gets what the first engine's layer got: the layer's own
  /// share. None where the first engine does not have all of its operands.
  std::optional<TensorDifference> isolated;
  bool bad = false;  ///< beyond CompareOptions::tolerance
};

/// How to compare.
struct CompareOptions {
  /// Relative difference beyond which a layer is bad. 0: 1e-4 where both compute in fp32, 0.01 where one does
  /// in fp16, 0.1 in INT8. Accumulated differences are bad beyond ten times as much.
  double tolerance = 0;
};

/// What comparing found.
struct Comparison {
  std::vector<LayerDifference> layers;   ///< those whose results both engines have, in the second's order
  std::vector<LayerDifference> outputs;  ///< of the network, likewise; `layer` is the output's name
  /// Index into `layers` of the first that is at fault: the first whose isolated difference is bad; where
  /// none is, the first whose accumulated difference is. None: all is well.
  std::optional<std::size_t> firstBad;
  std::vector<std::string> notCompared;  ///< layers of the second engine without a counterpart in the first
};

/// Runs both contexts on the inputs, step by step, and the second once more with the first's operands.
/// Neither engine is changed; the contexts' activations are. Takes memory of the host for all activations of
/// the first. Throws Error(InvalidArgument) where an input is missing, or the contexts' inputs differ.
Comparison compareRuns(Context& a, Context& b, const TensorMap& inputs, const CompareOptions& options = {});

}  // namespace tessera
