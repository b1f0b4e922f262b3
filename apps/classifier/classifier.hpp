/// \file
/// The classifier.
#pragma once

#include "apps/classifier/options.hpp"

namespace tessera::app {

/// Returns an exit code.
int runClassifier(const ClassifierOptions& options);

}  // namespace tessera::app
