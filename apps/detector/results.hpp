/// \file
/// What the detector found, as text, JSON, COCO results and pictures.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "apps/common/run_report.hpp"
#include "apps/detector/annotations.hpp"
#include "apps/detector/evaluation.hpp"
#include "apps/detector/options.hpp"
#include "tessera/runner.hpp"

namespace tessera::app {

/// Collects the answers for images and frames of videos.
class DetectorResults {
 public:
  /// `threshold`: least score of a box that is shown; what scores and COCO results count may be below.
  DetectorResults(const DetectorOptions& options, LabelSet labels, double threshold);

  /// An image: draws and writes its picture where --out is given, scores it where there are annotations.
  void addImage(Frame frame, const Answer& answer);
  /// A frame of a video; returns the picture with boxes.
  cv::Mat addFrame(Frame frame, const Answer& answer);
  /// After the last frame of a video: its line of text.
  void endVideo(const std::string& file);

  /// In place of endVideo(), where a video could not be read to its end: forgets its frames.
  void dropVideo();

  Json json(const RunReport& report) const;
  /// What is found in each image and in all frames of each video, a line each.
  const std::string& text() const { return text_; }
  /// Images and frames of which boxes were not numbers.
  std::size_t unsound() const { return unsound_; }
  /// Average precision; empty without annotations.
  std::string scoreTable() const;
  /// In COCO's result format.
  const Json& coco() const { return coco_; }

 private:
  /// Without boxes that are not numbers, which are reported.
  Answer sound(const std::string& file, const Answer& answer);
  std::vector<DetectedObject> shown(const Answer& answer) const;
  std::string countsText(const std::map<int, std::size_t>& counts) const;
  Json objectsJson(const std::vector<DetectedObject>& objects) const;
  void score(const Frame& frame, const Answer& answer);
  void addCoco(std::int64_t image, const Answer& answer);

  const DetectorOptions& options_;
  LabelSet labels_;
  double threshold_;
  std::optional<BoxAnnotations> annotations_;
  DetectionScore score_;
  Json results_ = Json::array(), coco_ = Json::array();
  std::string text_;
  std::map<int, std::size_t> counts_;  ///< of a video so far, by class
  std::size_t unsound_ = 0;
  std::int64_t images_ = 0, frames_ = 0;  ///< frames: of the video
};

}  // namespace tessera::app
