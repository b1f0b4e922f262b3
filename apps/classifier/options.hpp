/// \file
/// What the classifier is asked to do.
#pragma once

#include <optional>
#include <string>

#include "apps/common/image_program.hpp"

namespace tessera::app {

struct ClassifierOptions : ImageOptions {
  std::string output, annotations;
  int top = 5;
  std::optional<double> threshold;  ///< least confidence of a class that is reported
};

}  // namespace tessera::app
