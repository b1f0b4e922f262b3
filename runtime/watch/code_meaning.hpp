/// \file
/// What codes of an INT8 network mean, for comparing them with floats.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lower/step.hpp"

namespace tessera {

/// The numbers that a tensor of codes stands for: code * scale of its channel.
struct CodeMeaning {
  std::vector<float> scales;  ///< one, or one per channel

  HostTensor decode(const HostTensor& codes) const;
  HostTensor encode(const HostTensor& numbers) const;
};

/// The meaning of each tensor of codes in a network, by the tensor's name; those that are not there are not
/// known.
std::map<std::string, CodeMeaning> codeMeanings(const Graph& graph);

/// The source model's name of a tensor that a rewrite into another precision made: without "/half", "/float",
/// "/encode:0" and "/decode:0".
std::string sourceName(const std::string& tensor);

}  // namespace tessera
