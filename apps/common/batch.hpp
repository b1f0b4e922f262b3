/// \file
/// What becomes of a model's outputs in batches.
#pragma once

#include <string>

#include "tessera/graph.hpp"

namespace tessera::app {

/// Refuses a model that mixes the items of a batch: `many` is the model imported with `batch` items, `one`
/// with a single one. Each output must have `batch` times the first extent, or the same shape; a Reshape to a
/// fixed batch of 1, for one, lays the items end to end in another extent.
void checkBatch(const std::string& model, const Graph& one, const Graph& many, std::int64_t batch);

}  // namespace tessera::app
