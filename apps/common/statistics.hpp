/// \file
/// Percentiles of repeated measurements.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

namespace tessera::app {

/// The value below which a fraction of `values` lies, linear between neighbours; 0 for no values.
double percentile(std::vector<double> values, double fraction);

struct Latency {
  double median = 0, p90 = 0, p99 = 0;
  static Latency of(const std::vector<double>& values);
  nlohmann::ordered_json json() const { return {{"median", median}, {"p90", p90}, {"p99", p99}}; }
};

/// "12.3 MiB".
std::string bytesText(std::size_t bytes);

}  // namespace tessera::app
