// Segmenting images. Three in-order queues (upload, the context's own for kernels, download) and two sets of
// buffers let the transfers of one batch overlap the kernels of another.
#include "tessera/segmentation.hpp"

#include <algorithm>
#include <deque>

#include "cl/cl.hpp"
#include "launch/device_ops.hpp"
#include "ops/image.hpp"

namespace tessera {
namespace {

constexpr std::size_t kSets = 2;

const Binding& soleBinding(const Engine& engine, const std::string& name, bool isInput) {
  if (!name.empty()) {
    const Binding& found = engine.binding(name);
    if (found.isInput != isInput)
      throw Error(ErrorCode::InvalidArgument,
                  "'" + name + "' is an " + (found.isInput ? "input" : "output") + " of the network");
    return found;
  }
  const Binding* only = nullptr;
  std::string names;
  for (const Binding& binding : engine.bindings()) {
    if (binding.isInput != isInput) continue;
    names += (only ? ", " : "") + binding.name;
    only = &binding;
  }
  const char* side = isInput ? "input" : "output";
  if (!only) throw Error(ErrorCode::InvalidArgument, std::string("the network has no ") + side);
  if (names != only->name)
    throw Error(ErrorCode::InvalidArgument,
                std::string("the network has several ") + side + "s, name one of them: " + names);
  return *only;
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
  cl::CommandQueue upload, compute, download;
  cl::Buffer inputBuffer, outputBuffer, palette;
  std::vector<Slot> sets[kSets];
  std::deque<Pending> pending;
  std::size_t next = 0;

  std::int64_t batchSize() const { return input.shape[0]; }
  std::int64_t mapPixels() const { return output.shape[2] * output.shape[3]; }

  cl::Buffer buffer(std::size_t bytes) const {
    return cl::Buffer(engine->device().impl().context(), CL_MEM_READ_WRITE, std::max<std::size_t>(bytes, 16));
  }
  void create();
  void uploadPalette(std::span<const std::array<std::uint8_t, 4>> colors);
  void grow(Slot& slot, std::size_t pixels) const;
  void enqueueImage(Slot& slot, const ImageView& image, std::int64_t item, Pending& work);
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
  palette = buffer(kPaletteSize * 4);
  uploadPalette(options.palette);
  for (auto& set : sets) set.resize(static_cast<std::size_t>(batchSize()));
}

void Segmentation::Impl::uploadPalette(std::span<const std::array<std::uint8_t, 4>> colors) {
  std::array<std::array<std::uint8_t, 4>, kPaletteSize> entries{};
  std::copy_n(colors.begin(), std::min<std::size_t>(colors.size(), kPaletteSize), entries.begin());
  compute.enqueueWriteBuffer(palette, CL_TRUE, 0, sizeof(entries), entries.data());
}

void Segmentation::Impl::grow(Slot& slot, std::size_t pixels) const {
  if (!slot.map()) slot.map = buffer(static_cast<std::size_t>(mapPixels()));
  if (slot.pixels >= pixels) return;
  slot.image = buffer(pixels * 3);
  slot.classes = buffer(pixels);
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
  SegmentedImage& result = work.batch.images.emplace_back();
  result.height = image.height;
  result.width = image.width;
  result.mapHeight = output.shape[2];
  result.mapWidth = output.shape[3];
}

// Class map, colours and their download.
void Segmentation::Impl::enqueueResult(Slot& slot, std::int64_t item, Pending& work) {
  SegmentedImage& result = work.batch.images[static_cast<std::size_t>(item)];
  const Shape scoresShape{1, output.shape[1], output.shape[2], output.shape[3]};
  OpView argmax = inferredView("ClassMap", {}, {{DataType::Float32, scoresShape, {}}});
  argmax.inputs[0].layout.offset = item * elementCount(scoresShape);
  ops.enqueue(compute, argmax, {outputBuffer}, {slot.map});

  // The image's region of the network's input, in pixels of its output.
  ImageRegion region = imageRegion(options.preprocess.resize, options.preprocess.height,
                                   options.preprocess.width, result.height, result.width);
  const auto scaled = [](std::int64_t v, std::int64_t to, std::int64_t from) {
    return (v * to + from / 2) / from;
  };
  region.top = scaled(region.top, output.shape[2], options.preprocess.height);
  region.left = scaled(region.left, output.shape[3], options.preprocess.width);
  region.height =
      std::max<std::int64_t>(scaled(region.height, output.shape[2], options.preprocess.height), 1);
  region.width = std::max<std::int64_t>(scaled(region.width, output.shape[3], options.preprocess.width), 1);
  region.top = std::min(region.top, output.shape[2] - region.height);
  region.left = std::min(region.left, output.shape[3] - region.width);

  const std::int64_t border = options.border >= 0 ? options.border : (result.width + 1023) / 1024;
  const OpView color = inferredView(
      "ClassColor",
      {{"size", std::vector<std::int64_t>{result.height, result.width}},
       {"region", std::vector<std::int64_t>{region.top, region.left, region.height, region.width}},
       {"border", border}},
      {{DataType::UInt8, {1, 1, output.shape[2], output.shape[3]}, {}},
       {DataType::UInt8, {kPaletteSize, 4}, {}},
       {DataType::UInt8, {1, result.height, result.width, 3}, {}}});
  std::vector<cl::Event> colored(1);
  ops.enqueue(compute, color, {slot.map, palette, slot.image}, {slot.classes, slot.colors, slot.overlay},
              nullptr, &colored[0]);
  compute.flush();

  const std::size_t pixels = static_cast<std::size_t>(result.height * result.width);
  const auto read = [&](const cl::Buffer& from, std::vector<std::uint8_t>& to, std::size_t bytes) {
    to.resize(bytes);
    download.enqueueReadBuffer(from, CL_FALSE, 0, bytes, to.data(), &colored, &work.after.emplace_back());
  };
  read(slot.map, result.map, static_cast<std::size_t>(mapPixels()));
  read(slot.classes, result.classes, pixels);
  read(slot.colors, result.colors, pixels * 3);
  read(slot.overlay, result.overlay, pixels * 3);
  download.flush();
}

Segmentation::Segmentation(std::shared_ptr<const Engine> engine, SegmentationOptions options) {
  const Binding input = soleBinding(*engine, options.input, true);
  const Binding output = soleBinding(*engine, options.output, false);
  const auto described = [](const Binding& b) {
    return "'" + b.name + "' is " + std::string(toString(b.type)) + ":" + toString(b.shape);
  };
  if (input.type != DataType::Float32 || input.shape.size() != 4 || input.shape[1] != 3 || input.shape[0] < 1)
    throw Error(ErrorCode::InvalidArgument,
                "the network's input " + described(input) + "; images go into f32:Nx3xHEIGHTxWIDTH");
  if (output.type != DataType::Float32 || output.shape.size() != 4 || output.shape[0] != input.shape[0] ||
      output.shape[1] < 2 || output.shape[1] > kPaletteSize)
    throw Error(ErrorCode::InvalidArgument, "the network's output " + described(output) +
                                                "; a segmentation gives scores f32:NxCLASSESxHEIGHTxWIDTH");
  if (options.preprocess.height == 0 && options.preprocess.width == 0) {
    options.preprocess.height = input.shape[2];
    options.preprocess.width = input.shape[3];
  }
  if (options.preprocess.height != input.shape[2] || options.preprocess.width != input.shape[3])
    throw Error(ErrorCode::InvalidArgument, "images are to become " +
                                                std::to_string(options.preprocess.height) + "x" +
                                                std::to_string(options.preprocess.width) +
                                                ", but the network's input " + described(input));
  impl_ = std::make_unique<Impl>(std::move(engine));
  impl_->options = std::move(options);
  impl_->input = input;
  impl_->output = output;
  guarded("preparing to segment images", [&] { impl_->create(); });
}

Segmentation::~Segmentation() {
  if (impl_) impl_->finish();  // reads into pending results must end before their memory goes
}
Segmentation::Segmentation(Segmentation&&) noexcept = default;

int Segmentation::batch() const { return static_cast<int>(impl_->batchSize()); }
int Segmentation::classes() const { return static_cast<int>(impl_->output.shape[1]); }
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
  Impl::Pending& work = s.pending.front();
  SegmentedBatch batch = guarded("waiting for segmented images", [&] {
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
  s.pending.pop_front();
  return batch;
}

SegmentedImage Segmentation::run(const ImageView& image) {
  while (waiting() > 0) collect();
  submit({&image, 1});
  return std::move(collect().images.front());
}

}  // namespace tessera
