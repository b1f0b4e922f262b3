/// \file
/// Whole tensors from f32 to f16 and back.
#pragma once

#include "tessera/tensor.hpp"

namespace tessera {

/// An f32 tensor in f16, rounded to nearest even.
HostTensor halfOf(const HostTensor& floats);
/// An f16 tensor in f32, exact.
HostTensor floatOf(const HostTensor& half);

}  // namespace tessera
