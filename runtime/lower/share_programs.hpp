/// \file
/// Fewer programs for a network that nobody has tuned.
#pragma once

#include <functional>

#include "lower/recipe.hpp"

namespace tessera {

/// The recipe of `lowered`, in which steps that may change (`free`) run by the tactics of others where that
/// spares a program: a driver that takes half a second to compile one is waited for longer than a tile that
/// fits a layer a little worse. Only families that compare tactics (clkernels/common/compares_tactics.hpp)
/// take part, and all changes together cost at most `share` of the network's estimated time, and no memory.
Recipe sharePrograms(const Lowered& lowered, const DeviceCaps& device,
                     const std::function<bool(const Step&)>& free, double share = 0.03);

}  // namespace tessera
