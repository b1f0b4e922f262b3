// Non-maximum suppression and boxes in images.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <unordered_map>

#include "tessera/detection.hpp"

namespace tessera {

float overlapOf(const Box& a, const Box& b) {
  const float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (!(width > 0) || !(height > 0)) return 0;
  const float common = width * height;
  const float both =
      (a.right - a.left) * (a.bottom - a.top) + (b.right - b.left) * (b.bottom - b.top) - common;
  return both > 0 ? common / both : 0;
}

std::string_view toString(Suppression kind) {
  switch (kind) {
    case Suppression::Hard:
      return "hard";
    case Suppression::Soft:
      return "soft";
    case Suppression::None:
      return "none";
  }
  return "?";
}

Suppression parseSuppression(std::string_view text) {
  for (const Suppression kind : {Suppression::Hard, Suppression::Soft, Suppression::None})
    if (text == toString(kind)) return kind;
  throw Error(ErrorCode::InvalidArgument,
              "unknown suppression '" + std::string(text) + "': hard, soft or none");
}

void SuppressionOptions::check() const {
  const auto refuse = [](const char* what, double value, const char* wanted) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", value);
    throw Error(ErrorCode::InvalidArgument,
                std::string(what) + " of boxes is " + text + "; it has to be " + wanted);
  };
  if (!(threshold >= 0 && threshold <= 1)) refuse("the threshold", threshold, "from 0 to 1");
  if (!(overlap >= 0 && overlap <= 1)) refuse("the overlap", overlap, "from 0 to 1");
  if (!(softness > 0) || !std::isfinite(softness)) refuse("the softness", softness, "positive");
  if (most < 1) refuse("the number", most, "1 at least");
}

namespace {

bool higher(const DetectedObject& a, const DetectedObject& b) { return a.score > b.score; }

bool meets(const DetectedObject& a, const DetectedObject& b, const SuppressionOptions& options) {
  return !options.perClass || a.index == b.index;
}

std::vector<DetectedObject> hard(const std::vector<DetectedObject>& boxes,
                                 const SuppressionOptions& options) {
  std::vector<DetectedObject> kept;
  std::unordered_map<int, std::vector<Box>> met;  // of those that were kept, by class, or all under 0
  for (const DetectedObject& box : boxes) {
    if (kept.size() >= static_cast<std::size_t>(options.most)) break;
    std::vector<Box>& others = met[options.perClass ? box.index : 0];
    if (std::none_of(others.begin(), others.end(), [&](const Box& other) {
          return static_cast<double>(overlapOf(other, box.box)) > options.overlap;
        })) {
      kept.push_back(box);
      others.push_back(box.box);
    }
  }
  return kept;
}

std::vector<DetectedObject> soft(std::vector<DetectedObject> boxes, const SuppressionOptions& options) {
  std::vector<DetectedObject> kept;
  while (!boxes.empty() && kept.size() < static_cast<std::size_t>(options.most)) {
    const auto best = std::max_element(boxes.begin(), boxes.end(), [](const auto& a, const auto& b) {
      return a.score < b.score;  // the first of equals
    });
    const DetectedObject taken = *best;
    boxes.erase(best);
    kept.push_back(taken);
    for (DetectedObject& box : boxes) {
      if (!meets(taken, box, options)) continue;
      const double overlap = static_cast<double>(overlapOf(taken.box, box.box));
      if (overlap == 0) continue;  // most of them: the factor is 1
      box.score = static_cast<float>(static_cast<double>(box.score) *
                                     std::exp(-overlap * overlap / options.softness));
    }
    std::erase_if(boxes, [&](const auto& box) { return static_cast<double>(box.score) < options.threshold; });
  }
  return kept;
}

}  // namespace

std::vector<DetectedObject> suppress(std::vector<DetectedObject> boxes, const SuppressionOptions& options) {
  options.check();
  std::erase_if(boxes, [&](const DetectedObject& box) {
    return !(static_cast<double>(box.score) >= options.threshold);
  });
  std::stable_sort(boxes.begin(), boxes.end(), higher);
  if (options.kind == Suppression::Hard) return hard(boxes, options);
  if (options.kind == Suppression::Soft) return soft(std::move(boxes), options);
  boxes.resize(std::min(boxes.size(), static_cast<std::size_t>(options.most)));
  return boxes;
}

Box boxInImage(const Box& box, const ImageRegion& region, std::int64_t imageHeight, std::int64_t imageWidth) {
  const auto mapped = [](float at, std::int64_t begin, std::int64_t extent, std::int64_t image) {
    const double position = (static_cast<double>(at) - static_cast<double>(begin)) *
                            static_cast<double>(image) / static_cast<double>(extent);
    return static_cast<float>(std::clamp(position, 0.0, static_cast<double>(image)));
  };
  return {mapped(box.left, region.left, region.width, imageWidth),
          mapped(box.top, region.top, region.height, imageHeight),
          mapped(box.right, region.left, region.width, imageWidth),
          mapped(box.bottom, region.top, region.height, imageHeight)};
}

}  // namespace tessera
