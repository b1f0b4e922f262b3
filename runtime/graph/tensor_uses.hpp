/// \file
/// Who computes and who reads each tensor of a graph.
#pragma once

#include <span>
#include <vector>

#include "tessera/graph.hpp"

namespace tessera {

/// By tensor, from one look at every layer. Layers are named by their index.
class TensorUses {
 public:
  TensorUses(std::size_t tensors, const std::vector<Layer>& layers);
  int producer(TensorId id) const { return known(id) ? producers_[id] : -1; }
  /// In the order of the layers, each once.
  std::span<const int> consumers(TensorId id) const;
  std::size_t tensors() const { return producers_.size(); }
  std::size_t operands() const { return operands_; }  ///< that were looked at
  bool operator==(const TensorUses&) const = default;

 private:
  bool known(TensorId id) const { return id >= 0 && id < static_cast<TensorId>(producers_.size()); }

  std::vector<int> producers_;
  std::vector<int> readers_;  ///< those of tensor t: [firsts_[t], firsts_[t + 1])
  std::vector<std::size_t> firsts_;
  std::size_t operands_ = 0;
};

}  // namespace tessera
