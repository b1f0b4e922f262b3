// Where an engine's tactics came from.
#include "apps/common/tactics.hpp"

#include <spdlog/fmt/fmt.h>

#include "apps/common/statistics.hpp"

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
  // The untuned kernels may have won the search.
  const bool searched = report.candidates > 0;
  add(report.fallback, searched ? "as untuned, which nothing beat" : "untuned");
  if (searched) text += fmt::format("; {} candidates tried in {:.0f} s", report.candidates, report.seconds);
  for (const LimitedLayer& layer : report.limited)
    text += fmt::format("{} {} by {}, for {} would take {} of workspace",
                        &layer == &report.limited.front() ? "; limited:" : ",", layer.layer, layer.taken,
                        layer.wanted, bytesText(layer.workspace));
  return text;
}

Json tacticsJson(const TuneReport& report) {
  Json json{{"kernels", report.problems},      {"by_plan", report.planned},     {"by_record", report.exact},
            {"by_other_driver", report.stale}, {"by_default", report.defaults}, {"untuned", report.fallback},
            {"candidates", report.candidates}};
  for (const LimitedLayer& layer : report.limited)
    json["limited"].push_back({{"layer", layer.layer},
                               {"wanted", layer.wanted},
                               {"workspace_bytes", layer.workspace},
                               {"wanted_ms", layer.wantedMilliseconds},
                               {"taken", layer.taken},
                               {"taken_ms", layer.takenMilliseconds}});
  return json;
}

}  // namespace tessera::app
