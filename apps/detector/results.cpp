// Results of a detector.
#include "apps/detector/results.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "apps/common/drawing.hpp"
#include "tessera/log.hpp"

namespace tessera::app {
namespace {

// The number that a file is called, as COCO's images are; -1: it is none.
std::int64_t numberOf(const fs::path& file) {
  const std::string stem = file.stem().string();
  const bool digits = !stem.empty() && stem.size() < 18 &&
                      std::all_of(stem.begin(), stem.end(), [](char c) { return c >= '0' && c <= '9'; });
  return digits ? std::stoll(stem) : -1;
}

}  // namespace

DetectorResults::DetectorResults(const DetectorOptions& options, LabelSet labels, double threshold)
    : options_(options), labels_(std::move(labels)), threshold_(threshold) {
  if (!options.annotations.empty()) annotations_.emplace(options.annotations, labels_);
}

Answer DetectorResults::sound(const std::string& file, const Answer& answer) {
  Answer kept = answer;
  const std::size_t without = std::erase_if(kept.objects, [](const DetectedObject& o) {
    return !std::isfinite(o.score) || !std::isfinite(o.box.left) || !std::isfinite(o.box.top) ||
           !std::isfinite(o.box.right) || !std::isfinite(o.box.bottom);
  });
  if (without > 0) {
    ++unsound_;
    log().error("{}: {} boxes are left out, which are not numbers (NaN or infinite)", file, without);
  }
  return kept;
}

std::vector<DetectedObject> DetectorResults::shown(const Answer& answer) const {
  std::vector<DetectedObject> objects = answer.objects;
  std::erase_if(objects, [&](const auto& o) { return static_cast<double>(o.score) < threshold_; });
  return objects;
}

Json DetectorResults::objectsJson(const std::vector<DetectedObject>& objects) const {
  Json list = Json::array();
  for (const DetectedObject& o : objects)
    list.push_back({{"index", o.index},
                    {"class", labels_.nameOf(o.index)},
                    {"score", o.score},
                    {"box", {o.box.left, o.box.top, o.box.right, o.box.bottom}}});
  return list;
}

void DetectorResults::addImage(Frame frame, const Answer& given) {
  ++images_;
  const Answer answer = sound(frame.file, given);
  const std::vector<DetectedObject> objects = shown(answer);
  results_.push_back({{"file", frame.file}, {"objects", objectsJson(objects)}});
  std::map<int, std::size_t> counts;
  for (const DetectedObject& o : objects) ++counts[o.index];
  text_ += fs::path(frame.file).filename().string() + ":" + countsText(counts) + "\n";
  score(frame, answer);
  if (options_.out.empty()) return;
  drawObjects(frame.image, objects, labels_);
  writeImage(fs::path(options_.out) / (frame.name + "_boxes.jpg"), frame.image);
}

cv::Mat DetectorResults::addFrame(Frame frame, const Answer& given) {
  const Answer answer = sound(frame.file, given);
  const std::vector<DetectedObject> objects = shown(answer);
  results_.push_back({{"file", frame.file}, {"frame", frames_++}, {"objects", objectsJson(objects)}});
  for (const DetectedObject& o : objects) ++counts_[o.index];
  drawObjects(frame.image, objects, labels_);
  return frame.image;
}

void DetectorResults::endVideo(const std::string& file) {
  text_ +=
      fmt::format("{}: {} frames:{}\n", fs::path(file).filename().string(), frames_, countsText(counts_));
  counts_.clear();
  frames_ = 0;
}

void DetectorResults::dropVideo() {
  results_.erase(results_.end() - frames_, results_.end());
  counts_.clear();
  frames_ = 0;
}

std::string DetectorResults::countsText(const std::map<int, std::size_t>& counts) const {
  std::string text;
  for (const auto& [index, count] : counts)
    text += fmt::format("{} {} {}", text.empty() ? "" : ",", count, labels_.nameOf(index));
  return text.empty() ? " nothing" : text;
}

void DetectorResults::score(const Frame& frame, const Answer& answer) {
  const std::int64_t number = numberOf(frame.file);
  std::int64_t id = number >= 0 ? number : images_;
  if (annotations_) {
    const auto annotated = annotations_->find(frame.file, answer.height, answer.width);
    if (!annotated) {
      log().warn("{} has no annotation and is not scored", frame.file);
    } else {
      if (annotated->id >= 0) id = annotated->id;
      score_.add(answer.objects, annotated->boxes);
    }
  }
  if (!options_.cocoResults.empty()) addCoco(id, answer);
}

void DetectorResults::addCoco(std::int64_t image, const Answer& answer) {
  for (const DetectedObject& o : answer.objects) {
    std::int64_t category = o.index;
    const auto at = static_cast<std::size_t>(o.index);
    if (annotations_ && annotations_->category(o.index))
      category = *annotations_->category(o.index);
    else if (at < labels_.classes.size() && labels_.classes[at].datasetId >= 0)
      category = labels_.classes[at].datasetId;
    coco_.push_back({{"image_id", image},
                     {"category_id", category},
                     {"bbox", {o.box.left, o.box.top, o.box.right - o.box.left, o.box.bottom - o.box.top}},
                     {"score", o.score}});
  }
}

Json DetectorResults::json(const RunReport& report) const {
  Json json = runJson(report);
  json["results"] = results_;
  if (!annotations_) return json;
  const auto mean = score_.mean();
  json["annotated_images"] = score_.images();
  json["map50"] = mean ? Json(mean->at50) : Json(nullptr);
  json["map"] = mean ? Json(mean->mean) : Json(nullptr);
  json["average_precision"] = Json::object();
  for (const auto& [index, score] : score_.classes())
    json["average_precision"][labels_.nameOf(index)] = {
        {"ap50", score.at50}, {"ap", score.mean}, {"boxes", score.right}};
  return json;
}

std::string DetectorResults::scoreTable() const {
  if (!annotations_) return {};
  const auto mean = score_.mean();
  if (!mean) return "\nThere are no annotated boxes to score with.\n";
  std::string out = fmt::format("\n{:<20}{:>8}{:>12}{:>16}\n", "class", "boxes", "AP@0.5 %", "AP@[.5:.95] %");
  const auto row = [&](const std::string& name, const AveragePrecision& score) {
    out +=
        fmt::format("{:<20}{:>8}{:>12.2f}{:>16.2f}\n", name, score.right, score.at50 * 100, score.mean * 100);
  };
  for (const auto& [index, score] : score_.classes()) row(labels_.nameOf(index), score);
  row("mean", *mean);
  return out;
}

}  // namespace tessera::app
