/// \file
/// What a network's layers and its labels say about its output.
#pragma once

#include <optional>

#include "apps/common/labels.hpp"
#include "apps/common/model.hpp"

namespace tessera::app {

/// Fills in what `wanted` leaves open: the name of the only output; the number of classes, from the
/// description or the labels; and of outputs with one value a pixel whether it is a class or a mask, where
/// the layers that make it say so. `graph` is as imported. Throws Error(InvalidArgument) where labels and
/// network disagree.
void completeOutput(SegmentationOptions& wanted, const Graph& graph, const Sidecar& sidecar,
                    const std::optional<LabelSet>& labels);

}  // namespace tessera::app
