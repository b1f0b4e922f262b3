// Where the time of a run goes: as a table, as JSON, as a trace and as a picture.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>
#include <opencv2/imgproc.hpp>

#include "apps/common/images.hpp"
#include "apps/tessera/bench.hpp"

namespace tessera::app {
namespace {

std::string joinedNames(const std::vector<std::string>& names, const char* between) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : between) + name;
  return all;
}

// At most so many bytes of a name, its end marked where something is missing.
std::string shortened(const std::string& text, std::size_t most) {
  return text.size() <= most ? text : text.substr(0, most - 2) + "..";
}

double ofCeiling(double value, double ceiling) { return ceiling > 0 ? value / ceiling : 0; }

// A layer's rates, and how near they are to what the device can.
struct Rates {
  double gops = 0, gbps = 0, ofGops = 0, ofGbps = 0;
  bool byMemory() const { return ofGbps > ofGops; }
};
Rates ratesOf(const LayerProfile& layer, const Ceiling& ceiling) {
  Rates rates{rate(layer.layer.operations, layer.milliseconds), rate(layer.layer.bytes, layer.milliseconds)};
  rates.ofGops = ofCeiling(rates.gops, ceiling.gops);
  rates.ofGbps = ofCeiling(rates.gbps, ceiling.gbps);
  return rates;
}

std::vector<const LayerProfile*> slowestFirst(const Profile& profile) {
  std::vector<const LayerProfile*> layers;
  for (const LayerProfile& layer : profile.layers) layers.push_back(&layer);
  std::ranges::stable_sort(layers, std::greater{}, &LayerProfile::milliseconds);
  return layers;
}

double total(const Profile& profile) {
  double sum = 0;
  for (const LayerProfile& layer : profile.layers) sum += layer.milliseconds;
  return sum;
}

std::string percentText(double fraction) { return fmt::format("{:.0f} %", fraction * 100); }

}  // namespace

void printProfile(const Profile& profile, int most) {
  const auto layers = slowestFirst(profile);
  const double sum = total(profile);
  const bool ceilings = profile.ceiling.gops > 0;
  fmt::print("\n{:<36}{:<22}{:<6}{:>9}{:>7}{:>10}{:>8}", "layer", "family", "type", "ms", "%", "GOP/s",
             "GB/s");
  fmt::print("{}\n", ceilings ? fmt::format("{:>8}{:>8}{:>9}", "of ops", "of mem", "gap ms") : "");
  const auto shown = std::min(layers.size(), static_cast<std::size_t>(most));
  for (std::size_t i = 0; i < shown; ++i) {
    const LayerProfile& profiled = *layers[i];
    const LayerInfo& layer = profiled.layer;
    const Rates rates = ratesOf(profiled, profile.ceiling);
    fmt::print("{:<36}{:<22}{:<6}{:>9.3f}{:>7.1f}{:>10.1f}{:>8.1f}", shortened(layer.name, 35),
               shortened(layer.family, 21), layer.precision, profiled.milliseconds,
               sum > 0 ? profiled.milliseconds / sum * 100 : 0, rates.gops, rates.gbps);
    if (ceilings)
      fmt::print("{:>8}{:>8}{:>9.3f}", percentText(rates.ofGops), percentText(rates.ofGbps), profiled.gap);
    fmt::print("\n");
    if (ceilings && !profiled.members.empty()) fmt::print("  with {}\n", joinedNames(profiled.members, ", "));
  }
  if (shown < layers.size()) fmt::print("and {} more (--layers)\n", layers.size() - shown);
  if (!ceilings) return;
  fmt::print(
      "\ndevice      {:.3f} ms from first to last launch: {:.3f} in kernels, {:.3f} between {} launches\n",
      profile.span, profile.busy, profile.span - profile.busy, profile.launches.size());
  fmt::print("ceiling     {:.1f} GOP/s ({}), {:.1f} GB/s (copy)\n", profile.ceiling.gops, profile.ceiling.by,
             profile.ceiling.gbps);
}

Json layersJson(const Profile& profile) {
  Json layers = Json::array();
  for (const LayerProfile& profiled : profile.layers) {
    const LayerInfo& layer = profiled.layer;
    const Rates rates = ratesOf(profiled, profile.ceiling);
    Json json{{"name", layer.name},          {"op", layer.op},         {"members", profiled.members},
              {"family", layer.family},      {"tactic", layer.tactic}, {"precision", layer.precision},
              {"ms", profiled.milliseconds}, {"gap_ms", profiled.gap}, {"gops", rates.gops},
              {"gbps", rates.gbps}};
    if (profile.ceiling.gops > 0) json["gops_of_ceiling"] = rates.ofGops;
    if (profile.ceiling.gbps > 0) json["gbps_of_ceiling"] = rates.ofGbps;
    layers.push_back(std::move(json));
  }
  return layers;
}

Json profileJson(const Profile& profile) {
  Json json{{"span_ms", profile.span},
            {"kernels_ms", profile.busy},
            {"gaps_ms", profile.span - profile.busy},
            {"launches", profile.launches.size()}};
  if (profile.ceiling.gops > 0)
    json["ceiling"] = {
        {"gops", profile.ceiling.gops}, {"gbps", profile.ceiling.gbps}, {"by", profile.ceiling.by}};
  return json;
}

void writeTrace(const std::string& file, const Profile& profile, const std::string& network,
                const std::string& device) {
  constexpr int kLayers = 1, kKernels = 2;
  Json events = Json::array();
  const auto named = [&](const char* what, int track, const std::string& name) {
    events.push_back({{"name", what}, {"ph", "M"}, {"pid", 1}, {"tid", track}, {"args", {{"name", name}}}});
  };
  named("process_name", kLayers, network + " on " + device);
  named("thread_name", kLayers, "layers");
  named("thread_name", kKernels, "kernels");
  const auto add = [&](int track, const std::string& name, const std::string& category, double begin,
                       double end, Json arguments) {
    events.push_back({{"name", name},
                      {"cat", category},
                      {"ph", "X"},
                      {"pid", 1},
                      {"tid", track},
                      {"ts", begin * 1e3},
                      {"dur", (end - begin) * 1e3},
                      {"args", std::move(arguments)}});
  };
  std::map<std::size_t, std::pair<double, double>> spans;
  for (const LaunchTime& launch : profile.launches) {
    auto& [begin, end] = spans.try_emplace(launch.layer, launch.begin, launch.end).first->second;
    end = std::max(end, launch.end);
    add(kKernels, launch.kernel, "kernel", launch.begin, launch.end,
        {{"layer", profile.layers[launch.layer].layer.name}});
  }
  for (const auto& [index, span] : spans) {
    const LayerInfo& layer = profile.layers[index].layer;
    add(kLayers, layer.name, layer.op, span.first, span.second,
        {{"family", layer.family},
         {"tactic", layer.tactic},
         {"precision", layer.precision},
         {"members", profile.layers[index].members},
         {"gops", rate(layer.operations, span.second - span.first)},
         {"gbps", rate(layer.bytes, span.second - span.first)}});
  }
  writeJson(file, {{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}});
}

void drawChart(const std::string& file, const Profile& profile, const std::string& title, int most) {
  constexpr int kRow = 22, kTop = 64, kName = 360, kBar = 520, kText = 330, kBottom = 16;
  const auto layers = slowestFirst(profile);
  const int rows = std::min(static_cast<int>(layers.size()), std::max(most, 1));
  cv::Mat image(kTop + rows * kRow + kBottom, kName + kBar + kText, CV_8UC3, cv::Scalar::all(255));
  const auto text = [&](const std::string& what, int x, int y, double size) {
    cv::putText(image, what, {x, y}, cv::FONT_HERSHEY_SIMPLEX, size, cv::Scalar::all(20), 1, cv::LINE_AA);
  };
  const cv::Scalar byOperations(180, 119, 31), byMemory(14, 127, 255);  // blue, orange; BGR
  text(title, 8, 22, 0.5);
  cv::rectangle(image, {8, 34, 12, 12}, byOperations, cv::FILLED);
  text("nearer to the device's arithmetic", 26, 45, 0.4);
  cv::rectangle(image, {300, 34, 12, 12}, byMemory, cv::FILLED);
  text(fmt::format("nearer to its memory; ceilings {:.0f} GOP/s, {:.0f} GB/s", profile.ceiling.gops,
                   profile.ceiling.gbps),
       318, 45, 0.4);
  const double longest = layers.empty() ? 0 : layers.front()->milliseconds, sum = total(profile);
  for (int i = 0; i < rows; ++i) {
    const LayerProfile& layer = *layers[static_cast<std::size_t>(i)];
    const Rates rates = ratesOf(layer, profile.ceiling);
    const int y = kTop + i * kRow;
    const int width = longest > 0 ? static_cast<int>(layer.milliseconds / longest * (kBar - 8)) : 0;
    text(shortened(layer.layer.name, 44), 8, y + 15, 0.42);
    cv::rectangle(image, {kName, y + 3, std::max(width, 1), kRow - 6},
                  rates.byMemory() ? byMemory : byOperations, cv::FILLED);
    text(fmt::format("{:.3f} ms  {:.1f} %  {} {}", layer.milliseconds,
                     sum > 0 ? layer.milliseconds / sum * 100 : 0, shortened(layer.layer.family, 18),
                     percentText(std::max(rates.ofGops, rates.ofGbps))),
         kName + std::max(width, 1) + 8, y + 15, 0.4);
  }
  writeImage(file, image);
}

}  // namespace tessera::app
