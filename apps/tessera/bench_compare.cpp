// Two reports of tessera bench side by side: which layers got slower.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "apps/tessera/bench.hpp"

namespace tessera::app {
namespace {

constexpr double kNoise = 0.03;     // of a layer's time: less is no difference
constexpr double kLeastMs = 0.002;  // nor is less than two microseconds

struct Report {
  std::string file;
  double latency = 0, sum = 0;
  std::map<std::string, double> layers;  // milliseconds by name, numbered where one is there several times
  std::vector<std::string> order;
};

Report readReport(const std::string& file) {
  const Json json = readJson(file);
  Report report{file, 0, 0, {}, {}};
  try {
    report.latency = json.at("latency_ms").at("median").get<double>();
    std::map<std::string, int> seen;
    for (const Json& layer : json.at("layers")) {
      std::string name = layer.at("name").get<std::string>();
      if (const int before = seen[name]++) name += " #" + std::to_string(before + 1);
      const double ms = layer.at("ms").get<double>();
      report.layers[name] = ms;
      report.order.push_back(name);
      report.sum += ms;
    }
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorCode::InvalidArgument, file + " is no report of tessera bench: " + e.what() + ".");
  }
  return report;
}

struct Change {
  std::string name;
  double before = 0, after = 0;
  double by() const { return after - before; }
  bool counts() const { return std::fabs(by()) >= kLeastMs && std::fabs(by()) > kNoise * before; }
};

double percent(double before, double after) { return before > 0 ? (after / before - 1) * 100 : 0; }

void printChanges(const std::vector<Change>& changes, int most) {
  int shown = 0;
  for (const Change& change : changes) {
    if (!change.counts() || shown++ == most) break;
    fmt::print("  {:<44}{:>10.3f} ->{:>9.3f} ms  {:>+9.3f} ms {:>+7.1f} %\n", change.name.substr(0, 43),
               change.before, change.after, change.by(), percent(change.before, change.after));
  }
  if (shown == 0) fmt::print("  none\n");
}

}  // namespace

int compareReports(const BenchOptions& options, const CommonOptions& common) {
  const Report a = readReport(options.compare[0]), b = readReport(options.compare[1]);
  std::vector<Change> changes;
  Json json{{"a", a.file}, {"b", b.file}, {"layers", Json::array()}};
  std::vector<std::string> onlyA, onlyB;
  for (const std::string& name : a.order)
    if (const auto after = b.layers.find(name); after != b.layers.end())
      changes.push_back({name, a.layers.at(name), after->second});
    else
      onlyA.push_back(name);
  for (const std::string& name : b.order)
    if (!a.layers.count(name)) onlyB.push_back(name);
  std::ranges::stable_sort(changes, std::greater{}, &Change::by);
  for (const Change& change : changes)
    json["layers"].push_back({{"name", change.name},
                              {"a_ms", change.before},
                              {"b_ms", change.after},
                              {"change_ms", change.by()},
                              {"slower", change.counts() && change.by() > 0},
                              {"faster", change.counts() && change.by() < 0}});
  fmt::print(
      "latency     {:.3f} -> {:.3f} ms median ({:+.1f} %)\nlayers      {:.3f} -> {:.3f} ms ({:+.1f} %)\n",
      a.latency, b.latency, percent(a.latency, b.latency), a.sum, b.sum, percent(a.sum, b.sum));
  const int most = options.layers > 0 ? options.layers : static_cast<int>(changes.size());
  const auto middle = std::ranges::find_if(changes, [](const Change& c) { return c.by() < 0; });
  std::vector<Change> slower(changes.begin(), middle), faster(middle, changes.end());
  std::ranges::reverse(faster);
  fmt::print("slower:\n");
  printChanges(slower, most);
  fmt::print("faster:\n");
  printChanges(faster, most);
  for (const auto& [names, file] : {std::pair{onlyA, a.file}, std::pair{onlyB, b.file}})
    for (const std::string& name : names) fmt::print("only in {}: {}\n", file, name);
  json["latency_change_percent"] = percent(a.latency, b.latency);
  json["layers_change_percent"] = percent(a.sum, b.sum);
  json["only_a"] = onlyA, json["only_b"] = onlyB;
  if (!common.json.empty()) writeJson(common.json, json);
  const double worst = std::max(percent(a.latency, b.latency), percent(a.sum, b.sum));
  if (options.slowerThan < 0 || worst <= options.slowerThan) return kDone;
  fmt::print(stderr, "{} is {:.1f} % slower than {}, {:g} % are allowed\n", b.file, worst, a.file,
             options.slowerThan);
  return kFailed;
}

}  // namespace tessera::app
