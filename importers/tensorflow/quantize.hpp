/// \file
/// Codes in networks of TensorFlow's formats.
#pragma once

#include <functional>

#include "importers/tensorflow/node.hpp"

namespace tessera::tensorflow {

/// The numbers that codes stand for.
Held decoded(Node& node, const Held& codes, const Coding& coding, const std::string& part);
/// The codes of numbers.
Held encoded(Node& node, const Held& x, const Coding& coding, const std::string& part);

/// Changes constant weights, which a function of layers gives anew: of weights in codes it changes the codes,
/// and what they mean stays. `axis`: where their axis of scales lies after that.
TensorId changedWeights(Node& node, TensorId weights, const std::function<TensorId(TensorId)>& change,
                        const std::function<std::int64_t(std::int64_t)>& axis);
/// Whether a tensor is known at import, as numbers or as codes.
bool isKnown(const Node& node, TensorId id);

}  // namespace tessera::tensorflow
