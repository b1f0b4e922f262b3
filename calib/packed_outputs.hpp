/// \file
/// Many small outputs of a context, read at once.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cl/cl.hpp"
#include "tessera/context.hpp"

namespace tessera {

/// Outputs that lie side by side in one buffer: reading each alone costs more than what is in it.
class PackedOutputs {
 public:
  /// Binds every output of the context but those of `without`; outlives its runs.
  PackedOutputs(Context& context, const std::set<std::string>& without);
  /// Waits for the context's queue.
  TensorMap read();

 private:
  struct Place {
    std::string name;
    DataType type;
    Shape shape;
    std::size_t offset, bytes;
  };
  std::vector<Place> places_;
  cl::CommandQueue queue_;
  cl::Buffer buffer_;
  std::vector<std::byte> room_;
};

}  // namespace tessera
