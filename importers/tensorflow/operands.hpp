/// \file
/// Operands of pointwise operators, brought to one order.
#pragma once

#include "importers/tensorflow/node.hpp"

namespace tessera::tensorflow {

/// Tensors that broadcast as numpy's do, in the order `order`.
struct Aligned {
  std::vector<TensorId> ids;
  Order order;
};

/// Brings operands to the order of the largest one that is not in the model's; constants are turned, and what
/// has only one axis longer than 1 is reshaped.
Aligned aligned(Node& node, const std::vector<Held>& operands);

/// op(a, b), computed in i32 where Tessera has no arithmetic in their type.
Held arithmetic(Node& node, const std::string& op, const Held& a, const Held& b, Attributes attrs = {},
                const std::string& part = {});
/// op(x) of floats.
Held unary(Node& node, const std::string& op, const Held& x, Attributes attrs = {},
           const std::string& part = {});

/// The activation of a name that formats fuse into other operators ("RELU", "RELU6", "RELU_N1_TO_1", "TANH");
/// x itself for "" and "NONE".
Held activated(Node& node, const Held& x, const std::string& activation);

}  // namespace tessera::tensorflow
