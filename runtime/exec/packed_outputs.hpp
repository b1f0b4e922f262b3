/// \file
/// Many small outputs of a context, read at once.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cl/cl.hpp"
#include "tessera/context.hpp"

namespace tessera {

/// Outputs side by side in one buffer, or, where the driver has no buffers within buffers, read with one
/// wait: to read each alone costs more than what is in it.
class PackedOutputs {
 public:
  /// Every output of the context but those of `without`; outlives the context's runs.
  PackedOutputs(Context& context, const std::set<std::string>& without)
      : PackedOutputs(context, without, context.engine().device().caps().subBuffers) {}
  /// `bind`: they get one buffer.
  PackedOutputs(Context& context, const std::set<std::string>& without, bool bind);
  /// Waits for the context's queue.
  TensorMap read();

 private:
  struct Place {
    std::string name;
    DataType type;
    Shape shape;
    std::size_t offset, bytes;
  };
  struct Part {
    cl::Buffer buffer;
    std::size_t to, bytes;
  };

  std::vector<Place> places_;
  std::vector<Part> parts_;
  cl::CommandQueue queue_;
  std::vector<std::byte> room_;
};

}  // namespace tessera
