// Ranges of channels, image by image.
#include "calib/channel_scales.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lower/least_value.hpp"

namespace tessera {
namespace {

// The scale of a smaller range is no normal float.
constexpr float kLeastRange = 127.0f * std::numeric_limits<float>::min();

// The value below which `share` of the values lie, linear between two of them.
float quantile(std::vector<float>& values, double share) {
  if (share >= 1) return *std::max_element(values.begin(), values.end());
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = values.begin() + static_cast<std::ptrdiff_t>(at);
  std::nth_element(values.begin(), below, values.end());
  const float above = below + 1 == values.end() ? *below : *std::min_element(below + 1, values.end());
  const double part = at - std::floor(at);
  return static_cast<float>(static_cast<double>(*below) * (1 - part) + static_cast<double>(above) * part);
}

// A channel that was silent on most of a few images need not be on others: on either side, all reach some
// part of the farthest.
void raise(std::vector<float>& reach, double floor) {
  const auto half = static_cast<std::ptrdiff_t>(reach.size() / 2);
  for (auto side = reach.begin(); side != reach.end(); side += half) {
    const auto least = static_cast<float>(floor * static_cast<double>(*std::max_element(side, side + half)));
    for (auto r = side; r != side + half; ++r) *r = std::max(*r, least);
  }
}

// How far each channel reaches below 0, then above.
std::vector<float> reachOf(const ChannelExtremes& extremes, const ChannelRange& range) {
  const std::size_t channels = extremes.high[0].size();
  std::vector<float> reach(2 * channels, 0.0f), high, low;
  for (std::size_t c = 0; c < channels; ++c) {
    high.clear(), low.clear();
    for (std::size_t image = 0; image < extremes.high.size(); ++image) {
      if (range.left.count(static_cast<int>(image))) continue;
      high.push_back(extremes.high[image][c]);
      low.push_back(-extremes.low[image][c]);
    }
    reach[c] = std::max(quantile(low, range.share), 0.0f);
    reach[channels + c] = std::max(quantile(high, range.share), 0.0f);
  }
  raise(reach, range.floor);
  return reach;
}

// Half of the widest range among a tensor's channels, or its farthest end where no offset may centre it.
float farthest(const std::vector<float>& reach, bool offsets) {
  float most = 0;
  for (std::size_t c = 0; c < reach.size() / 2; ++c) {
    const float below = reach[c], above = reach[reach.size() / 2 + c];
    most = std::max(most, offsets ? below / 2 + above / 2 : std::max(below, above));
  }
  return most;
}

}  // namespace

void setChannelScales(const Graph& graph, const Int8Plan& plan, const std::vector<ChannelGroup>& groups,
                      const TensorStatistics& statistics, const ChannelRange& range,
                      Calibration& calibration) {
  for (const ChannelGroup& group : groups) {
    std::map<int, float> most;  // of tensors that share one scale
    for (std::size_t i = 0; i < group.tensors.size(); ++i) {
      const std::string& name = graph.tensor(group.tensors[i]).name;
      const auto reach = reachOf(statistics.extremes.at(name), range);
      float& top = most[plan.group[group.tensors[i]]];
      top = std::max(top, farthest(reach, static_cast<bool>(group.offsets[i])));
      calibration.channelPeaks[name] = reach;
    }
    for (const TensorId id : group.tensors)
      if (const float top = most[plan.group[id]]; top >= kLeastRange && std::isfinite(top))
        calibration.scales[graph.tensor(id).name] = top / 127.0f;
  }
}

std::map<std::string, float> leastValues(const Graph& graph, const TensorStatistics& statistics) {
  const auto measured = [&](TensorId id) {
    const std::string& name = graph.tensor(id).name;
    if (const auto found = statistics.least.find(name); found != statistics.least.end())
      return static_cast<double>(found->second);
    const auto found = statistics.extremes.find(name);
    if (found == statistics.extremes.end()) return -std::numeric_limits<double>::infinity();
    float least = 0;
    for (const auto& image : found->second.low) least = std::min(least, *std::ranges::min_element(image));
    return static_cast<double>(least);
  };
  std::map<std::string, float> values;
  for (std::size_t t = 0; t < graph.tensors().size(); ++t) {
    const GraphTensor& tensor = graph.tensors()[t];
    if (tensor.isConstant() || tensor.type != DataType::Float32) continue;
    const auto least = static_cast<float>(std::min(leastOf(graph, static_cast<TensorId>(t), measured), 0.0));
    if (std::isfinite(least)) values[tensor.name] = least;
  }
  return values;
}

double rangeUncertainty(const TensorStatistics& statistics, const ChannelRange& range) {
  double sum = 0, channels = 0;
  for (const auto& [_, extremes] : statistics.extremes) {
    const int images = static_cast<int>(extremes.high.size());
    if (images < 2) return 1;
    ChannelRange halves[2]{{range.share, range.floor, {}}, {range.share, range.floor, {}}};
    for (int i = 0; i < images; ++i) halves[i % 2].left.insert(i);
    const auto a = reachOf(extremes, halves[0]), b = reachOf(extremes, halves[1]);
    for (std::size_t c = 0; c < a.size() / 2; ++c) {
      const double one = std::max(a[c], a[a.size() / 2 + c]), two = std::max(b[c], b[a.size() / 2 + c]);
      if (!(std::max(one, two) > 0)) continue;
      sum += std::abs(one - two) / std::max(one, two);
      ++channels;
    }
  }
  return channels > 0 ? sum / channels : 0;
}

}  // namespace tessera
