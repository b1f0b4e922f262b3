// COCO's average precision.
#include "apps/detector/evaluation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace tessera::app {
namespace {

/// A found box with what it counts for at each overlap.
struct Judged {
  float score = 0;
  enum class Verdict : char { Wrong, Right, Ignored };
  std::array<Verdict, DetectionScore::kOverlaps> verdicts{};
};

double areaOf(const Box& b) {
  return (static_cast<double>(b.right) - static_cast<double>(b.left)) *
         (static_cast<double>(b.bottom) - static_cast<double>(b.top));
}

// Of a found box and one that is there; of a crowd, the part of the found one that it covers.
double overlapWith(const Box& found, const RightBox& right) {
  const double width = static_cast<double>(std::min(found.right, right.box.right)) -
                       static_cast<double>(std::max(found.left, right.box.left));
  const double height = static_cast<double>(std::min(found.bottom, right.box.bottom)) -
                        static_cast<double>(std::max(found.top, right.box.top));
  if (width <= 0 || height <= 0) return 0;
  const double common = width * height;
  const double all = right.crowd ? areaOf(found) : areaOf(found) + areaOf(right.box) - common;
  return all > 0 ? common / all : 0;
}

double thresholdOf(std::size_t i) { return 0.5 + 0.05 * static_cast<double>(i); }

// Boxes of one class in one image, by falling score; each takes the box that is there and free with which it
// overlaps most, a crowd only where no other will do.
void judge(const std::vector<DetectedObject>& found, const std::vector<RightBox>& right,
           std::vector<Judged>& all) {
  const std::size_t first = all.size();
  for (const DetectedObject& box : found) all.push_back({box.score, {}});
  for (std::size_t t = 0; t < DetectionScore::kOverlaps; ++t) {
    std::vector<bool> taken(right.size());
    for (std::size_t f = 0; f < found.size(); ++f) {
      double best = std::min(thresholdOf(t), 1 - 1e-10);
      std::size_t match = right.size();
      for (std::size_t r = 0; r < right.size(); ++r) {  // crowds lie last
        if (taken[r] && !right[r].crowd) continue;
        if (match < right.size() && !right[match].crowd && right[r].crowd) break;
        const double overlap = overlapWith(found[f].box, right[r]);
        if (overlap < best) continue;
        best = overlap;
        match = r;
      }
      auto& verdict = all[first + f].verdicts[t];
      if (match == right.size()) continue;
      taken[match] = true;
      verdict = right[match].crowd ? Judged::Verdict::Ignored : Judged::Verdict::Right;
    }
  }
}

// Mean of the precision at 101 recalls.
double averagePrecision(const std::vector<Judged>& all, std::size_t overlap, std::size_t right) {
  std::vector<double> recall, precision;
  std::size_t hits = 0, misses = 0;
  for (const Judged& box : all) {
    const auto verdict = box.verdicts[overlap];
    if (verdict == Judged::Verdict::Ignored) continue;
    ++(verdict == Judged::Verdict::Right ? hits : misses);
    recall.push_back(static_cast<double>(hits) / static_cast<double>(right));
    precision.push_back(static_cast<double>(hits) / static_cast<double>(hits + misses));
  }
  for (std::size_t i = precision.size(); i-- > 1;)
    precision[i - 1] = std::max(precision[i - 1], precision[i]);
  double sum = 0;
  for (std::size_t r = 0; r < DetectionScore::kRecalls; ++r) {
    const double wanted = static_cast<double>(r) / static_cast<double>(DetectionScore::kRecalls - 1);
    const auto at = std::lower_bound(recall.begin(), recall.end(), wanted) - recall.begin();
    if (static_cast<std::size_t>(at) < precision.size()) sum += precision[static_cast<std::size_t>(at)];
  }
  return sum / static_cast<double>(DetectionScore::kRecalls);
}

}  // namespace

void DetectionScore::add(const std::vector<DetectedObject>& found, const std::vector<RightBox>& right) {
  images_.push_back({found, right});
}

std::map<int, AveragePrecision> DetectionScore::classes() const {
  std::set<int> indices;
  for (const Image& image : images_)
    for (const RightBox& box : image.right)
      if (!box.crowd) indices.insert(box.index);
  std::map<int, AveragePrecision> scores;
  for (const int index : indices) {
    AveragePrecision score;
    std::vector<Judged> all;
    for (const Image& image : images_) {
      std::vector<DetectedObject> found;
      for (const DetectedObject& box : image.found)
        if (box.index == index) found.push_back(box);
      std::stable_sort(found.begin(), found.end(),
                       [](const auto& a, const auto& b) { return a.score > b.score; });
      found.resize(std::min(found.size(), kMost));
      std::vector<RightBox> right;
      for (const bool crowd : {false, true})
        for (const RightBox& box : image.right)
          if (box.index == index && box.crowd == crowd) right.push_back(box);
      score.right += static_cast<std::size_t>(
          std::count_if(right.begin(), right.end(), [](const RightBox& box) { return !box.crowd; }));
      judge(found, right, all);
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Judged& a, const Judged& b) { return a.score > b.score; });
    for (std::size_t t = 0; t < kOverlaps; ++t) {
      const double precision = averagePrecision(all, t, score.right);
      if (t == 0) score.at50 = precision;
      score.mean += precision;
    }
    score.mean /= static_cast<double>(kOverlaps);  // at the end, so that a mean of ones is one
    scores[index] = score;
  }
  return scores;
}

std::optional<AveragePrecision> DetectionScore::mean() const {
  const auto all = classes();
  if (all.empty()) return std::nullopt;
  AveragePrecision mean;
  for (const auto& [index, score] : all) {
    mean.at50 += score.at50;
    mean.mean += score.mean;
    mean.right += score.right;
  }
  mean.at50 /= static_cast<double>(all.size());
  mean.mean /= static_cast<double>(all.size());
  return mean;
}

}  // namespace tessera::app
