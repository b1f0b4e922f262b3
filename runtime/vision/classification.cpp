// From scores to classes.
#include "tessera/classification.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace tessera {

std::string_view toString(ScoreKind kind) {
  switch (kind) {
    case ScoreKind::Auto:
      return "auto";
    case ScoreKind::Probabilities:
      return "probabilities";
    case ScoreKind::Logits:
      return "logits";
  }
  return "?";
}

ScoreKind parseScoreKind(std::string_view text) {
  for (const ScoreKind kind : {ScoreKind::Auto, ScoreKind::Probabilities, ScoreKind::Logits})
    if (text == toString(kind)) return kind;
  throw Error(ErrorCode::InvalidArgument,
              "unknown kind of scores '" + std::string(text) + "': auto, probabilities or logits");
}

std::vector<float> softmax(std::span<const float> scores) {
  double most = -std::numeric_limits<double>::infinity(), sum = 0;
  for (const float score : scores) most = std::max<double>(most, score);
  for (const float score : scores) sum += std::exp(score - most);
  std::vector<float> out;
  out.reserve(scores.size());
  for (const float score : scores) out.push_back(static_cast<float>(std::exp(score - most) / sum));
  return out;
}

std::vector<ClassScore> topClasses(std::span<const float> confidences, int top, double threshold) {
  std::vector<ClassScore> all;
  for (std::size_t i = 0; i < confidences.size(); ++i)
    if (static_cast<double>(confidences[i]) >= threshold || (threshold <= 0 && !std::isnan(confidences[i])))
      all.push_back({static_cast<int>(i), confidences[i]});
  const auto higher = [](const ClassScore& a, const ClassScore& b) {
    return a.confidence != b.confidence ? a.confidence > b.confidence : a.index < b.index;
  };
  const auto kept = std::min(all.size(), static_cast<std::size_t>(std::max(top, 0)));
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(kept), all.end(), higher);
  all.resize(kept);
  return all;
}

std::int64_t classCountOf(DataType type, const Shape& shape, std::int64_t batch) {
  if (type != DataType::Float32 || shape.empty()) return 0;
  // Scores of one image may be written without the batch.
  const bool whole = batch == 1 && shape[0] != 1;
  std::int64_t classes = 1, wide = 0;
  for (std::size_t axis = whole ? 0 : 1; axis < shape.size(); ++axis) {
    classes *= shape[axis];
    wide += shape[axis] > 1;
  }
  const bool batched = whole || shape[0] == batch;
  return batched && wide == 1 ? classes : 0;
}

std::vector<ClassScore> classify(const HostTensor& scores, std::int64_t item, std::int64_t batch,
                                 const ClassificationOptions& options) {
  const std::int64_t classes = classCountOf(scores.type, scores.shape, batch);
  if (classes == 0 || item < 0 || item >= batch)
    throw Error(ErrorCode::InvalidArgument,
                "item " + std::to_string(item) + " of " + std::to_string(batch) +
                    " has no scores of classes in " + std::string(toString(scores.type)) + ":" +
                    toString(scores.shape) + "; those are f32:NxCLASSES, also with extents of 1 in between");
  const std::span<const float> own =
      scores.as<float>().subspan(static_cast<std::size_t>(item * classes), static_cast<std::size_t>(classes));
  if (options.kind == ScoreKind::Logits) return topClasses(softmax(own), options.top, options.threshold);
  return topClasses(own, options.top, options.threshold);
}

}  // namespace tessera
