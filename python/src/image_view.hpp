/// \file
/// Arrays of pixels as images.
#pragma once

#include <pybind11/numpy.h>

#include "tessera/image.hpp"

namespace tessera::python {

/// A view of an array that has to outlive it. Throws Error(InvalidArgument) where it is not uint8 in the
/// format's shape: height x width x 3 (BGR, RGB), height x width (GREY), 3 x height x width (planar), 3
/// height / 2 x width (NV12).
ImageView imageViewOf(const pybind11::array& image, PixelFormat format = PixelFormat::Bgr,
                      YuvColors colors = YuvColors::Bt601);

}  // namespace tessera::python
