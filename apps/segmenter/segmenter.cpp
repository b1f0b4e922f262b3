// From options to files and a result.
#include "apps/segmenter/segmenter.hpp"

#include <cstdio>
#include <opencv2/videoio.hpp>

#include "apps/common/background.hpp"
#include "apps/common/images.hpp"
#include "apps/common/model.hpp"
#include "apps/common/videos.hpp"
#include "apps/segmenter/annotations.hpp"
#include "apps/segmenter/legend.hpp"
#include "apps/segmenter/report.hpp"
#include "tessera/log.hpp"

namespace tessera::app {
namespace {

/// A network ready to segment, with its labels.
struct Prepared {
  Segmentation segmentation;
  LabelSet labels;
  std::string device;
  MemoryUse memory;
};

LabelSet labelsFor(const SegmenterOptions& options, const Sidecar& sidecar, int classes) {
  LabelSet labels;
  if (!options.labels.empty())
    labels = loadLabels(options.labels);
  else if (!sidecar.labels.is_null())
    labels = labelsOf(sidecar.labels, sidecar.file.parent_path().string());
  else
    labels = numberedLabels(classes);
  labels.checkClasses(classes);
  return labels;
}

Prepared prepare(const SegmenterOptions& options) {
  const Device device = options.common.selectDevice();
  const Sidecar sidecar = sidecarFor(options.model, options.preprocess);
  if (!sidecar.task.empty() && sidecar.task != "segmentation")
    throw Error(ErrorCode::InvalidArgument, sidecar.file.string() + " describes a network for " +
                                                sidecar.task + ", not for segmentation.");
  const Graph graph = loadModel(options.model, options.maxBatch);
  EngineOptions engineOptions = options.common.engineOptions();
  completeInt8(options.int8, graph, [&] { return sidecar; }, device, engineOptions);
  const auto engine = Engine::build(graph, device, engineOptions);
  SegmentationOptions wanted{sidecar.preprocess, sidecar.input, sidecar.output, {}, -1};
  try {
    Segmentation segmentation(engine, std::move(wanted));
    LabelSet labels = labelsFor(options, sidecar, segmentation.classes());
    segmentation.setPalette(labels.palette(options.opacity));
    return {std::move(segmentation), std::move(labels), device.caps().name, engine->memory()};
  } catch (const Error& e) {
    throw Error(e.code(),
                modelName(options.model) + " with " + sidecar.file.string() + ": " + e.what() + ".");
  }
}

FrameSource imageSource(std::vector<ImageFile> files, std::optional<Annotations> annotations) {
  return [files = std::move(files), annotations = std::move(annotations),
          next = std::size_t{0}]() mutable -> std::optional<Frame> {
    if (next == files.size()) return std::nullopt;
    const ImageFile& file = files[next++];
    Frame frame{file.name, {}, {}, {}};
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

void writeResults(const SegmenterOptions& options, const LabelSet& labels, const std::string& name,
                  SegmentedImage& result) {
  const fs::path out = options.out;
  const cv::Mat classes = wrap(result.classes, result.height, result.width, 1);
  cv::Mat overlay = wrap(result.overlay, result.height, result.width, 3);
  if (options.legend) overlay = withLegend(overlay, classes, labels);
  writeImage(out / (name + "_overlay.png"), overlay);
  writeImage(out / (name + "_color.png"), wrap(result.colors, result.height, result.width, 3));
  writeImage(out / (name + "_classes.png"),
             options.networkSize ? wrap(result.map, result.mapHeight, result.mapWidth, 1) : classes);
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
    writer.post([&, name = frame.name, shared] { writeResults(options, prepared.labels, name, *shared); });
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
                  SegmenterResult& result) {
  cv::VideoCapture video = openVideo(file);
  const double rate = video.get(cv::CAP_PROP_FPS) > 0 ? video.get(cv::CAP_PROP_FPS) : 25;
  Progress progress("segmenting " + file.filename().string(),
                    static_cast<std::size_t>(std::max(0.0, video.get(cv::CAP_PROP_FRAME_COUNT))), "frames");
  const auto source = [&video]() -> std::optional<Frame> {
    Frame frame;
    if (!video.read(frame.image)) return std::nullopt;
    return frame;
  };
  const fs::path named = fs::path(options.out) / (file.stem().string() + "_overlay.mp4");
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
  Prepared prepared = prepare(options);
  std::optional<Annotations> annotations;
  SegmenterResult result{prepared.device,
                         modelName(options.model),
                         options.common.precision,
                         options.maxBatch,
                         {},
                         prepared.labels,
                         std::nullopt,
                         prepared.memory};
  if (!options.annotations.empty()) {
    annotations.emplace(options.annotations, prepared.labels);
    if (std::none_of(files.begin(), files.end(),
                     [&](const ImageFile& f) { return annotations->find(f.path); }))
      throw Error(ErrorCode::InvalidArgument,
                  "No file in " + options.annotations + " has the stem of one of the images.");
    result.confusion.emplace(prepared.labels.scored());
  }
  if (!files.empty()) segmentImages(options, prepared, std::move(files), std::move(annotations), result);
  for (const std::string& video : options.videos) segmentVideo(options, prepared, video, result);
  if (result.frames.images == 0) throw Error(ErrorCode::InvalidArgument, "None of the images could be read.");
  if (!options.common.json.empty()) writeJson(options.common.json, resultJson(result));
  if (!options.confusion.empty())
    writeFile(options.confusion, confusionCsv(*result.confusion, result.labels));
  std::fputs(resultTable(result).c_str(), stdout);
  return result.frames.failed ? kFailed : kDone;
}

}  // namespace tessera::app
