// Segmenting images. Three in-order queues (upload, the context's own for kernels, download) and two sets of
// buffers let the transfers of one batch overlap the kernels of another.
#include "tessera/segmentation.hpp"

#include <algorithm>
#include <deque>

#include "cl/cl.hpp"
#include "exec/device_ops.hpp"
#include "exec/segmentation_output.hpp"
#include "ops/image.hpp"

namespace tessera {
namespace {

constexpr std::size_t kSets = 2;

const Binding& soleBinding(const std::vector<Binding>& bindings, const std::string& name, bool isInput) {
  const std::string side = isInput ? "input" : "output";
  const Binding* found = nullptr;
  std::string names;
  for (const Binding& binding : bindings) {
    if (!name.empty() && binding.name == name && binding.isInput != isInput)
      throw Error(ErrorCode::InvalidArgument, "'" + name + "' is no " + side + " of the network");
    if (binding.isInput != isInput) continue;
    names += (names.empty() ? "'" : ", '") + binding.name + "'";
    if (name.empty() || binding.name == name) found = &binding;
  }
  if (names.empty()) throw Error(ErrorCode::InvalidArgument, "the network has no " + side);
  if (!found)
    throw Error(ErrorCode::InvalidArgument,
                "the network has no " + side + " '" + name + "'; its " + side + "s are " + names);
  if (name.empty() && names != "'" + found->name + "'")
    throw Error(ErrorCode::InvalidArgument, "the network has several " + side + "s, name one of them (" +
                                                side + ".name in the model's description" +
                                                (isInput ? "" : ", or --output") + "): " + names);
  return *found;
}

// What no image fills would be computed with as it lies in memory.
void requireNoOtherInput(const std::vector<Binding>& bindings, const Binding& image) {
  std::string others;
  for (const Binding& binding : bindings)
    if (binding.isInput && binding.name != image.name)
      others += (others.empty() ? "'" : ", '") + binding.name + "' (" + std::string(toString(binding.type)) +
                ":" + toString(binding.shape) + ")";
  if (others.empty()) return;
  throw Error(ErrorCode::InvalidArgument,
              "images fill the network's input '" + image.name + "' only, and nothing fills " + others +
                  ": make it a constant when the model is imported (--freeze NAME=VALUE)");
}

/// What of a network is used, and how.
struct Roles {
  Binding input, output;
  ClassOutput result;
};

// Completes `options`.
Roles rolesOf(const std::vector<Binding>& bindings, SegmentationOptions& options) {
  const Binding input = soleBinding(bindings, options.input, true);
  requireNoOtherInput(bindings, input);
  const Binding output = soleBinding(bindings, options.output, false);
  ImagePreprocess& how = options.preprocess;
  const std::string described =
      "'" + input.name + "' is " + std::string(toString(input.type)) + ":" + toString(input.shape);
  const auto place = imagePlaceOf(input.shape);
  if (input.type != DataType::Float32 || !place)
    throw Error(ErrorCode::InvalidArgument,
                "the network's input " + described +
                    "; colour images go into f32:Nx3xHEIGHTxWIDTH or f32:NxHEIGHTxWIDTHx3");
  how.channelsLast = place->channelsLast;
  if (how.height == 0 && how.width == 0) {
    how.height = place->height;
    how.width = place->width;
  }
  if (how.height != place->height || how.width != place->width)
    throw Error(ErrorCode::InvalidArgument, "images are to become " + std::to_string(how.height) + "x" +
                                                std::to_string(how.width) + ", but the network's input " +
                                                described);
  return {input, output, classOutputOf(output, input.shape[0], {how.height, how.width}, options)};
}

}  // namespace

struct Segmentation::Impl {
  /// Device buffers of one image; they grow as images need.
  struct Slot {
    cl::Buffer image, map, classes, colors, overlay;
    std::size_t pixels = 0;
  };
  struct Pending {
    SegmentedBatch batch;
    std::vector<cl::Event> before, after;  ///< preprocessing of each image; read-backs
    cl::Event ready, done;                 ///< network may begin; network is done
  };

  explicit Impl(std::shared_ptr<const Engine> e)
      : engine(std::move(e)), context(engine), ops(engine->device()) {}

  std::shared_ptr<const Engine> engine;
  Context context;
  DeviceOps ops;
  SegmentationOptions options;
  Binding input, output;
  ClassOutput result;
  cl::CommandQueue upload, compute, download;
  cl::Buffer inputBuffer, outputBuffer, palette;
  std::vector<Slot> sets[kSets];
  std::deque<Pending> pending;
  std::size_t next = 0;

  std::int64_t batchSize() const { return input.shape[0]; }
  std::int64_t mapPixels() const { return result.height * result.width; }
  std::size_t classBytes() const { return result.how.wide ? sizeof(std::int32_t) : 1; }
  std::int64_t paletteSize() const { return std::max<std::int64_t>(kPaletteSize, result.classes); }

  cl::Buffer buffer(std::size_t bytes) const {
    return cl::Buffer(engine->device().impl().context(), CL_MEM_READ_WRITE, std::max<std::size_t>(bytes, 16));
  }
  void create();
  void uploadPalette(std::span<const std::array<std::uint8_t, 4>> colors);
  void grow(Slot& slot, std::size_t pixels) const;
  void enqueueImage(Slot& slot, const ImageView& image, std::int64_t item, Pending& work);
  ImageRegion mapRegion(std::int64_t height, std::int64_t width) const;
  void enqueueResult(Slot& slot, std::int64_t item, Pending& work);
  void finish() noexcept {
    // Mesa's rusticl (22.3) returns from clFinish while flushed commands still run, so their events come
    // first.
    for (const Pending& work : pending)
      for (const cl::Event& event : work.after)
        if (const cl_event handle = event()) clWaitForEvents(1, &handle);
    for (const cl::CommandQueue* queue : {&upload, &compute, &download})
      if ((*queue)()) clFinish((*queue)());
  }
};

void Segmentation::Impl::create() {
  const auto& device = engine->device().impl();
  upload = cl::CommandQueue(device.context(), device.device, CL_QUEUE_PROFILING_ENABLE);
  download = cl::CommandQueue(device.context(), device.device);
  compute = cl::CommandQueue(context.queue(), true);
  inputBuffer = cl::Buffer(context.buffer(input.name), true);
  outputBuffer = cl::Buffer(context.buffer(output.name), true);
  palette = buffer(static_cast<std::size_t>(paletteSize()) * 4);
  uploadPalette(options.palette);
  for (auto& set : sets) set.resize(static_cast<std::size_t>(batchSize()));
}

void Segmentation::Impl::uploadPalette(std::span<const std::array<std::uint8_t, 4>> colors) {
  std::vector<std::array<std::uint8_t, 4>> entries(static_cast<std::size_t>(paletteSize()));
  std::copy_n(colors.begin(), std::min(colors.size(), entries.size()), entries.begin());
  compute.enqueueWriteBuffer(palette, CL_TRUE, 0, entries.size() * 4, entries.data());
}

void Segmentation::Impl::grow(Slot& slot, std::size_t pixels) const {
  if (!slot.map()) slot.map = buffer(static_cast<std::size_t>(mapPixels()) * classBytes());
  if (slot.pixels >= pixels) return;
  slot.pixels = 0;  // until all of it is there
  slot.image = slot.classes = slot.colors = slot.overlay = {};
  slot.image = buffer(pixels * 3);
  slot.classes = buffer(pixels * classBytes());
  slot.colors = buffer(pixels * 3);
  slot.overlay = buffer(pixels * 3);
  slot.pixels = pixels;
}

// Upload, then preprocessing into item `item` of the input binding.
void Segmentation::Impl::enqueueImage(Slot& slot, const ImageView& image, std::int64_t item, Pending& work) {
  grow(slot, static_cast<std::size_t>(image.height * image.width));
  std::vector<cl::Event> uploaded(1);
  upload.enqueueWriteBuffer(slot.image, CL_FALSE, 0, image.bytes(), image.pixels, nullptr, &uploaded[0]);
  upload.flush();
  OpView view = inferredView("ImagePreprocess", options.preprocess.attributes(),
                             {{DataType::UInt8, {1, image.height, image.width, 3}, {}}});
  view.outputs[0].layout.offset = item * view.outputs[0].size();
  ops.enqueue(compute, view, {slot.image}, {inputBuffer}, &uploaded, &work.before.emplace_back());
  SegmentedImage& made = work.batch.images.emplace_back();
  made.height = image.height;
  made.width = image.width;
  made.mapHeight = result.height;
  made.mapWidth = result.width;
}

// The image's region of the network's input, in pixels of its output.
ImageRegion Segmentation::Impl::mapRegion(std::int64_t height, std::int64_t width) const {
  const ImagePreprocess& how = options.preprocess;
  ImageRegion region = imageRegion(how.resize, how.height, how.width, height, width);
  const auto scaled = [](std::int64_t v, std::int64_t to, std::int64_t from) {
    return (v * to + from / 2) / from;
  };
  region.top = scaled(region.top, result.height, how.height);
  region.left = scaled(region.left, result.width, how.width);
  region.height = std::max<std::int64_t>(scaled(region.height, result.height, how.height), 1);
  region.width = std::max<std::int64_t>(scaled(region.width, result.width, how.width), 1);
  region.top = std::min(region.top, result.height - region.height);
  region.left = std::min(region.left, result.width - region.width);
  return region;
}

// Class map, colours and their download.
void Segmentation::Impl::enqueueResult(Slot& slot, std::int64_t item, Pending& work) {
  SegmentedImage& image = work.batch.images[static_cast<std::size_t>(item)];
  OpView argmax = inferredView("ClassMap", result.how.attributes(), {{output.type, result.item, {}}});
  argmax.inputs[0].layout.offset = item * elementCount(result.item);
  const DataType classType = argmax.outputs[0].type;
  ops.enqueue(compute, argmax, {outputBuffer}, {slot.map});

  const ImageRegion region = mapRegion(image.height, image.width);
  const std::int64_t border = options.border >= 0 ? options.border : (image.width + 1023) / 1024;
  const OpView color = inferredView(
      "ClassColor",
      {{"size", std::vector<std::int64_t>{image.height, image.width}},
       {"region", std::vector<std::int64_t>{region.top, region.left, region.height, region.width}},
       {"border", border}},
      {{classType, {1, 1, result.height, result.width}, {}},
       {DataType::UInt8, {paletteSize(), 4}, {}},
       {DataType::UInt8, {1, image.height, image.width, 3}, {}}});
  std::vector<cl::Event> colored(1);
  ops.enqueue(compute, color, {slot.map, palette, slot.image}, {slot.classes, slot.colors, slot.overlay},
              nullptr, &colored[0]);
  compute.flush();

  const std::size_t pixels = static_cast<std::size_t>(image.height * image.width);
  const auto read = [&](const cl::Buffer& from, auto& to, std::size_t elements) {
    to.resize(elements);
    download.enqueueReadBuffer(from, CL_FALSE, 0, elements * sizeof(to[0]), to.data(), &colored,
                               &work.after.emplace_back());
  };
  if (result.how.wide) {
    read(slot.map, image.wideMap, static_cast<std::size_t>(mapPixels()));
    read(slot.classes, image.wideClasses, pixels);
  } else {
    read(slot.map, image.map, static_cast<std::size_t>(mapPixels()));
    read(slot.classes, image.classes, pixels);
  }
  read(slot.colors, image.colors, pixels * 3);
  read(slot.overlay, image.overlay, pixels * 3);
  download.flush();
}

void Segmentation::check(const std::vector<Binding>& bindings, const SegmentationOptions& options) {
  SegmentationOptions completed = options;
  rolesOf(bindings, completed);
}

Segmentation::Segmentation(std::shared_ptr<const Engine> engine, SegmentationOptions options) {
  Roles roles = rolesOf(engine->bindings(), options);
  impl_ = std::make_unique<Impl>(std::move(engine));
  impl_->options = std::move(options);
  impl_->input = std::move(roles.input);
  impl_->output = std::move(roles.output);
  impl_->result = std::move(roles.result);
  guarded("preparing to segment images", [&] { impl_->create(); });
}

Segmentation::~Segmentation() {
  if (impl_) impl_->finish();  // reads into pending results must end before their memory goes
}
Segmentation::Segmentation(Segmentation&&) noexcept = default;

int Segmentation::batch() const { return static_cast<int>(impl_->batchSize()); }
int Segmentation::classes() const { return impl_->result.classes; }
OutputLayout Segmentation::layout() const {
  switch (impl_->result.how.layout) {
    case ClassMapLayout::Scores:
      return OutputLayout::Nchw;
    case ClassMapLayout::ScoresLast:
      return OutputLayout::Nhwc;
    case ClassMapLayout::Classes:
      return OutputLayout::Classes;
    case ClassMapLayout::Mask:
      break;
  }
  return OutputLayout::Mask;
}
std::size_t Segmentation::waiting() const { return impl_->pending.size(); }

void Segmentation::setPalette(std::span<const std::array<std::uint8_t, 4>> palette) {
  guarded("uploading a palette", [&] { impl_->uploadPalette(palette); });
}

void Segmentation::submit(std::span<const ImageView> images) {
  Impl& s = *impl_;
  if (images.empty() || images.size() > static_cast<std::size_t>(s.batchSize()))
    throw Error(ErrorCode::InvalidArgument, "a submission has 1 to " + std::to_string(s.batchSize()) +
                                                " images, not " + std::to_string(images.size()));
  if (s.pending.size() >= kSets)
    throw Error(ErrorCode::InvalidArgument, "two submissions wait already; collect one first");
  for (const ImageView& image : images)
    if (!image.pixels || image.height < 1 || image.width < 1)
      throw Error(ErrorCode::InvalidArgument, "an image has no pixels");
  auto& slots = s.sets[s.next];
  s.next = (s.next + 1) % kSets;
  Impl::Pending& work = s.pending.emplace_back();
  try {
    guarded("segmenting", [&] {
      work.batch.images.reserve(images.size());
      for (std::size_t i = 0; i < images.size(); ++i)
        s.enqueueImage(slots[i], images[i], static_cast<std::int64_t>(i), work);
      s.compute.enqueueMarkerWithWaitList(nullptr, &work.ready);
      cl_event done = nullptr;
      s.context.enqueue(s.compute(), {}, &done);
      work.done = cl::Event(done);
      for (std::size_t i = 0; i < images.size(); ++i)
        s.enqueueResult(slots[i], static_cast<std::int64_t>(i), work);
    });
  } catch (...) {  // commands already enqueued write into what is dropped here
    s.finish();
    s.pending.pop_back();
    throw;
  }
}

SegmentedBatch Segmentation::collect() {
  Impl& s = *impl_;
  if (s.pending.empty()) throw Error(ErrorCode::InvalidArgument, "nothing was submitted");
  Impl::Pending work = std::move(s.pending.front());  // gone also where its work failed
  s.pending.pop_front();
  return guarded("waiting for segmented images", [&] {
    cl::Event::waitForEvents(work.after);
    const auto time = [](const cl::Event& event, cl_profiling_info what) {
      cl_ulong nanoseconds = 0;
      clGetEventProfilingInfo(event(), what, sizeof(nanoseconds), &nanoseconds, nullptr);
      return static_cast<double>(nanoseconds) * 1e-6;
    };
    for (const auto& event : work.before)
      work.batch.preprocess +=
          time(event, CL_PROFILING_COMMAND_END) - time(event, CL_PROFILING_COMMAND_START);
    work.batch.preprocess /= static_cast<double>(work.before.size());
    work.batch.network =
        time(work.done, CL_PROFILING_COMMAND_END) - time(work.ready, CL_PROFILING_COMMAND_END);
    return std::move(work.batch);
  });
}

SegmentedImage Segmentation::run(const ImageView& image) {
  while (waiting() > 0) collect();
  submit({&image, 1});
  return std::move(collect().images.front());
}

}  // namespace tessera
