// From options to files and a result.
#include "apps/segmenter/segmenter.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <cstdio>

#include "apps/common/video_frames.hpp"
#include "apps/segmenter/annotations.hpp"
#include "apps/segmenter/legend.hpp"
#include "apps/segmenter/maps.hpp"
#include "apps/segmenter/output.hpp"
#include "apps/segmenter/report.hpp"
#include "tessera/log.hpp"

namespace tessera::app {
namespace {

/// A network ready to segment, with its labels.
struct Prepared {
  Networks<Segmentation> networks;
  LabelSet labels;
  std::shared_ptr<const Engine> engine;
  bool numberOpen = false;  ///< nothing says how many classes there are
};

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
  ImageNetwork network = openNetwork(options, files, "segmentation");
  const Sidecar& sidecar = network.sidecar;
  const std::optional<LabelSet> labels = labelsFor(options, sidecar);
  std::optional<Prepared> prepared;
  explained(options, network, [&] {
    SegmentationOptions wanted = wantedOf(options, sidecar);
    completeOutput(wanted, network.graph, sidecar, labels);
    Segmentation::check(bindingsOf(network.graph), wanted);  // before minutes of tuning
    const auto engine = buildEngine(options, network);
    const bool numberOpen = wanted.mostClasses == 0;
    Networks<Segmentation> networks;
    for (int i = 0; i < options.streams; ++i)
      networks.push_back(std::make_shared<Segmentation>(engine, wanted));
    const int classes = networks.front()->classes();
    LabelSet used = labels ? *labels : numberedLabels(classes);
    used.checkClasses(classes);
    for (const auto& network : networks) network->setPalette(used.palette(options.opacity));
    prepared.emplace(Prepared{std::move(networks), std::move(used), engine, numberOpen});
  });
  return std::move(*prepared);
}

// Images with their annotations, where there are any.
FrameSource annotatedSource(std::vector<ImageFile> files, std::optional<Annotations> annotations) {
  return [source = imageSource(std::move(files)),
          annotations = std::move(annotations)]() mutable -> std::optional<Frame> {
    std::optional<Frame> frame = source();
    if (!frame || !annotations || !frame->error.empty()) return frame;
    try {
      const auto annotation = annotations->find(frame->file);
      if (!annotation) {
        log().warn("{} has no annotation and is not scored", frame->file);
        return frame;
      }
      frame->annotation = annotations->read(*annotation);
      if (frame->annotation.size() != frame->image.size())
        throw Error(ErrorCode::InvalidArgument, "The annotation " + annotation->string() + " is " +
                                                    std::to_string(frame->annotation.cols) + "x" +
                                                    std::to_string(frame->annotation.rows) + ", its image " +
                                                    std::to_string(frame->image.cols) + "x" +
                                                    std::to_string(frame->image.rows) + ".");
    } catch (const Error& e) {
      frame->error = e.what();
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

void segmentImages(const SegmenterOptions& options, Prepared& prepared, std::vector<ImageFile> files,
                   std::optional<Annotations> annotations, SegmenterResult& result) {
  Progress progress("segmenting", files.size(), "images");
  const auto sink = [&](Frame frame, SegmentedImage image) {
    if (!frame.annotation.empty())
      result.confusion->add({frame.annotation.data, frame.annotation.total()}, image.classes);
    if (!options.out.empty()) writeResults(options, prepared, frame.name, image);
  };
  result.frames.append(runFrames<Segmentation>(
      prepared.networks, annotatedSource(std::move(files), std::move(annotations)), sink, progress));
}

void segmentVideo(const SegmenterOptions& options, Prepared& prepared, const fs::path& file,
                  const std::string& name, SegmenterResult& result) {
  const fs::path target = options.out.empty() ? fs::path() : fs::path(options.out) / (name + "_overlay.mp4");
  const auto run = [&](FrameSource source, const VideoSink& write, Progress& progress) {
    const auto sink = [&](Frame, SegmentedImage image) {
      if (write) write(wrap(image.overlay, image.height, image.width, 3));
    };
    return runFrames<Segmentation>(prepared.networks, source, sink, progress);
  };
  result.frames.append(runVideo(file, target, "segmenting", run));
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
  SegmenterResult result{
      runReport(*prepared.engine, options.model, prepared.networks.front()->batch(), files),
      prepared.labels,
      {}};
  if (!options.annotations.empty()) {
    if (prepared.labels.classes.size() > 256)
      throw Error(
          ErrorCode::InvalidArgument,
          "Annotations are 8-bit and scored for at most 256 classes; " +
              (prepared.numberOpen
                   ? "say how many there are: labels, or output.classes in the description."
                   : "the network has " + std::to_string(prepared.networks.front()->classes()) + "."));
    annotations.emplace(options.annotations, prepared.labels);
    if (std::none_of(files.begin(), files.end(),
                     [&](const ImageFile& f) { return annotations->find(f.path); }))
      throw Error(ErrorCode::InvalidArgument,
                  "No file in " + options.annotations + " has the stem of one of the images.");
    result.confusion.emplace(prepared.labels.scored());
  }
  if (!files.empty()) segmentImages(options, prepared, std::move(files), std::move(annotations), result);
  const bool whole =
      eachVideo(options.videos, !files.empty(), [&](const std::string& video, const std::string& name) {
        segmentVideo(options, prepared, video, name, result);
        result.files.emplace_back(video, name);
      });
  if (result.frames.images == 0)
    throw Error(ErrorCode::InvalidArgument, "None of the images could be segmented.");
  if (!options.common.json.empty()) writeJson(options.common.json, resultJson(result));
  if (!options.confusion.empty())
    writeFile(options.confusion, confusionCsv(*result.confusion, result.labels));
  std::fputs(resultTable(result).c_str(), stdout);
  return result.frames.failed || !whole ? kFailed : kDone;
}

}  // namespace tessera::app
