/// \file
/// Scales that a written model gives its codes.
#pragma once

#include <vector>

#include "tessera/graph.hpp"

namespace tessera::onnx {

/// What codes of a tensor stand for in the written model: (code - zero) * scale.
struct CodeScale {
  float scale = 0;  ///< 0: the tensor holds no codes
  std::int64_t zero = 0;
  /// The scale that the network itself makes the codes with; another one only where tensors that are moved
  /// into each other (a concat's members) have scales of their own, and the model wants one for all.
  float made = 0;
  /// A Relu makes every code of the tensor, and of those it is moved together with: the model has u8 for
  /// them, which other programs compute with most exactly, and lets them saturate at 127 as Tessera does.
  bool isUnsigned = false;
};

/// Per tensor of an INT8 graph. Throws Error(Unsupported) naming the tensor where its codes have no scale.
std::vector<CodeScale> codeScales(const Graph& int8);

}  // namespace tessera::onnx
