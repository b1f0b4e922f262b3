// Reports of runs.
#include "apps/common/run_report.hpp"

#include <spdlog/fmt/fmt.h>

#include "apps/common/model.hpp"
#include "apps/common/statistics.hpp"

namespace tessera::app {
namespace {

double perSecond(const FrameStatistics& frames) {
  return frames.seconds > 0 ? static_cast<double>(frames.images) / frames.seconds : 0;
}

}  // namespace

RunReport runReport(const Engine& engine, const std::string& model, std::int64_t batch,
                    const std::vector<ImageFile>& files) {
  RunReport report{engine.device().caps().name,
                   modelName(model),
                   std::string(toString(engine.precision())),
                   batch,
                   {},
                   engine.memory(),
                   {}};
  for (const ImageFile& file : files) report.files.emplace_back(file.path.string(), file.name);
  return report;
}

std::string runTable(const RunReport& report) {
  const FrameStatistics& frames = report.frames;
  const Latency latency = Latency::of(frames.network);
  std::string out = fmt::format("model        {}\ndevice       {}\nprecision    {}\nimages       {}",
                                report.model, report.device, report.precision, frames.images);
  if (frames.failed) out += fmt::format(" ({} failed)", frames.failed);
  out +=
      fmt::format("\nlatency      {:.2f} ms median, {:.2f} p90, {:.2f} p99{}\n", latency.median, latency.p90,
                  latency.p99, report.batch > 1 ? fmt::format(" per batch of {}", report.batch) : "");
  out += fmt::format("preprocess   {:.2f} ms per image\n", percentile(frames.preprocess, 0.5));
  if (!frames.postprocess.empty())
    out +=
        fmt::format("postprocess  {:.2f} ms per image, on the host\n", percentile(frames.postprocess, 0.5));
  out += fmt::format("throughput   {:.2f} images/s, reading and writing included\n", perSecond(frames));
  return out + fmt::format("memory       {} weights, {} activations\n", bytesText(report.memory.weights),
                           bytesText(report.memory.activations));
}

Json runJson(const RunReport& report) {
  const FrameStatistics& frames = report.frames;
  Json json{{"device", report.device},
            {"model", report.model},
            {"precision", report.precision},
            {"images", frames.images},
            {"failed_images", frames.failed},
            {"batch", report.batch},
            {"latency_ms", Latency::of(frames.network).json()},
            {"preprocess_ms", percentile(frames.preprocess, 0.5)}};
  if (!frames.postprocess.empty()) json["postprocess_ms"] = percentile(frames.postprocess, 0.5);
  json["throughput_fps"] = perSecond(frames);
  json["memory_bytes"] = {{"weights", report.memory.weights},
                          {"activations", report.memory.activations},
                          {"bindings", report.memory.bindings},
                          {"workspace", report.memory.workspace}};
  json["files"] = Json::array();
  for (const auto& [source, name] : report.files)
    json["files"].push_back({{"source", source}, {"name", name}});
  return json;
}

}  // namespace tessera::app
