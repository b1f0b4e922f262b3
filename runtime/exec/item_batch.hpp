/// \file
/// Requests joined along their first extent, and results taken apart again.
#pragma once

#include <span>
#include <vector>

#include "tessera/context.hpp"

namespace tessera {

/// The items of a request: the first extent of its inputs. Throws Error(InvalidArgument) where an input of
/// `bindings` is missing, has another type, another number of extents or no data for its shape, where inputs
/// differ in their items, have none or more than `most`, or something else is given.
std::int64_t itemsOf(const TensorMap& inputs, const std::vector<Binding>& bindings, std::int64_t most);

/// Whether two requests' inputs have equal shapes but for their items.
bool sameItems(const TensorMap& a, const TensorMap& b);

/// The inputs of all requests one after the other, then zeros up to `items`.
TensorMap joined(std::span<const TensorMap* const> requests, std::int64_t items);

/// Items `first` to `first + count` of every output, which have `items`.
TensorMap itemsFrom(const TensorMap& outputs, std::int64_t first, std::int64_t count);

/// Whether every number of items can be set as the first extent of all inputs, others as they are, and is the
/// first extent of all outputs then.
bool itemsMayChange(const Engine& engine);

/// The shapes of all inputs with so many items.
InputShapes shapesOfItems(const Engine& engine, std::int64_t items);

/// How many items runs may have: 1, 2, 4, .. and `most`.
std::vector<std::int64_t> batchSizes(std::int64_t most);

}  // namespace tessera
