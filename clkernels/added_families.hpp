/// \file
/// Kernel families and sources that come while the process runs, besides those of families.def.
#pragma once

#include <memory>

#include "clkernels/family.hpp"

namespace tessera {

/// From now on findFamily() and familiesFor(op) find it, on every thread, and kernelSource(`path`) has
/// `source`. It stays for ever; one family an operator. Throws Error(Internal) where there is one of that
/// name.
void addFamily(std::unique_ptr<const KernelFamily> added, const std::string& op, const std::string& path,
               std::string source);

}  // namespace tessera
