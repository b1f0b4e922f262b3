// Where an engine's tactics came from.
#include "apps/common/tactics.hpp"

#include <spdlog/fmt/fmt.h>

namespace tessera::app {

std::string tacticsText(const TuneReport& report) {
  std::string text = fmt::format("{} kernels:", report.problems);
  const char* separator = " ";
  const auto add = [&](std::size_t count, const char* what) {
    if (count) text += fmt::format("{}{} {}", separator, count, what), separator = ", ";
  };
  add(report.planned, "by the plan");
  add(report.exact, "by records");
  add(report.stale, "by records of another driver");
  add(report.defaults, "by defaults of the device's class");
  add(report.fallback, "untuned");
  return text;
}

Json tacticsJson(const TuneReport& report) {
  return {{"kernels", report.problems},      {"by_plan", report.planned},     {"by_record", report.exact},
          {"by_other_driver", report.stale}, {"by_default", report.defaults}, {"untuned", report.fallback}};
}

}  // namespace tessera::app
