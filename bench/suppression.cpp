// Suppressing boxes on the host and on the device.
#include "bench/suppression.hpp"

#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <random>

#include "apps/common/statistics.hpp"
#include "tessera/context.hpp"

namespace tessera::bench {
namespace {

constexpr int kClasses = 80, kImage = 640;

double millisecondsOf(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

// As dense as a detector's raw boxes: many of each object.
std::vector<DetectedObject> randomBoxes(int count) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> place(0, kImage), size(20, 120), score(0.3F, 1), shift(-6, 6);
  std::vector<DetectedObject> boxes;
  while (static_cast<int>(boxes.size()) < count) {
    const float x = place(random), y = place(random), w = size(random), h = size(random);
    const int kind = static_cast<int>(random() % kClasses);
    for (int i = 0; i < 10 && static_cast<int>(boxes.size()) < count; ++i) {
      const float left = x + shift(random), top = y + shift(random);
      boxes.push_back({{left, top, left + w, top + h}, kind, score(random)});
    }
  }
  return boxes;
}

Graph graphOf(int boxes, const SuppressionOptions& options) {
  Graph graph;
  graph.name = "suppression";
  const TensorId corners = graph.addInput("boxes", DataType::Float32, {1, boxes, 4});
  const TensorId scores = graph.addInput("scores", DataType::Float32, {1, boxes});
  const TensorId classes = graph.addInput("classes", DataType::Int32, {1, boxes});
  const Layer layer = graph.addLayer("SuppressBoxes", "suppress", {corners, scores, classes},
                                     {{"kind", std::string(toString(options.kind))},
                                      {"threshold", options.threshold},
                                      {"overlap", options.overlap},
                                      {"softness", options.softness},
                                      {"per_class", std::int64_t{options.perClass}},
                                      {"most", std::int64_t{options.most}}},
                                     {"rows", "count"});
  for (const TensorId output : layer.outputs) graph.markOutput(output);
  return graph;
}

TensorMap tensorsOf(const std::vector<DetectedObject>& boxes) {
  std::vector<float> corners, scores;
  std::vector<std::int32_t> classes;
  for (const DetectedObject& o : boxes) {
    corners.insert(corners.end(), {o.box.left, o.box.top, o.box.right, o.box.bottom});
    scores.push_back(o.score);
    classes.push_back(o.index);
  }
  const auto count = static_cast<std::int64_t>(boxes.size());
  return {{"boxes", HostTensor::of<float>({1, count, 4}, corners)},
          {"scores", HostTensor::of<float>({1, count}, scores)},
          {"classes", HostTensor::of<std::int32_t>({1, count}, classes)}};
}

}  // namespace

app::Json timeSuppression(const Device& device, int boxes, const SuppressionOptions& options, int runs) {
  const std::vector<DetectedObject> all = randomBoxes(boxes);
  const TensorMap inputs = tensorsOf(all);
  EngineOptions untuned;
  untuned.tuning.mode = TuneMode::Cached;
  Context context(Engine::build(graphOf(boxes, options), device, untuned));
  std::size_t kept = 0;
  std::vector<double> host, wall;
  context.run(inputs);
  for (int i = 0; i < runs; ++i) {
    host.push_back(millisecondsOf([&] { kept = suppress(all, options).size(); }));
    wall.push_back(millisecondsOf([&] { context.run(inputs); }));
  }
  double kernel = 0;
  for (const LayerTime& layer : context.profile(runs)) kernel += layer.milliseconds;
  const double onHost = app::percentile(host, 0.5), onDevice = app::percentile(wall, 0.5);
  std::fputs(
      fmt::format("{} suppression of {} boxes, {} stay: {:.3f} ms on the host; {:.3f} ms on the device, "
                  "{:.3f} ms of them in the kernel\n",
                  toString(options.kind), boxes, kept, onHost, onDevice, kernel)
          .c_str(),
      stdout);
  return {
      {"boxes", boxes}, {"stay", kept}, {"host_ms", onHost}, {"device_ms", onDevice}, {"kernel_ms", kernel}};
}

}  // namespace tessera::bench
