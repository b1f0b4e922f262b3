// Images through a network.
#include "exec/image_pipeline.hpp"

#include <algorithm>
#include <cmath>

#include "exec/item_batch.hpp"
#include "ops/image.hpp"

namespace tessera {

ImagePipeline::ImagePipeline(std::shared_ptr<const Engine> engine, Binding input, ImagePreprocess how,
                             bool fills)
    : engine_(std::move(engine)),
      input_(std::move(input)),
      how_(how),
      fills_(fills),
      context_(engine_),
      ops_(engine_->device()) {
  guarded("preparing to run on images", [&] {
    const auto& device = engine_->device().impl();
    upload_ = cl::CommandQueue(device.context(), device.device, CL_QUEUE_PROFILING_ENABLE);
    download_ = cl::CommandQueue(device.context(), device.device);
    compute_ = cl::CommandQueue(context_.queue(), true);
    inputBuffer_ = cl::Buffer(context_.buffer(input_.name), true);
    for (auto& set : sets_) set.resize(static_cast<std::size_t>(batch()));
  });
  if (!itemsMayChange(*engine_)) return;
  sizes_ = batchSizes(batch());
  for (const std::int64_t size : sizes_) context_.setShapes(shapesOfItems(*engine_, size));
}

void ImagePipeline::sizeByImage() {
  const auto range = engine_->shapes().find(input_.name);
  if (batch() != 1 || range == engine_->shapes().end()) return;
  const Shape &least = range->second.min, &most = range->second.max;
  if (!std::equal(least.begin() + 1, least.end(), most.begin() + 1)) least_ = least;
}

ImagePreprocess ImagePipeline::howFor(const ImageView& image) const {
  ImagePreprocess how = how_;
  if (!sizedByImage()) return how;
  constexpr double kStep = 32;  // what networks halve their maps by, mostly
  const std::size_t axis = how.channelsLast ? 1 : 2;
  const auto height = static_cast<double>(image.height), width = static_cast<double>(image.width);
  const auto of = [](std::int64_t extent) { return static_cast<double>(extent); };
  double ratio = std::min({1.0, of(how_.height) / height, of(how_.width) / width});
  ratio = std::max({ratio, of(least_[axis]) / height, of(least_[axis + 1]) / width});
  const auto near = [&](double extent, std::int64_t least, std::int64_t most) {
    return std::clamp(static_cast<std::int64_t>(std::round(extent * ratio / kStep) * kStep), least, most);
  };
  how.height = near(height, least_[axis], how_.height);
  how.width = near(width, least_[axis + 1], how_.width);
  return how;
}

// No more than they need: the buffers are those of the largest, with items one after another from the first
// on.
void ImagePipeline::setShapes(std::span<const ImageView> images) {
  if (sizedByImage()) {
    const ImagePreprocess how = howFor(images[0]);
    Shape shape = input_.shape;
    const std::size_t axis = how.channelsLast ? 1 : 2;
    shape[axis] = how.height;
    shape[axis + 1] = how.width;
    return context_.setShapes({{input_.name, shape}});
  }
  if (sizes_.empty()) return;
  const auto size = std::ranges::lower_bound(sizes_, static_cast<std::int64_t>(images.size()));
  context_.setShapes(shapesOfItems(*engine_, *size));
}

cl::Buffer ImagePipeline::buffer(std::size_t bytes) const {
  return cl::Buffer(engine_->device().impl().context(), CL_MEM_READ_WRITE, std::max<std::size_t>(bytes, 16));
}

// Upload, then preprocessing into item `item` of the input binding.
void ImagePipeline::enqueueImage(Slot& slot, const ImageView& image, std::int64_t item, Work& work) {
  if (slot.bytes < image.bytes()) {
    slot.bytes = 0;  // until it is there
    slot.pixels = {};
    slot.pixels = buffer(image.bytes());
    slot.bytes = image.bytes();
  }
  std::vector<cl::Event> uploaded(1);
  upload_.enqueueWriteBuffer(slot.pixels, CL_FALSE, 0, image.bytes(), image.pixels, nullptr, &uploaded[0]);
  upload_.flush();
  Attributes how = howFor(image).attributes();
  ImageSource::describe(how, image.format, image.colors);
  OpView view = inferredView("ImagePreprocess", std::move(how), {{DataType::UInt8, image.shape(), {}}});
  view.outputs[0].layout.offset = item * view.outputs[0].size();
  ops_.enqueue(compute_, view, {slot.pixels}, {inputBuffer_}, &uploaded, &work.before.emplace_back());
}

void ImagePipeline::check(std::span<const ImageView> images) const {
  if (images.empty() || images.size() > static_cast<std::size_t>(batch()))
    throw Error(ErrorCode::InvalidArgument, "a submission has 1 to " + std::to_string(batch()) +
                                                " images, not " + std::to_string(images.size()));
  if (pending_.size() >= kSets)
    throw Error(ErrorCode::InvalidArgument, "two submissions wait already; collect one first");
  for (const ImageView& image : images)
    if (!image.pixels || image.height < 1 || image.width < 1)
      throw Error(ErrorCode::InvalidArgument, "an image has no pixels");
    else if (image.format == PixelFormat::Nv12 && (image.height % 2 != 0 || image.width % 2 != 0))
      throw Error(ErrorCode::InvalidArgument, "an image of " + std::to_string(image.height) + "x" +
                                                  std::to_string(image.width) +
                                                  " can not be NV12, whose height and width are even");
}

void ImagePipeline::submit(std::span<const ImageView> images, const Results& results,
                           const std::function<void()>& fill) {
  check(images);
  const std::size_t set = next_;
  next_ = (next_ + 1) % kSets;
  Work& work = pending_.emplace_back();
  try {
    guarded("running on images", [&] {
      setShapes(images);
      for (std::size_t i = 0; fills_ && i < images.size(); ++i)
        enqueueImage(sets_[set][i], images[i], static_cast<std::int64_t>(i), work);
      if (fill) fill();
      compute_.enqueueMarkerWithWaitList(nullptr, &work.ready);
      cl_event done = nullptr;
      context_.enqueue(compute_(), {}, &done);
      work.done = cl::Event(done);
      results(set, work);
      compute_.flush();
    });
  } catch (...) {  // commands already enqueued write into what is dropped here
    finish();
    pending_.pop_back();
    throw;
  }
}

ImageTimes ImagePipeline::collect() {
  if (pending_.empty()) throw Error(ErrorCode::InvalidArgument, "nothing was submitted");
  const Work work = std::move(pending_.front());
  pending_.pop_front();
  return guarded("waiting for what images gave", [&] {
    cl::Event::waitForEvents(work.after);
    const auto time = [](const cl::Event& event, cl_profiling_info what) {
      cl_ulong nanoseconds = 0;
      clGetEventProfilingInfo(event(), what, sizeof(nanoseconds), &nanoseconds, nullptr);
      return static_cast<double>(nanoseconds) * 1e-6;
    };
    ImageTimes times;
    for (const auto& event : work.before)
      times.preprocess += time(event, CL_PROFILING_COMMAND_END) - time(event, CL_PROFILING_COMMAND_START);
    times.preprocess /= static_cast<double>(std::max<std::size_t>(work.before.size(), 1));
    times.network = time(work.done, CL_PROFILING_COMMAND_END) - time(work.ready, CL_PROFILING_COMMAND_END);
    return times;
  });
}

void ImagePipeline::finish() noexcept {
  // Mesa's rusticl (22.3) returns from clFinish while flushed commands still run, so their events come first.
  for (const Work& work : pending_)
    for (const cl::Event& event : work.after)
      if (const cl_event handle = event()) clWaitForEvents(1, &handle);
  for (const cl::CommandQueue* queue : {&upload_, &compute_, &download_})
    if ((*queue)()) clFinish((*queue)());
}

}  // namespace tessera
