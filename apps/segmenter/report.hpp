/// \file
/// The segmenter's result as a table and as JSON.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/common/files.hpp"
#include "apps/segmenter/frames.hpp"
#include "apps/segmenter/score.hpp"

namespace tessera::app {

struct SegmenterResult {
  std::string device, model, precision;
  std::int64_t batch = 1;
  FrameStatistics frames;
  LabelSet labels;
  std::optional<Confusion> confusion;
  MemoryUse memory;
  std::vector<std::pair<std::string, std::string>>
      files;  ///< images and videos, and what the results' names begin with
};

std::string resultTable(const SegmenterResult& result);
/// Fractions, not percent; a class that neither annotations nor predictions show is null.
Json resultJson(const SegmenterResult& result);
/// Comma-separated, with class names; rows annotated, columns predicted.
std::string confusionCsv(const Confusion& confusion, const LabelSet& labels);

}  // namespace tessera::app
