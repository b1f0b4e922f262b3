/// \file
/// A convolution or deconvolution seen as the matrix product conv_gemm.cl computes.
#pragma once

#include <algorithm>

#include "clkernels/common/finish.hpp"
#include "clkernels/common/work_size.hpp"
#include "clkernels/family.hpp"

namespace tessera {

/// rows x pixels x (channels * taps), per group. A deconvolution of stride s is a convolution of stride 1
/// over its input with ceil(k / s) taps that makes s * s phases of every output channel as rows of their own.
struct GemmShape {
  int batch = 1, groups = 1;
  int channels = 1, height = 1, width = 1;      ///< input, channels per group
  int rows = 1, gridHeight = 1, gridWidth = 1;  ///< rows per group; positions the windows take in one image
  int tapsY = 1, tapsX = 1, strideY = 1, strideX = 1, dilationY = 1, dilationX = 1, padY = 0, padX = 0;
  int phasesY = 1, phasesX = 1, originY = 0,
      originX = 0;  ///< output y = position * phasesY + phase - originY
  int outHeight = 1, outWidth = 1;

  int taps() const { return tapsY * tapsX; }
  int pixels() const { return batch * gridHeight * gridWidth; }
  /// Whether some window reaches outside the image.
  bool padded() const;
  /// 1x1, stride 1, unpadded: pixels are read in order.
  bool pointwise() const { return taps() == 1 && strideY == 1 && strideX == 1 && !padded(); }
  /// Tiles of `depth` along the summed dimension; `flat`: channels and taps as one sequence.
  int tiles(int depth, bool flat) const {
    return static_cast<int>(flat ? ceilDiv(channels * taps(), depth) : ceilDiv(channels, depth) * taps());
  }
  double operations() const {
    return 2.0 * groups * rows * static_cast<double>(pixels()) * channels * taps();
  }
};

/// Empty where the operator can be computed this way; otherwise why not.
std::string whyNoGemm(const OpView& op);
/// Only where whyNoGemm is empty.
GemmShape gemmShape(const OpView& op);

/// The P_ macros of common/window.cl, without types.
void addGeometryDefines(Defines& defines, const GemmShape& shape);
/// The same with types, and the macros of the epilogue.
void addWindowDefines(Defines& defines, const OpView& op, const GemmShape& shape);
/// bias, residual, slope, y, then offset and batch stride of x, y and the residual.
void addWindowArgs(std::vector<KernelArg>& args, const OpView& op);
/// Offset and batch stride of an operand; zeros for an absent one.
void addPlace(std::vector<KernelArg>& args, const TensorDesc& t);
/// Efficiency that makes the cost model arrive at `seconds` of work.
double efficiencyFor(const GemmShape& shape, double seconds, const DeviceCaps& device);

/// Weight of a group's row, channel and tap as an index into the operator's weights; -1 where there is none.
class GemmWeights {
 public:
  explicit GemmWeights(const OpView& op);
  std::int64_t index(std::int64_t group, std::int64_t row, std::int64_t channel, int tap) const;

 private:
  GemmShape shape_;
  std::int64_t height_, width_, outputs_;  ///< of the kernel; output channels per group
  bool deconvolution_;
};

/// Calls put(group, row, channel, tap, at) for every weight of the order [group][k][row] that the kernels
/// read, `at` its place: rows rounded up to `tileRows`, k to whole tiles of `depth`.
template <class Put>
void forPackedWeights(const GemmShape& shape, int tileRows, int depth, bool flat, Put put) {
  const std::int64_t rows = roundUp(shape.rows, tileRows), length = shape.tiles(depth, flat) * depth;
  const std::int64_t taps = shape.taps();
  constexpr std::int64_t kStrip = 16;  // rows at a time, so that both sides stay in the cache
  for (std::int64_t group = 0; group < shape.groups; ++group)
    for (std::int64_t strip = 0; strip < shape.rows; strip += kStrip)
      for (std::int64_t k = 0; k < length; ++k) {
        const std::int64_t tile = k / depth, c = flat ? k / taps : tile / taps * depth + k % depth;
        const int tap = static_cast<int>(flat ? k % taps : tile % taps);
        if (c >= shape.channels) continue;
        for (std::int64_t row = strip; row < std::min<std::int64_t>(strip + kStrip, shape.rows); ++row)
          put(group, row, c, tap, (group * length + k) * rows + row);
      }
}

/// Weights as [group][k][row], in the type they come in; rows rounded up to `tileRows`, k to whole tiles of
/// `depth`.
PackedConstant packGemmWeights(const OpView& op, int tileRows, int depth, bool flat);
/// For each k in flat order: offset in x, tap row | tap column << 5; padding points at a tap no window has.
PackedConstant packGemmTable(const OpView& op, int depth);

}  // namespace tessera
