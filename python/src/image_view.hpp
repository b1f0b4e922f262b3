/// \file
/// Arrays of pixels as images.
#pragma once

#include <pybind11/numpy.h>

#include "tessera/image.hpp"

namespace tessera::python {

/// A view of an array that has to outlive it. Throws Error(InvalidArgument) where it is not uint8, height x
/// width x 3.
ImageView imageViewOf(const pybind11::array& image);

}  // namespace tessera::python
