/// \file
/// Models whose inputs' shapes are to change from run to run, as --min-shape and --max-shape say.
#pragma once

#include <string>

#include "apps/common/shapes.hpp"

namespace tessera::app {

/// What Engine::build() wants of such a model.
struct RangedModel {
  ShapeProfile profile;
  Graph largest;  ///< at the most of all shapes
};

/// `importAt`: imports the model with these shapes. Throws UsageError, and Error(InvalidArgument) where only
/// the number of items is to change and the model mixes them.
RangedModel rangedModel(const std::string& model, const ShapeRangeArguments& ranges,
                        const ShapeArguments& shapes, const GraphSource& importAt);

}  // namespace tessera::app
