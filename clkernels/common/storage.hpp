/// \file
/// Packed constants of families that keep operands as float or half (common/operand.cl).
#pragma once

#include "clkernels/family.hpp"

namespace tessera {

/// `packed`, whose packer reads and makes f32, for constants of either type: those in half are widened before
/// it reads them, and what it makes is rounded to half where `storage` is Float16.
PackedConstant inStorage(DataType storage, PackedConstant packed);

}  // namespace tessera
