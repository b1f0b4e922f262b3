/// \file
/// Device memory whose surroundings are watched.
#pragma once

#include <string>
#include <vector>

#include "cl/cl.hpp"

namespace tessera {

/// A buffer between two guards of one allocation: what is written a little beside it shows.
class GuardedBuffer {
 public:
  /// Without guards where the device would not allocate them as well.
  GuardedBuffer(const cl::CommandQueue& queue, std::size_t bytes);
  const cl::Buffer& inner() const { return inner_; }
  /// Writes the guards anew.
  void arm(const cl::CommandQueue& queue) const;
  /// Where a guard was overwritten; empty: nowhere.
  std::string damage(const cl::CommandQueue& queue) const;

 private:
  std::size_t bytes_, guard_;
  cl::Buffer whole_, inner_;
};

}  // namespace tessera
