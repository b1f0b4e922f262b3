/// \file
/// Tensors of a graph by name.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera {

class TensorNames {
 public:
  explicit TensorNames(const std::vector<GraphTensor>& tensors) {
    for (std::size_t i = 0; i < tensors.size(); ++i)  // the first of a name counts
      ids_.emplace(tensors[i].name, static_cast<TensorId>(i));
  }
  TensorId find(std::string_view name) const {
    const auto found = ids_.find(name);
    return found == ids_.end() ? kNoTensor : found->second;
  }
  bool operator==(const TensorNames&) const = default;

 private:
  std::map<std::string, TensorId, std::less<>> ids_;
};

}  // namespace tessera
