/// \file
/// Where an engine's tactics came from, as programs show it.
#pragma once

#include <string>

#include "apps/common/files.hpp"
#include "tessera/tuning.hpp"

namespace tessera::app {

/// "40 kernels: 36 by records, 4 by defaults of the device's class"; then the layers that the limit of the
/// workspace gave other kernels.
std::string tacticsText(const TuneReport& report);
/// {kernels, by_record, by_other_driver, by_default, untuned, candidates}, and the layers in `limited` where
/// there are some
Json tacticsJson(const TuneReport& report);

}  // namespace tessera::app
