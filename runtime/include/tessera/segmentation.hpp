/// \file
/// Segmenting images: preprocessing, network, class map and colours, all on the device.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tessera/context.hpp"
#include "tessera/image.hpp"

namespace tessera {

/// What the output of a segmentation network holds, for N images.
enum class OutputLayout {
  Auto,     ///< told by type, shape and the number of classes; refused where several readings are possible
  Nchw,     ///< scores, N x classes x height x width
  Nhwc,     ///< scores, N x height x width x classes
  Classes,  ///< the class of each pixel, of any number type, with or without an axis of one channel
  Mask,     ///< one score a pixel, likewise: class 1 where it is above the threshold, else class 0
};
std::string_view toString(OutputLayout layout);         ///< as parseOutputLayout() reads it
OutputLayout parseOutputLayout(std::string_view text);  ///< "auto", "NCHW", ..; throws Error(InvalidArgument)

/// How images go in and maps come out.
struct SegmentationOptions {
  /// Height and width 0: the network's own; where the engine's may change (Engine::shapes()) and its batch is
  /// one image, those of each image, rounded to 32 pixels and within the range. channelsLast follows the
  /// network's input.
  ImagePreprocess preprocess;
  std::string input;   ///< binding; empty: the only one
  std::string output;  ///< binding; empty: the only one
  /// Blue, green, red, opacity in the overlay, by class; classes beyond the end are black and transparent.
  std::vector<std::array<std::uint8_t, 4>> palette;
  int border = -1;  ///< width of the line between classes in the overlay; -1: by image size
  OutputLayout layout = OutputLayout::Auto;  ///< of the network's output
  std::optional<double> threshold;           ///< of a Mask; 0.5 where there is none
  int fewestClasses = 0;                     ///< that the labels allow; 0: not known
  int mostClasses = 0;                       ///< likewise
};

/// What became of one image. Pixels are 8-bit, rows dense, BGR. Classes of networks with more than 256 are in
/// `wideClasses` and `wideMap`, and `classes` and `map` are empty.
struct SegmentedImage {
  std::int64_t height = 0;                ///< of the image, in pixels
  std::int64_t width = 0;                 ///< likewise
  std::vector<std::uint8_t> classes;      ///< height x width; what is no class (negative, too large) is 255,
  std::vector<std::int32_t> wideClasses;  ///< or here 65535
  std::vector<std::uint8_t> colors;       ///< height x width x 3: the palette's, by class
  std::vector<std::uint8_t> overlay;      ///< height x width x 3: the image with the colours over it
  std::int64_t mapHeight = 0;             ///< of the network's output
  std::int64_t mapWidth = 0;              ///< likewise
  std::vector<std::uint8_t> map;          ///< classes at the network's resolution
  std::vector<std::int32_t> wideMap;      ///< or here
};

/// A batch of them and the device time it took, in milliseconds.
struct SegmentedBatch {
  std::vector<SegmentedImage> images;  ///< in the order of the submission
  double preprocess = 0;               ///< preprocessing kernels, per image
  double network = 0;                  ///< the network alone, per batch
};

/// A network that gives scores per class and pixel, or classes (OutputLayout), run on images. Uploads,
/// computation and downloads of consecutive batches overlap: submit the next batch before collecting the
/// last. Used by one thread at a time.
class Segmentation {
 public:
  /// Throws Error(InvalidArgument) where the engine does not take images (N x 3 x H x W or N x H x W x 3),
  /// has inputs that images do not fill, or gives nothing that OutputLayout describes.
  Segmentation(std::shared_ptr<const Engine> engine, SegmentationOptions options);
  /// Throws as the constructor does where a network with such inputs and outputs will not do, before it is
  /// built.
  static void check(const std::vector<Binding>& bindings, const SegmentationOptions& options);
  ~Segmentation();
  Segmentation(Segmentation&&) noexcept;  ///< the other can only be destroyed

  /// Most images a submission may have. One of fewer costs as much, unless the engine's batch may change
  /// (Engine::shapes()).
  int batch() const;
  int classes() const;  ///< that the network tells apart; the most it can where its output does not say

  OutputLayout layout() const;  ///< as which the output is read
  /// Replaces SegmentationOptions::palette, for what is submitted from now on.
  void setPalette(std::span<const std::array<std::uint8_t, 4>> palette);

  /// Uploads and enqueues; the pixels must stay until collected. At most two submissions may wait. An image
  /// that the device has no room for is an Error(OutOfMemory or DeviceError) and leaves the object usable.
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
