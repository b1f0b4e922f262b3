// From options to classes.
#include "apps/classifier/classifier.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "apps/classifier/truth.hpp"
#include "apps/common/drawing.hpp"
#include "apps/common/run_report.hpp"
#include "tessera/log.hpp"
#include "tessera/runner.hpp"

namespace tessera::app {
namespace {

/// A network ready to classify, with its labels.
struct Prepared {
  Networks<Runner> networks;
  LabelSet labels;
  double threshold = 0;  ///< of what is reported
};

RunnerOptions wantedOf(const ClassifierOptions& options, const Sidecar& sidecar) {
  RunnerOptions wanted;
  wanted.preprocess = sidecar.preprocess;
  wanted.input = sidecar.input;
  ClassificationOptions& how = wanted.classification.emplace();
  how.output = options.output.empty() ? sidecar.output : options.output;
  how.kind = sidecar.scores;
  how.top = std::max(options.top, options.annotations.empty() ? 0 : 5);
  return wanted;
}

Prepared prepare(const ClassifierOptions& options, const std::vector<ImageFile>& files) {
  ImageNetwork network = openNetwork(options, files, "classification");
  std::optional<Prepared> prepared;
  explained(options, network, [&] {
    const std::optional<LabelSet> labels = labelsFor(options, network.sidecar);
    const RunnerOptions wanted = wantedOf(options, network.sidecar);
    Runner::check(bindingsOf(network.graph), wanted);  // before minutes of tuning
    const auto engine = buildEngine(options, network);
    Networks<Runner> networks;
    for (int i = 0; i < options.streams; ++i) networks.push_back(std::make_shared<Runner>(engine, wanted));
    const int classes = networks.front()->classes();
    LabelSet used = labels ? *labels : numberedLabels(classes);
    used.checkClasses(classes);
    const double threshold = options.threshold ? *options.threshold : network.sidecar.threshold.value_or(0.0);
    prepared.emplace(Prepared{std::move(networks), std::move(used), threshold});
  });
  return std::move(*prepared);
}

class Results {
 public:
  Results(const ClassifierOptions& options, const Prepared& prepared, const std::vector<ImageFile>& files)
      : options_(options), prepared_(prepared) {
    if (options.annotations.empty()) return;
    truth_.emplace(options.annotations, prepared.labels);
    if (std::ranges::none_of(files,
                             [&](const ImageFile& file) { return truth_->find(file.path).has_value(); }))
      throw Error(ErrorCode::InvalidArgument, "None of the images has a right class: of " +
                                                  files.front().path.string() + ", " +
                                                  truth_->whyNot(files.front().path) + ".");
  }

  void add(Frame frame, const Answer& answer) {
    std::vector<ClassScore> shown = answer.classes;
    shown.resize(std::min(shown.size(), static_cast<std::size_t>(options_.top)));
    std::erase_if(
        shown, [&](const ClassScore& c) { return static_cast<double>(c.confidence) < prepared_.threshold; });
    Json classes = Json::array();
    std::string line = fs::path(frame.file).filename().string() + ":";
    std::vector<std::string> caption;
    for (const ClassScore& c : shown) {
      const std::string name = prepared_.labels.nameOf(c.index);
      classes.push_back({{"index", c.index}, {"class", name}, {"confidence", c.confidence}});
      line += fmt::format("{} {} {:.3f} ({})", caption.empty() ? "" : ",", name, c.confidence, c.index);
      caption.push_back(fmt::format("{:.3f}  {}", c.confidence, name));
    }
    if (answer.classes.empty()) {
      ++unsound_;
      log().error("{}: the network's scores are not numbers (NaN or infinite)", frame.file);
      line += " no class, since the scores are not numbers";
    } else if (shown.empty()) {
      line += " no class";
    }
    Json result{{"file", frame.file}, {"classes", std::move(classes)}};
    if (truth_) score(frame, answer, result);
    results_.push_back(std::move(result));
    text_ += line + "\n";
    if (options_.out.empty()) return;
    drawCaption(frame.image, caption);
    writeImage(fs::path(options_.out) / (frame.name + "_classes.jpg"), frame.image);
  }

  const std::string& text() const { return text_; }
  /// Images whose scores were not numbers.
  std::size_t unsound() const { return unsound_; }
  Json json(const RunReport& report) const {
    Json json = runJson(report);
    json["results"] = results_;
    if (truth_)
      json["accuracy"] = {{"annotated", accuracy_.annotated},
                          {"top1", accuracy_.share(accuracy_.top1)},
                          {"top5", accuracy_.share(accuracy_.top5)}};
    return json;
  }
  std::string accuracyTable() const {
    if (!truth_) return {};
    return fmt::format("accuracy     {:.2f} % top-1, {:.2f} % top-5 of {} annotated images\n",
                       accuracy_.share(accuracy_.top1) * 100, accuracy_.share(accuracy_.top5) * 100,
                       accuracy_.annotated);
  }

 private:
  void score(const Frame& frame, const Answer& answer, Json& result) {
    const std::optional<int> right = truth_->find(frame.file);
    if (!right) {
      log().warn("{} is not scored: {}", frame.file, truth_->whyNot(frame.file));
      return;
    }
    result["annotated"] = *right;
    ++accuracy_.annotated;
    for (std::size_t i = 0; i < std::min<std::size_t>(answer.classes.size(), 5); ++i) {
      if (answer.classes[i].index != *right) continue;
      ++accuracy_.top5;
      if (i == 0) ++accuracy_.top1;
    }
  }

  const ClassifierOptions& options_;
  const Prepared& prepared_;
  std::optional<ClassTruth> truth_;
  Accuracy accuracy_;
  std::size_t unsound_ = 0;
  Json results_ = Json::array();
  std::string text_;
};

}  // namespace

int runClassifier(const ClassifierOptions& options) {
  if (options.images.empty()) throw UsageError("--images is required.");
  const std::vector<ImageFile> files = listImages(options.images, options.out);
  Prepared prepared = prepare(options, files);
  Results results(options, prepared, files);
  RunReport report = runReport(prepared.networks.front()->engine(), options.model,
                               prepared.networks.front()->batch(), files);
  Progress progress("classifying", files.size(), "images");
  const auto sink = [&](Frame frame, const Answer& answer) { results.add(std::move(frame), answer); };
  report.frames = runFrames<Runner>(prepared.networks, imageSource(files), sink, progress);
  if (report.frames.images == 0)
    throw Error(ErrorCode::InvalidArgument, "None of the images could be classified.");
  if (!options.common.json.empty()) writeJson(options.common.json, results.json(report));
  std::fputs((results.text() + "\n" + runTable(report) + results.accuracyTable()).c_str(), stdout);
  return report.frames.failed || results.unsound() ? kFailed : kDone;
}

}  // namespace tessera::app
