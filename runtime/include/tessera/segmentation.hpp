/// \file
/// Segmenting images: preprocessing, network, class map and colours, all on the device.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tessera/context.hpp"
#include "tessera/image.hpp"

namespace tessera {

struct SegmentationOptions {
  ImagePreprocess preprocess;  ///< height and width 0: the network's own
  std::string input, output;   ///< bindings; empty: the only one
  /// Blue, green, red, opacity in the overlay, by class; classes beyond the end are black and transparent.
  std::vector<std::array<std::uint8_t, 4>> palette;
  int border = -1;  ///< width of the line between classes in the overlay; -1: by image size
};

/// What became of one image. Pixels are 8-bit, rows dense, BGR.
struct SegmentedImage {
  std::int64_t height = 0, width = 0;         ///< of the image
  std::vector<std::uint8_t> classes;          ///< height x width
  std::vector<std::uint8_t> colors, overlay;  ///< height x width x 3
  std::int64_t mapHeight = 0, mapWidth = 0;   ///< of the network's output
  std::vector<std::uint8_t> map;              ///< classes at the network's resolution
};

/// A batch of them and the device time it took, in milliseconds.
struct SegmentedBatch {
  std::vector<SegmentedImage> images;
  double preprocess = 0;  ///< preprocessing kernels, per image
  double network = 0;     ///< the network alone, per batch
};

/// A network that gives scores per class and pixel, run on images. Uploads, computation and downloads of
/// consecutive batches overlap: submit the next batch before collecting the last. Used by one thread at a
/// time.
class Segmentation {
 public:
  /// Throws Error(InvalidArgument) where the engine does not take images (N x 3 x H x W) or give scores
  /// (N x classes x h x w).
  Segmentation(std::shared_ptr<const Engine> engine, SegmentationOptions options);
  ~Segmentation();
  Segmentation(Segmentation&&) noexcept;

  int batch() const;    ///< most images a submission may have
  int classes() const;  ///< channels of the network's output

  /// Replaces SegmentationOptions::palette, for what is submitted from now on.
  void setPalette(std::span<const std::array<std::uint8_t, 4>> palette);

  /// Uploads and enqueues; the pixels must stay until collected. At most two submissions may wait.
  void submit(std::span<const ImageView> images);
  std::size_t waiting() const;  ///< submissions not collected yet
  /// Waits for the oldest submission.
  SegmentedBatch collect();
  /// Submits one image and collects it.
  SegmentedImage run(const ImageView& image);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
