// Segmenting images.
#include "tessera/segmentation.hpp"

#include <algorithm>
#include <deque>

#include "exec/image_input.hpp"
#include "exec/image_pipeline.hpp"
#include "exec/segmentation_output.hpp"
#include "ops/image.hpp"

namespace tessera {
namespace {

/// What of a network is used, and how.
struct Roles {
  Binding input, output;
  ClassOutput result;
};

// Completes `options`.
Roles rolesOf(const std::vector<Binding>& bindings, SegmentationOptions& options) {
  ImagePreprocess& how = options.preprocess;
  const Binding input = imageInputOf(bindings, options.input, how);
  if (how.fit == ImageFit::Crop)
    throw Error(
        ErrorCode::InvalidArgument,
        "the network is to see a part of each image only (fit crop), so there is no class map of all of it");
  const Binding output = soleBinding(bindings, options.output, false);
  return {input, output, classOutputOf(output, input.shape[0], {how.height, how.width}, options)};
}

}  // namespace

/// How one image goes through the network.
struct ImageRoute {
  ImagePreprocess how;
  ClassOutput result;
};

struct Segmentation::Impl {
  /// Device buffers of one image; they grow as images need.
  struct Slot {
    cl::Buffer map, classes, colors, overlay;
    std::size_t pixels = 0;
  };

  Impl(std::shared_ptr<const Engine> engine, const Binding& in, SegmentationOptions o)
      : options(std::move(o)), input(in), pipeline(std::move(engine), in, options.preprocess) {}

  SegmentationOptions options;
  Binding input, output;
  ClassOutput result;
  ImagePipeline pipeline;
  cl::Buffer outputBuffer, palette;
  std::vector<Slot> sets[ImagePipeline::kSets];
  std::deque<SegmentedBatch> pending;  ///< what the pipeline's reads write into

  std::int64_t mapPixels() const { return result.height * result.width; }
  std::size_t classBytes() const { return result.how.wide ? sizeof(std::int32_t) : 1; }
  std::int64_t paletteSize() const { return std::max<std::int64_t>(kPaletteSize, result.classes); }

  OutputLayout layout() const;
  void create();
  void uploadPalette(std::span<const std::array<std::uint8_t, 4>> colors);
  void grow(Slot& slot, std::size_t pixels) const;
  ImageRoute routeOf(const ImageView& image);
  void enqueueResult(Slot& slot, std::int64_t item, const cl::Buffer& pixels, const ImageRoute& route,
                     SegmentedImage& image, ImagePipeline::Work& work);
};

void Segmentation::Impl::create() {
  outputBuffer = cl::Buffer(pipeline.context().buffer(output.name), true);
  palette = pipeline.buffer(static_cast<std::size_t>(paletteSize()) * 4);
  uploadPalette(options.palette);
  for (auto& set : sets) set.resize(static_cast<std::size_t>(pipeline.batch()));
}

void Segmentation::Impl::uploadPalette(std::span<const std::array<std::uint8_t, 4>> colors) {
  std::vector<std::array<std::uint8_t, 4>> entries(static_cast<std::size_t>(paletteSize()));
  std::copy_n(colors.begin(), std::min(colors.size(), entries.size()), entries.begin());
  pipeline.compute().enqueueWriteBuffer(palette, CL_TRUE, 0, entries.size() * 4, entries.data());
}

void Segmentation::Impl::grow(Slot& slot, std::size_t pixels) const {
  if (!slot.map()) slot.map = pipeline.buffer(static_cast<std::size_t>(mapPixels()) * classBytes());
  if (slot.pixels >= pixels) return;
  slot.pixels = 0;  // until all of it is there
  slot.classes = slot.colors = slot.overlay = {};
  slot.classes = pipeline.buffer(pixels * classBytes());
  slot.colors = pipeline.buffer(pixels * 3);
  slot.overlay = pipeline.buffer(pixels * 3);
  slot.pixels = pixels;
}

// At the shapes that the context has now.
ImageRoute Segmentation::Impl::routeOf(const ImageView& image) {
  if (!pipeline.sizedByImage()) return {options.preprocess, result};
  ImageRoute route{pipeline.howFor(image), {}};
  SegmentationOptions same = options;  // as at the largest size
  same.layout = layout();
  same.fewestClasses = same.mostClasses = result.classes;
  route.result =
      classOutputOf(pipeline.context().binding(output.name), 1, {route.how.height, route.how.width}, same);
  return route;
}

// The image's region of the network's input, in pixels of its output.
ImageRegion mapRegion(const ImageRoute& route, std::int64_t height, std::int64_t width) {
  const auto& [how, result] = route;
  ImageRegion region = imageRegion(how, height, width);
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
void Segmentation::Impl::enqueueResult(Slot& slot, std::int64_t item, const cl::Buffer& pixels,
                                       const ImageRoute& route, SegmentedImage& image,
                                       ImagePipeline::Work& work) {
  const ClassOutput& made = route.result;
  image.mapHeight = made.height;
  image.mapWidth = made.width;
  grow(slot, static_cast<std::size_t>(image.height * image.width));
  DeviceOps& ops = pipeline.ops();
  const cl::CommandQueue &compute = pipeline.compute(), &download = pipeline.download();
  OpView argmax = inferredView("ClassMap", made.how.attributes(), {{output.type, made.item, {}}});
  argmax.inputs[0].layout.offset = item * elementCount(made.item);
  const DataType classType = argmax.outputs[0].type;
  ops.enqueue(compute, argmax, {outputBuffer}, {slot.map});

  const ImageRegion region = mapRegion(route, image.height, image.width);
  const std::int64_t border = options.border >= 0 ? options.border : (image.width + 1023) / 1024;
  const OpView color = inferredView(
      "ClassColor",
      {{"size", std::vector<std::int64_t>{image.height, image.width}},
       {"region", std::vector<std::int64_t>{region.top, region.left, region.height, region.width}},
       {"border", border}},
      {{classType, {1, 1, made.height, made.width}, {}},
       {DataType::UInt8, {paletteSize(), 4}, {}},
       {DataType::UInt8, {1, image.height, image.width, 3}, {}}});
  std::vector<cl::Event> colored(1);
  ops.enqueue(compute, color, {slot.map, palette, pixels}, {slot.classes, slot.colors, slot.overlay}, nullptr,
              &colored[0]);
  compute.flush();

  const std::size_t count = static_cast<std::size_t>(image.height * image.width);
  const auto read = [&](const cl::Buffer& from, auto& to, std::size_t elements) {
    to.resize(elements);
    download.enqueueReadBuffer(from, CL_FALSE, 0, elements * sizeof(to[0]), to.data(), &colored,
                               &work.after.emplace_back());
  };
  const auto mapPixels = static_cast<std::size_t>(made.height * made.width);
  if (made.how.wide) {
    read(slot.map, image.wideMap, mapPixels);
    read(slot.classes, image.wideClasses, count);
  } else {
    read(slot.map, image.map, mapPixels);
    read(slot.classes, image.classes, count);
  }
  read(slot.colors, image.colors, count * 3);
  read(slot.overlay, image.overlay, count * 3);
  download.flush();
}

void Segmentation::check(const std::vector<Binding>& bindings, const SegmentationOptions& options) {
  SegmentationOptions completed = options;
  rolesOf(bindings, completed);
}

Segmentation::Segmentation(std::shared_ptr<const Engine> engine, SegmentationOptions options) {
  const bool ownSizes = options.preprocess.height == 0 && options.preprocess.width == 0;
  Roles roles = rolesOf(engine->bindings(), options);
  impl_ = std::make_unique<Impl>(std::move(engine), roles.input, std::move(options));
  impl_->output = std::move(roles.output);
  impl_->result = std::move(roles.result);
  if (ownSizes) impl_->pipeline.sizeByImage();
  guarded("preparing to segment images", [&] { impl_->create(); });
}

Segmentation::~Segmentation() {
  if (impl_) impl_->pipeline.finish();  // reads into pending results must end before their memory goes
}
Segmentation::Segmentation(Segmentation&&) noexcept = default;

int Segmentation::batch() const { return static_cast<int>(impl_->pipeline.batch()); }
int Segmentation::classes() const { return impl_->result.classes; }
OutputLayout Segmentation::layout() const { return impl_->layout(); }
OutputLayout Segmentation::Impl::layout() const {
  switch (result.how.layout) {
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
  s.pipeline.check(images);
  for (const ImageView& image : images)
    if (image.format != PixelFormat::Bgr)
      throw Error(ErrorCode::InvalidArgument,
                  "an image is " + std::string(toString(image.format)) +
                      ", and overlays are painted on BGR only: convert it, or take a Runner, which gives the "
                      "network's outputs for every format");
  SegmentedBatch& batch = s.pending.emplace_back();
  for (const ImageView& image : images) {
    SegmentedImage& made = batch.images.emplace_back();
    made.height = image.height;
    made.width = image.width;
  }
  try {
    s.pipeline.submit(images, [&](std::size_t set, ImagePipeline::Work& work) {
      for (std::size_t i = 0; i < images.size(); ++i)
        s.enqueueResult(s.sets[set][i], static_cast<std::int64_t>(i), s.pipeline.pixels(set, i),
                        s.routeOf(images[i]), batch.images[i], work);
    });
  } catch (...) {
    s.pending.pop_back();
    throw;
  }
}

SegmentedBatch Segmentation::collect() {
  Impl& s = *impl_;
  if (s.pending.empty()) throw Error(ErrorCode::InvalidArgument, "nothing was submitted");
  SegmentedBatch batch = std::move(s.pending.front());  // gone also where its work failed
  s.pending.pop_front();
  const ImageTimes times = s.pipeline.collect();
  batch.preprocess = times.preprocess;
  batch.network = times.network;
  return batch;
}

SegmentedImage Segmentation::run(const ImageView& image) {
  while (waiting() > 0) collect();
  submit({&image, 1});
  return std::move(collect().images.front());
}

}  // namespace tessera
