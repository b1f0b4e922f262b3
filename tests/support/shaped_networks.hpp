/// \file
/// Networks as functions of their input's shape, for tests of shapes that change.
#pragma once

#include "tessera/engine.hpp"
#include "tessera/shapes.hpp"

namespace tessera::test {

/// Fully convolutional, N x 3 x H x W: strides, a branch that is resized to the size of another and joined
/// with it, deconvolution, residual; H and W multiples of 4.
Graph segmenterAt(const InputShapes& shapes);
/// Convolution, pooling, and a flattening Reshape to a fully connected layer; N may change.
Graph classifierAt(const InputShapes& shapes);
/// Tokens from an image, two heads of attention with a class token (Expand): Reshapes that split and join
/// extents. N, H and W may change.
Graph attentionAt(const InputShapes& shapes);

/// Of an engine that looks at no records.
inline EngineOptions untuned() {
  EngineOptions options;
  options.tuning.mode = TuneMode::Off;
  return options;
}

/// `name` of shape: what the three have as input is "x".
inline InputShapes shapesOf(Shape shape) { return {{"x", std::move(shape)}}; }
inline ShapeProfile profileOf(Shape min, Shape max) { return {{"x", {std::move(min), max, max}}}; }

}  // namespace tessera::test
