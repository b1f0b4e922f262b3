/// \file
/// Codes in networks of TensorFlow's formats.
#pragma once

#include "importers/tensorflow/node.hpp"

namespace tessera::tensorflow {

/// How a tensor of codes means numbers: (code - zero) * scale, with one scale, or one per element of an axis
/// of the model.
struct Coding {
  std::vector<float> scales;
  std::vector<std::int64_t> zeros;
  std::int64_t axis = 0;
  DataType type = DataType::UInt8;  ///< i8, u8, or i32 (biases)
};

/// The numbers that codes stand for.
Held decoded(Node& node, const Held& codes, const Coding& coding, const std::string& part);
/// The codes of numbers.
Held encoded(Node& node, const Held& x, const Coding& coding, const std::string& part);

}  // namespace tessera::tensorflow
