// The share of INT8.
#include "apps/common/int8_report.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

namespace tessera::app {
namespace {

constexpr double kExpected = 0.95;
constexpr std::size_t kNamed = 20;  // layers listed

double sumOf(const std::vector<LayerPrecision>& layers) {
  double all = 0;
  for (const LayerPrecision& layer : layers) all += layer.multiplyAdds;
  return all;
}

}  // namespace

double int8Share(const std::vector<LayerPrecision>& layers) {
  double coded = 0;
  for (const LayerPrecision& layer : layers)
    if (layer.precision == Precision::Int8) coded += layer.multiplyAdds;
  const double all = sumOf(layers);
  return all > 0 ? coded / all : 1;
}

void printInt8Share(const std::vector<LayerPrecision>& layers) {
  const double share = int8Share(layers), all = sumOf(layers);
  std::string text = fmt::format("INT8: {:.1f} % of the multiply-adds", share * 100);
  std::vector<const LayerPrecision*> left;
  for (const LayerPrecision& layer : layers)
    if (layer.precision != Precision::Int8 && layer.multiplyAdds > 0) left.push_back(&layer);
  if (share >= kExpected || left.empty()) return fmt::print(stderr, "{}\n", text);
  std::ranges::stable_sort(left, [](const LayerPrecision* a, const LayerPrecision* b) {
    return a->multiplyAdds > b->multiplyAdds;
  });
  text += "; not in INT8:\n";
  for (std::size_t i = 0; i < std::min(left.size(), kNamed); ++i)
    text += fmt::format("  {:4.1f} %  {} ({}): {}\n", left[i]->multiplyAdds / all * 100, left[i]->layer,
                        left[i]->op, left[i]->reason);
  if (left.size() > kNamed)
    text +=
        fmt::format("  and {} more; 'tessera inspect --precision int8' lists all\n", left.size() - kNamed);
  fmt::print(stderr, "{}", text);
}

void printInt8Share(const Engine& engine) {
  if (engine.precision() == Precision::Int8) printInt8Share(engine.precisions());
}

}  // namespace tessera::app
