/// \file
/// Attributes of layers as dictionaries.
#pragma once

#include <pybind11/pybind11.h>

#include "tessera/attributes.hpp"

namespace tessera::python {

/// Of a mapping from names to numbers, names and sequences of numbers. Throws Error(InvalidArgument) that
/// names the attribute.
Attributes attributesOf(const pybind11::object& mapping);
pybind11::dict dictOf(const Attributes& attributes);

}  // namespace tessera::python
