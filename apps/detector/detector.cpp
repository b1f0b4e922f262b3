// From options to boxes.
#include "apps/detector/detector.hpp"

#include <algorithm>
#include <cstdio>

#include "apps/common/video_frames.hpp"
#include "apps/detector/results.hpp"

namespace tessera::app {
namespace {

/// Boxes down to this score count for average precision, as is usual.
constexpr double kScoredFrom = 0.001;

/// A network ready to detect, with its labels.
struct Prepared {
  Networks<Runner> networks;
  LabelSet labels;
  double threshold = 0;  ///< of what is shown
};

DetectionOptions detectionOptions(const DetectorOptions& options, const Sidecar& sidecar, double threshold) {
  DetectionOptions how = sidecar.detection;
  SuppressionOptions& boxes = how.suppression;
  boxes.threshold = options.annotations.empty() ? threshold : std::min(threshold, kScoredFrom);
  if (options.overlap) boxes.overlap = *options.overlap;
  if (options.most) boxes.most = *options.most;
  if (!options.suppression.empty()) boxes.kind = parseSuppression(options.suppression);
  if (options.classAgnostic) boxes.perClass = false;
  how.classCount = sidecar.classes;
  return how;
}

// Names that were given must fit; those of a preset only name the classes it is usually trained for.
LabelSet namesOf(const std::optional<LabelSet>& labels, bool given, int classes) {
  const bool fit = labels && (classes == 0 || labels->classes.size() == static_cast<std::size_t>(classes));
  if (labels && given && classes > 0) labels->checkClasses(classes);
  if (labels && (fit || given)) return *labels;
  return numberedLabels(classes > 0 ? classes : 256);
}

Prepared prepare(const DetectorOptions& options, const std::vector<ImageFile>& files) {
  ImageNetwork network = openNetwork(options, files, "detection");
  const Sidecar& sidecar = network.sidecar;
  std::optional<Prepared> prepared;
  explained(options, network, [&] {
    if (sidecar.detection.formats.empty())
      throw Error(ErrorCode::InvalidArgument,
                  "nothing says what the outputs are: give --preset, or preset in the description");
    const double usual = sidecar.threshold.value_or(sidecar.detection.suppression.threshold);
    const double threshold = options.threshold.value_or(usual);
    RunnerOptions wanted;
    wanted.preprocess = sidecar.preprocess;
    wanted.input = sidecar.input;
    wanted.detection = detectionOptions(options, sidecar, threshold);
    const auto bindings = bindingsOf(network.graph);
    Runner::check(bindings, wanted);  // before minutes of tuning
    const auto engine = buildEngine(options, network);
    Networks<Runner> networks;
    for (int i = 0; i < options.streams; ++i) networks.push_back(std::make_shared<Runner>(engine, wanted));
    const std::optional<LabelSet> labels = labelsFor(options, sidecar);
    const bool given = !options.labels.empty() || !sidecar.presetLabels;
    LabelSet names = namesOf(labels, given, networks.front()->classes());
    prepared.emplace(Prepared{std::move(networks), std::move(names), threshold});
  });
  return std::move(*prepared);
}

void detectVideo(const DetectorOptions& options, Prepared& prepared, const std::string& file,
                 const std::string& name, DetectorResults& results, RunReport& report) {
  const fs::path target = options.out.empty() ? fs::path() : fs::path(options.out) / (name + "_boxes.mp4");
  const auto run = [&](FrameSource source, const VideoSink& write, Progress& progress) {
    const auto sink = [&](Frame frame, const Answer& answer) {
      const cv::Mat picture = results.addFrame(std::move(frame), answer);
      if (write) write(picture);
    };
    return runFrames<Runner>(prepared.networks, source, sink, progress);
  };
  try {
    report.frames.append(runVideo(file, target, "detecting", run));
  } catch (...) {
    results.dropVideo();
    throw;
  }
  results.endVideo(file);
}

}  // namespace

int runDetector(const DetectorOptions& options) {
  if (options.images.empty() && options.videos.empty()) throw UsageError("--images or --video is required.");
  if (options.images.empty() && !options.annotations.empty())
    throw UsageError("--annotations goes with --images.");
  std::vector<ImageFile> files;
  if (!options.images.empty()) files = listImages(options.images, options.out);
  Prepared prepared = prepare(options, files);
  DetectorResults results(options, prepared.labels, prepared.threshold);
  RunReport report = runReport(prepared.networks.front()->engine(), options.model,
                               prepared.networks.front()->batch(), files);
  if (!files.empty()) {
    Progress progress("detecting", files.size(), "images");
    const auto sink = [&](Frame frame, const Answer& answer) { results.addImage(std::move(frame), answer); };
    report.frames.append(runFrames<Runner>(prepared.networks, imageSource(files), sink, progress));
  }
  const bool whole =
      eachVideo(options.videos, !files.empty(), [&](const std::string& video, const std::string& name) {
        detectVideo(options, prepared, video, name, results, report);
        report.files.emplace_back(video, name);
      });
  if (report.frames.images == 0) throw Error(ErrorCode::InvalidArgument, "None of the images could be read.");
  if (!options.common.json.empty()) writeJson(options.common.json, results.json(report));
  if (!options.cocoResults.empty()) writeJson(options.cocoResults, results.coco());
  std::fputs((results.text() + "\n" + runTable(report) + results.scoreTable()).c_str(), stdout);
  return report.frames.failed || results.unsound() || !whole ? kFailed : kDone;
}

}  // namespace tessera::app
