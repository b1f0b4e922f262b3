/// \file
/// A stream of images over several networks (Runner, Segmentation), contexts and devices.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "tessera/engine_pool.hpp"
#include "tessera/runner.hpp"
#include "tessera/segmentation.hpp"

namespace tessera {

/// What `Network` makes of one image: Answer of a Runner, SegmentedImage of a Segmentation.
template <class Network>
using ImageResult = typename decltype(std::declval<Network&>().collect().images)::value_type;

/// What became of an image.
template <class Network>
struct ImagePoolResult {
  std::uint64_t request = 0;     ///< its number: the first has 0
  ImageResult<Network> image{};  ///< as it was made, where there is an error
  std::exception_ptr error;      ///< what went wrong with this image; null: nothing
  std::size_t batch = 0;         ///< images that it ran with, itself included; 0 where there is an error
  std::size_t place = 0;         ///< among them: 0 is the first
  double preprocess = 0;         ///< milliseconds: as the network's collect() has them,
  double network = 0;            ///< of the whole batch
  double postprocess = 0;        ///< 0 where the network does that on the device
};

/// EnginePool for images: each network runs on a thread of its own, and whichever is free takes the next
/// images. One network has two batches on their way, so that the transfers and the host's work of one overlap
/// the kernels of the other; several contexts of one engine overlap their kernels, too. Every method may be
/// called from any thread.
///
/// Images are joined to batches; where the engine's batch may change (Engine::shapes()), an incomplete one
/// runs in one of 1, 2, 4, .. images, else it costs what a full one does.
template <class Network>
class ImagePool {
 public:
  /// `networks`: of one network, on one device or several, which nobody else uses while the pool lives.
  /// PoolOptions::contexts does not count: there are as many as networks. Throws Error(InvalidArgument) where
  /// there is none, an option is out of range, or a network takes fewer images than PoolOptions::batch asks
  /// for.
  ImagePool(std::vector<std::shared_ptr<Network>> networks, const PoolOptions& options = {});
  /// Ends what runs; images that wait end with Cancelled.
  ~ImagePool();
  ImagePool(const ImagePool&) = delete;
  ImagePool& operator=(const ImagePool&) = delete;

  /// Accepts an image, after waiting for room, and gives its number. Its pixels must stay until `done` was
  /// called, which happens once, by a thread of the pool, one call at a time; it must not throw or call
  /// submit(). Errors of an image touch no other: a batch that fails runs again image by image. Throws
  /// Error(InvalidArgument) after finish().
  std::uint64_t submit(const ImageView& image, std::function<void(ImagePoolResult<Network>)> done);
  /// Accepts no more, and waits until all images have their results.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

extern template class ImagePool<Runner>;
extern template class ImagePool<Segmentation>;

}  // namespace tessera
