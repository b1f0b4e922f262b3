/// \file
/// The segmenter's result as a table and as JSON.
#pragma once

#include <optional>
#include <string>

#include "apps/common/run_report.hpp"
#include "apps/segmenter/score.hpp"

namespace tessera::app {

struct SegmenterResult : RunReport {
  LabelSet labels;
  std::optional<Confusion> confusion;
};

std::string resultTable(const SegmenterResult& result);
/// Fractions, not percent; a class that neither annotations nor predictions show is null.
Json resultJson(const SegmenterResult& result);
/// Comma-separated, with class names; rows annotated, columns predicted.
std::string confusionCsv(const Confusion& confusion, const LabelSet& labels);

}  // namespace tessera::app
