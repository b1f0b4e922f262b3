// From options to files and a result.
#include "apps/segmenter/segmenter.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <cstdio>
#include <opencv2/videoio.hpp>
#include <set>

#include "apps/common/background.hpp"
#include "apps/common/images.hpp"
#include "apps/common/model.hpp"
#include "apps/common/plans.hpp"
#include "apps/common/videos.hpp"
#include "apps/segmenter/annotations.hpp"
#include "apps/segmenter/legend.hpp"
#include "apps/segmenter/output.hpp"
#include "apps/segmenter/report.hpp"
#include "tessera/log.hpp"

namespace tessera::app {
namespace {

/// A network ready to segment, with its labels.
struct Prepared {
  Segmentation segmentation;
  LabelSet labels;
  std::string device;
  Precision precision;
  MemoryUse memory;
  bool numberOpen = false;  ///< nothing says how many classes there are
};

std::optional<LabelSet> labelsFor(const SegmenterOptions& options, const Sidecar& sidecar) {
  if (!options.labels.empty()) return loadLabels(options.labels);
  if (!sidecar.labels.is_null()) return labelsOf(sidecar.labels, sidecar.file.parent_path().string());
  return std::nullopt;
}

// Rows and columns of the first picture that can be read: the size of a network that leaves it open.
cv::Size firstSize(const std::vector<ImageFile>& files, const std::vector<std::string>& videos) {
  for (const ImageFile& file : files) try {
      return readImage(file.path).size();
    } catch (const Error&) {  // reported where it is its turn
    }
  for (const std::string& file : videos) {
    cv::VideoCapture video(file);
    cv::Mat frame;
    if (video.isOpened() && video.read(frame)) return frame.size();
  }
  throw Error(
      ErrorCode::InvalidArgument,
      "The model leaves the size of its images open, and no image can be read: give the size with --shape.");
}

// The shape of the image input of a model that leaves it open: of the description's size, else of the first
// image's, which `taken` then says. None where the model fixes it.
std::optional<Shape> openImageShape(const SegmenterOptions& options, const ImagePreprocess& how,
                                    const std::vector<ImageFile>& files,
                                    const std::vector<std::int64_t>& declared, cv::Size& taken) {
  if (how.height > 0) return imageShapeFor(declared, options.maxBatch, how.height, how.width);
  const bool sizeOpen =
      declared.empty() || std::any_of(declared.begin() + 1, declared.end(), [](auto e) { return e < 0; });
  if (!sizeOpen) return std::nullopt;
  taken = firstSize(files, options.videos);
  return imageShapeFor(declared, options.maxBatch, taken.height, taken.width);
}

Graph importNetwork(const SegmenterOptions& options, const Sidecar& sidecar,
                    const std::vector<ImageFile>& files) {
  ImportOptions importing;
  importing.inputShapes = options.shapes.shapes();
  options.freeze.apply(importing);
  cv::Size size;
  importing.openShape = [&](const std::string& name, const std::vector<std::int64_t>& declared) {
    const bool image = sidecar.input.empty() || name == sidecar.input;
    return image ? openImageShape(options, sidecar.preprocess, files, declared, size) : std::nullopt;
  };
  try {
    return loadModel(options.model, options.maxBatch, importing);
  } catch (const Error& e) {
    if (size.empty()) throw;
    throw Error(e.code(),
                sentence("The model was taken for images of " + std::to_string(size.height) + "x" +
                         std::to_string(size.width) +
                         ", the size of the first one (others: input.size in the description, or --shape): " +
                         e.what()));
  }
}

std::vector<Binding> bindingsOf(const Graph& graph) {
  std::vector<Binding> bindings;
  for (const TensorId id : graph.inputs())
    bindings.push_back({graph.tensor(id).name, graph.tensor(id).type, graph.tensor(id).shape, true});
  for (const TensorId id : graph.outputs())
    bindings.push_back({graph.tensor(id).name, graph.tensor(id).type, graph.tensor(id).shape, false});
  return bindings;
}

/// What a model or a plan says of itself; a plan's engine is there already.
struct Described {
  Sidecar sidecar;
  std::shared_ptr<const Engine> planned;
};

Described describe(const SegmenterOptions& options, const Device& device) {
  requireModelFiles(options.model);
  if (!isPlan(options.model)) {
    requireNoSelfCheck(options.model, options.common);
    return {sidecarFor(options.model, options.preprocess), nullptr};
  }
  const auto engine =
      loadPlan(options.model, *options.app, options.common, device, options.common.engineOptions().tuning);
  return {sidecarOfPlan(*engine, options.model, options.preprocess), engine};
}

SegmentationOptions wantedOf(const SegmenterOptions& options, const Sidecar& sidecar) {
  SegmentationOptions wanted;
  wanted.preprocess = sidecar.preprocess;
  wanted.input = sidecar.input;
  wanted.output = options.output.empty() ? sidecar.output : options.output;
  wanted.layout = sidecar.layout;
  wanted.threshold = options.threshold ? options.threshold : sidecar.threshold;
  return wanted;
}

Prepared prepare(const SegmenterOptions& options, const std::vector<ImageFile>& files) {
  const Device device = options.common.selectDevice();
  auto [sidecar, engine] = describe(options, device);
  if (!sidecar.task.empty() && sidecar.task != "segmentation")
    throw Error(ErrorCode::InvalidArgument, sidecar.file.string() + " describes a network for " +
                                                sidecar.task + ", not for segmentation.");
  if (!options.shapes.empty())
    sidecar.preprocess.height = sidecar.preprocess.width = 0;  // the command line decides
  const std::optional<LabelSet> labels = labelsFor(options, sidecar);
  const Graph graph = engine ? engine->graph() : importNetwork(options, sidecar, files);
  try {
    SegmentationOptions wanted = wantedOf(options, sidecar);
    completeOutput(wanted, graph, sidecar, labels);
    Segmentation::check(bindingsOf(graph), wanted);  // before minutes of tuning
    if (!engine) {
      EngineOptions engineOptions = options.common.engineOptions();
      completeInt8(
          options.int8, graph, [&, described = &sidecar] { return *described; }, device, engineOptions);
      engine = Engine::build(graph, device, engineOptions);
    }
    const bool numberOpen = wanted.mostClasses == 0;
    Segmentation segmentation(engine, std::move(wanted));
    LabelSet used = labels ? *labels : numberedLabels(segmentation.classes());
    used.checkClasses(segmentation.classes());
    segmentation.setPalette(used.palette(options.opacity));
    return {std::move(segmentation), std::move(used),  device.caps().name,
            engine->precision(),     engine->memory(), numberOpen};
  } catch (const Error& e) {
    throw Error(e.code(),
                sentence(modelName(options.model) + " with " + sidecar.file.string() + ": " + e.what()));
  }
}

FrameSource imageSource(std::vector<ImageFile> files, std::optional<Annotations> annotations) {
  return [files = std::move(files), annotations = std::move(annotations),
          next = std::size_t{0}]() mutable -> std::optional<Frame> {
    if (next == files.size()) return std::nullopt;
    const ImageFile& file = files[next++];
    Frame frame{file.name, file.path.string(), {}, {}, {}};
    try {
      frame.image = readImage(file.path);
      if (!annotations) return frame;
      const auto annotation = annotations->find(file.path);
      if (!annotation) {
        log().warn("{} has no annotation and is not scored", file.path.string());
        return frame;
      }
      frame.annotation = annotations->read(*annotation);
      if (frame.annotation.size() != frame.image.size())
        throw Error(ErrorCode::InvalidArgument, "The annotation " + annotation->string() + " is " +
                                                    std::to_string(frame.annotation.cols) + "x" +
                                                    std::to_string(frame.annotation.rows) + ", its image " +
                                                    std::to_string(frame.image.cols) + "x" +
                                                    std::to_string(frame.image.rows) + ".");
    } catch (const Error& e) {
      frame.error = e.what();
    }
    return frame;
  };
}

void writeResults(const SegmenterOptions& options, const Prepared& prepared, const std::string& name,
                  SegmentedImage& result) {
  const fs::path out = options.out;
  const bool open = prepared.numberOpen;
  const cv::Mat classes = classImage(result.classes, result.wideClasses, result.height, result.width, open);
  cv::Mat overlay = wrap(result.overlay, result.height, result.width, 3);
  if (options.legend) overlay = withLegend(overlay, classes, prepared.labels);
  writeImage(out / (name + "_overlay.png"), overlay);
  writeImage(out / (name + "_color.png"), wrap(result.colors, result.height, result.width, 3));
  writeImage(out / (name + "_classes.png"),
             options.networkSize
                 ? classImage(result.map, result.wideMap, result.mapHeight, result.mapWidth, open)
                 : classes);
}

void append(FrameStatistics& all, const FrameStatistics& more) {
  all.images += more.images;
  all.failed += more.failed;
  all.seconds += more.seconds;
  all.network.insert(all.network.end(), more.network.begin(), more.network.end());
  all.preprocess.insert(all.preprocess.end(), more.preprocess.begin(), more.preprocess.end());
}

void segmentImages(const SegmenterOptions& options, Prepared& prepared, std::vector<ImageFile> files,
                   std::optional<Annotations> annotations, SegmenterResult& result) {
  Progress progress("segmenting", files.size(), "images");
  WriteBehind writer(4);
  const auto sink = [&](Frame frame, SegmentedImage image) {
    if (!frame.annotation.empty())
      result.confusion->add({frame.annotation.data, frame.annotation.total()}, image.classes);
    if (options.out.empty()) return;
    auto shared = std::make_shared<SegmentedImage>(std::move(image));
    writer.post([&, name = frame.name, shared] { writeResults(options, prepared, name, *shared); });
  };
  append(result.frames, segmentFrames(prepared.segmentation,
                                      imageSource(std::move(files), std::move(annotations)), sink, progress));
  writer.finish();
}

cv::VideoCapture openVideo(const fs::path& file) {
  const auto refuse = [&](const std::string& reason) {
    throw Error(ErrorCode::InvalidArgument, "Can not read video " + file.string() + ": " + reason + ".");
  };
  // What is no name of a file may still be one to OpenCV: a numbered series of images, say.
  if (std::error_code ignored; fs::exists(file, ignored)) {
    if (const std::string why = whyNotRegular(file); !why.empty()) refuse(why);
    if (const std::string why = whyTruncatedVideo(file); !why.empty()) refuse(why);
  }
  cv::VideoCapture video(file.string());
  if (!video.isOpened()) refuse("it is missing, damaged, or in a format that OpenCV does not know");
  return video;
}

void segmentVideo(const SegmenterOptions& options, Prepared& prepared, const fs::path& file,
                  const std::string& name, SegmenterResult& result) {
  cv::VideoCapture video = openVideo(file);
  const double rate = video.get(cv::CAP_PROP_FPS) > 0 ? video.get(cv::CAP_PROP_FPS) : 25;
  Progress progress("segmenting " + file.filename().string(),
                    static_cast<std::size_t>(std::max(0.0, video.get(cv::CAP_PROP_FRAME_COUNT))), "frames");
  const auto source = [&video, &file]() -> std::optional<Frame> {
    Frame frame;
    frame.file = file.string();
    if (!video.read(frame.image)) return std::nullopt;
    return frame;
  };
  const fs::path named = fs::path(options.out) / (name + "_overlay.mp4");
  const auto run = [&](const fs::path& target) {
    cv::VideoWriter writer;
    const auto sink = [&](Frame, SegmentedImage image) {
      if (target.empty()) return;
      const cv::Mat overlay = wrap(image.overlay, image.height, image.width, 3);
      if (!writer.isOpened() &&
          !writer.open(target.string(), cv::VideoWriter::fourcc('m', 'p', '4', 'v'), rate, overlay.size()))
        throw Error(ErrorCode::InvalidArgument,
                    "OpenCV can not write an MPEG-4 video to " + target.string() + ".");
      writer.write(overlay);
    };
    const FrameStatistics frames = segmentFrames(prepared.segmentation, source, sink, progress);
    if (frames.images == 0)
      throw Error(ErrorCode::InvalidArgument, "The video " + file.string() + " has no frames.");
    if (const double promised = video.get(cv::CAP_PROP_FRAME_COUNT);
        static_cast<double>(frames.images) < 0.98 * promised - 1)
      log().warn("{} promises {:.0f} frames; {} could be read", file.string(), promised, frames.images);
    writer.release();
    if (!target.empty()) requireFrames(target, frames.images, named);
    append(result.frames, frames);
  };
  if (options.out.empty())
    run({});
  else
    writeAtomically(named, run);
}

}  // namespace

int runSegmenter(const SegmenterOptions& options) {
  if (options.images.empty() && options.videos.empty()) throw UsageError("--images or --video is required.");
  if (options.annotations.empty() && !options.confusion.empty())
    throw UsageError("--confusion needs --annotations.");
  std::vector<ImageFile> files;
  if (!options.images.empty()) files = listImages(options.images, options.out);
  Prepared prepared = prepare(options, files);
  std::optional<Annotations> annotations;
  SegmenterResult result{prepared.device,
                         modelName(options.model),
                         std::string(toString(prepared.precision)),
                         prepared.segmentation.batch(),
                         {},
                         prepared.labels,
                         std::nullopt,
                         prepared.memory,
                         {}};
  for (const ImageFile& file : files) result.files.emplace_back(file.path.string(), file.name);
  if (!options.annotations.empty()) {
    if (prepared.labels.classes.size() > 256)
      throw Error(ErrorCode::InvalidArgument,
                  "Annotations are 8-bit and scored for at most 256 classes; " +
                      (prepared.numberOpen
                           ? "say how many there are: labels, or output.classes in the description."
                           : "the network has " + std::to_string(prepared.segmentation.classes()) + "."));
    annotations.emplace(options.annotations, prepared.labels);
    if (std::none_of(files.begin(), files.end(),
                     [&](const ImageFile& f) { return annotations->find(f.path); }))
      throw Error(ErrorCode::InvalidArgument,
                  "No file in " + options.annotations + " has the stem of one of the images.");
    result.confusion.emplace(prepared.labels.scored());
  }
  if (!files.empty()) segmentImages(options, prepared, std::move(files), std::move(annotations), result);
  std::set<std::string> names;
  for (const std::string& video : options.videos) {
    const std::string name = uniqueName(fs::path(video).stem().string(), names);
    result.files.emplace_back(video, name);
    segmentVideo(options, prepared, video, name, result);
  }
  if (result.frames.images == 0)
    throw Error(ErrorCode::InvalidArgument, "None of the images could be segmented.");
  if (!options.common.json.empty()) writeJson(options.common.json, resultJson(result));
  if (!options.confusion.empty())
    writeFile(options.confusion, confusionCsv(*result.confusion, result.labels));
  std::fputs(resultTable(result).c_str(), stdout);
  return result.frames.failed ? kFailed : kDone;
}

}  // namespace tessera::app
