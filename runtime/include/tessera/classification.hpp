/// \file
/// What a classification network says: the classes with the highest scores.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/tensor.hpp"

namespace tessera {

/// What a network's scores are.
enum class ScoreKind {
  Auto,           ///< probabilities where a softmax or a sigmoid of the network makes them, else logits
  Probabilities,  ///< confidences as they are
  Logits,         ///< their softmax is
};
std::string_view toString(ScoreKind kind);        ///< "auto", "probabilities", "logits"
ScoreKind parseScoreKind(std::string_view text);  ///< throws Error(InvalidArgument)

/// One class of an answer.
struct ClassScore {
  int index = 0;         ///< of the class, from 0
  float confidence = 0;  ///< from 0 to 1 where scores are
  bool operator==(const ClassScore&) const = default;
};

/// How scores become an answer.
struct ClassificationOptions {
  std::string output;                ///< binding; empty: the only one
  ScoreKind kind = ScoreKind::Auto;  ///< of the scores
  int top = 5;                       ///< classes in an answer at most
  double threshold = 0;              ///< least confidence of a class in an answer, from 0 to 1
};

/// exp(x) / sum of exp(x), in double precision inside, without overflow. NaN where a score is NaN or +inf.
std::vector<float> softmax(std::span<const float> scores);

/// The `top` classes with the highest confidence of at least `threshold`, falling; of equals the lower class
/// first. NaN is no confidence.
std::vector<ClassScore> topClasses(std::span<const float> confidences, int top, double threshold);

/// The answer for item `item` of a batch of `batch`: `scores` are f32, its first extent is the batch, and the
/// rest of an item are the scores of its classes. Auto counts as probabilities. Throws
/// Error(InvalidArgument) where the tensor is no such thing.
std::vector<ClassScore> classify(const HostTensor& scores, std::int64_t item, std::int64_t batch,
                                 const ClassificationOptions& options);

/// How many classes an output of that shape tells apart, for a batch of `batch`; 0 where it is no output of
/// scores.
std::int64_t classCountOf(DataType type, const Shape& shape, std::int64_t batch);

}  // namespace tessera
