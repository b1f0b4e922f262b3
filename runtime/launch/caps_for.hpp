/// \file
/// The facts about a device that families of an operator want.
#pragma once

#include "clkernels/family.hpp"

namespace tessera {

/// Facts for an operator, with the bodies that must be probed: those for codes, those for half, or neither.
DeviceCaps capsFor(const Device& device, const OpView& view);

}  // namespace tessera
