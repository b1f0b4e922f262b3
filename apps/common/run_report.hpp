/// \file
/// What every program that runs a network on images reports.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apps/common/frames.hpp"
#include "tessera/engine.hpp"

namespace tessera::app {

struct RunReport {
  std::string device, model, precision;
  std::int64_t batch = 1;
  FrameStatistics frames;
  MemoryUse memory;
  std::vector<std::pair<std::string, std::string>>
      files;  ///< images and videos, and what the results' names begin with
};

/// Of a network that is about to run.
RunReport runReport(const Engine& engine, const std::string& model, std::int64_t batch,
                    const std::vector<ImageFile>& files);
/// Name and value, a line each.
std::string runTable(const RunReport& report);
/// The fields that all programs have.
Json runJson(const RunReport& report);

}  // namespace tessera::app
