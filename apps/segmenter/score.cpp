// Confusion matrix and what follows from it.
#include "apps/segmenter/score.hpp"

#include <algorithm>
#include <numeric>

#include "tessera/error.hpp"

namespace tessera::app {

void Confusion::add(std::span<const std::uint8_t> annotated, std::span<const std::uint8_t> predicted) {
  if (annotated.size() != predicted.size())
    throw Error(ErrorCode::Internal, "annotation and class map differ in size");
  for (std::size_t i = 0; i < annotated.size(); ++i) {
    if (annotated[i] >= classes_) continue;
    ++counts_[annotated[i] * (classes_ + 1) + std::min<std::size_t>(predicted[i], classes_)];
  }
}

std::int64_t Confusion::pixels() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0});
}

std::optional<double> Confusion::iou(std::size_t c) const {
  std::int64_t annotated = 0, predicted = 0;
  for (std::size_t i = 0; i <= classes_; ++i) annotated += count(c, i);
  for (std::size_t i = 0; i < classes_; ++i) predicted += count(i, c);
  const std::int64_t both = count(c, c), either = annotated + predicted - both;
  if (either == 0) return std::nullopt;
  return static_cast<double>(both) / static_cast<double>(either);
}

double Confusion::meanIou() const {
  double sum = 0;
  int present = 0;
  for (std::size_t c = 0; c < classes_; ++c)
    if (const auto value = iou(c)) {
      sum += *value;
      ++present;
    }
  return present ? sum / present : 0;
}

double Confusion::pixelAccuracy() const {
  std::int64_t right = 0;
  for (std::size_t c = 0; c < classes_; ++c) right += count(c, c);
  const std::int64_t all = pixels();
  return all ? static_cast<double>(right) / static_cast<double>(all) : 0;
}

Confusion Confusion::byCategory(const LabelSet& labels) const {
  const auto names = labels.categories();
  const auto categoryOf = [&](std::size_t c) -> std::size_t {
    if (c >= classes_) return names.size();
    const auto it = std::find(names.begin(), names.end(), labels.classes[c].category);
    return static_cast<std::size_t>(it - names.begin());
  };
  Confusion merged(names.size());
  for (std::size_t a = 0; a < classes_; ++a)
    for (std::size_t p = 0; p <= classes_; ++p)
      if (const std::size_t row = categoryOf(a); row < names.size())
        merged.counts_[row * (names.size() + 1) + categoryOf(p)] += count(a, p);
  return merged;
}

}  // namespace tessera::app
