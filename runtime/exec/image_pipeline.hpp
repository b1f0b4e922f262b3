/// \file
/// Batches of images through a network. Three in-order queues (upload, the context's own for kernels,
/// download) and two sets of buffers let the transfers of one batch overlap the kernels of another.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "cl/cl.hpp"
#include "launch/device_ops.hpp"
#include "tessera/context.hpp"
#include "tessera/image.hpp"

namespace tessera {

/// Device time of a batch, in milliseconds.
struct ImageTimes {
  double preprocess = 0;  ///< preprocessing kernels, per image
  double network = 0;     ///< the network alone, per batch
};

/// Uploads, preprocesses and runs; what becomes of the outputs is the caller's. Used by one thread at a time.
class ImagePipeline {
 public:
  static constexpr std::size_t kSets = 2;
  /// Commands of a batch on their way.
  struct Work {
    std::vector<cl::Event> before, after;  ///< preprocessing of each image; read-backs
    cl::Event ready, done;                 ///< network may begin; network is done
  };
  /// Enqueues what follows the network, for buffers of set `set`; events of read-backs go to Work::after.
  using Results = std::function<void(std::size_t set, Work& work)>;

  /// `how` fills `input`: both are as imageInputOf() completed them. Without `fills` submit()'s `fill` does.
  ImagePipeline(std::shared_ptr<const Engine> engine, Binding input, ImagePreprocess how, bool fills = true);
  ~ImagePipeline() { finish(); }
  ImagePipeline(const ImagePipeline&) = delete;
  ImagePipeline& operator=(const ImagePipeline&) = delete;

  /// From now on each image has a size of its own, where the engine's height and width may change and a batch
  /// is one image: its own, rounded to 32 pixels, within the range. Otherwise nothing changes.
  void sizeByImage();
  bool sizedByImage() const { return !least_.empty(); }
  /// How an image becomes the input.
  ImagePreprocess howFor(const ImageView& image) const;

  /// Most images of a batch. Where the engine's batch may change, one of fewer runs in 1, 2, 4, .. of them.
  std::int64_t batch() const { return input_.shape[0]; }
  std::size_t waiting() const { return pending_.size(); }
  Context& context() { return context_; }
  DeviceOps& ops() { return ops_; }
  const cl::CommandQueue& compute() const { return compute_; }
  const cl::CommandQueue& download() const { return download_; }
  cl::Buffer buffer(std::size_t bytes) const;
  /// The 8-bit pixels of image `item` of the batch in set `set`.
  const cl::Buffer& pixels(std::size_t set, std::size_t item) const { return sets_[set][item].pixels; }

  /// Throws Error(InvalidArgument) where submit() can not take them.
  void check(std::span<const ImageView> images) const;
  /// Uploads and enqueues; pixels and what `results` reads into must stay until collected. `fill`, where
  /// given, enqueues the network's other inputs. At most kSets batches wait. What fails leaves nothing
  /// behind.
  void submit(std::span<const ImageView> images, const Results& results,
              const std::function<void()>& fill = {});
  /// Waits for the oldest batch, which is gone also where its work failed.
  ImageTimes collect();
  /// Waits for all that was enqueued.
  void finish() noexcept;

 private:
  struct Slot {
    cl::Buffer pixels;
    std::size_t bytes = 0;
  };
  void setShapes(std::span<const ImageView> images);
  void enqueueImage(Slot& slot, const ImageView& image, std::int64_t item, Work& work);

  std::shared_ptr<const Engine> engine_;
  Binding input_;
  ImagePreprocess how_;
  bool fills_;
  Context context_;
  DeviceOps ops_;
  cl::CommandQueue upload_, compute_, download_;
  cl::Buffer inputBuffer_;
  std::vector<Slot> sets_[kSets];
  std::deque<Work> pending_;
  std::size_t next_ = 0;
  std::vector<std::int64_t> sizes_;  ///< that batches run in; empty: always the one
  Shape least_;                      ///< of the input, where images have sizes of their own; else empty
};

}  // namespace tessera
