// Second moments of what layers with weights read. They are gathered on the host, from a few hundred places
// of each sample: some thousand numbers make a matrix that rounding errors are spread by.
#include "calib/input_moments.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>

#include "lower/precision.hpp"
#include "ops/operator.hpp"

namespace tessera {
namespace {

// Channels whose moments are kept together.
constexpr std::int64_t kMostChannels = 512;
// Places of an image that are looked at: as many as there are channels twice, within these.
constexpr std::int64_t kFewestPlaces = 256, kMostPlaces = 1024;
// Taps are few, and every channel tells of them: they are looked at from one place in that many.
constexpr std::int64_t kTapsEvery = 4;
// Successive multiples of it, less their whole parts, are spread evenly whatever their number.
constexpr double kGoldenRatio = 0.6180339887498949;

constexpr std::size_t kAxes = 3;
using Place = std::array<std::int64_t, kAxes>;  // depth, row, column

Place padded(std::span<const std::int64_t> extents, std::int64_t with) {
  Place place;
  place.fill(with);
  std::copy(extents.begin(), extents.end(), place.end() - static_cast<std::ptrdiff_t>(extents.size()));
  return place;
}

Place attributeOf(const Layer& layer, const char* name, std::size_t rank) {
  const auto given = layer.attrs.integers(name);
  std::vector<std::int64_t> values(given.begin(), given.end());
  values.resize(rank, 1);
  return padded(values, 1);
}

Place placeIn(const Place& extents, std::int64_t index) {
  return {index / (extents[1] * extents[2]), index / extents[2] % extents[1], index % extents[2]};
}

bool counts(const Graph& graph, const Layer& layer) {
  const std::size_t rank = graph.tensor(layer.inputs[0]).shape.size();
  return int8Role(graph, layer) == Int8Role::Compute && traitsOf(layer.op).window && rank >= 3 &&
         rank <= 2 + kAxes;
}

// The layer's window over its input: where each tap of a sum looks, from the place that it is about.
class Window {
 public:
  Window(const Graph& graph, const Layer& layer)
      : transposed_(traitsOf(layer.op).transposed()), group_(layer.attrs.integer("group", 1)) {
    const Shape& weights = graph.tensor(layer.inputs[1]).shape;
    const std::size_t rank = weights.size() - 2;
    window_ = padded(std::span(weights).subspan(2), 1);
    strides_ = attributeOf(layer, "strides", rank);
    dilations_ = attributeOf(layer, "dilations", rank);
    channels_ = graph.tensor(layer.inputs[0]).shape[1] / group_;
    const auto pads = layer.attrs.integers("pads");
    zerosAround_ = transposed_ || std::ranges::any_of(pads, [](auto pad) { return pad > 0; });
  }

  LayerMoments sums() const {
    std::map<std::int64_t, std::vector<std::int64_t>> phases;
    for (std::int64_t tap = 0; tap < window_[0] * window_[1] * window_[2]; ++tap)
      phases[phaseOf(tap)].push_back(tap);
    LayerMoments sums;
    for (const auto& [_, taps] : phases)
      for (std::int64_t group = 0; group < group_; ++group)
        for (std::int64_t first = 0; first < channels_; first += kMostChannels)
          sums.push_back({group * channels_ + first, group, taps,
                          SquareMatrix(std::min(channels_ - first, kMostChannels)),
                          SquareMatrix(static_cast<std::int64_t>(taps.size()))});
    return sums;
  }

  // Whether the window reaches beyond the input.
  bool zerosAround() const { return zerosAround_; }

  Place offsetOf(std::int64_t tap) const {
    Place place = placeIn(window_, tap);
    for (std::size_t a = 0; a < kAxes; ++a)
      place[a] = transposed_ ? -(place[a] / strides_[a]) : (place[a] - window_[a] / 2) * dilations_[a];
    return place;
  }

 private:
  // An output of a deconvolution sees taps whose coordinates leave the same when divided by the strides.
  std::int64_t phaseOf(std::int64_t tap) const {
    if (!transposed_) return 0;
    const Place place = placeIn(window_, tap);
    std::int64_t phase = 0;
    for (std::size_t a = 0; a < kAxes; ++a) phase = phase * strides_[a] + place[a] % strides_[a];
    return phase;
  }

  bool transposed_, zerosAround_;
  std::int64_t group_, channels_;
  Place window_, strides_, dilations_;
};

// One image's tensor, less the means of its channels.
class Centred {
 public:
  Centred(const float* values, const Shape& shape, const std::vector<double>* means, bool zerosAround)
      : values_(values),
        extents_(padded(std::span(shape).subspan(2), 1)),
        means_(means),
        zerosAround_(zerosAround) {}
  std::int64_t places() const { return extents_[0] * extents_[1] * extents_[2]; }
  // A place moved by `by`; outside -1.
  std::int64_t moved(std::int64_t place, const Place& by) const {
    Place at = placeIn(extents_, place);
    for (std::size_t a = 0; a < kAxes; ++a) {
      at[a] += by[a];
      if (at[a] < 0 || at[a] >= extents_[a]) return -1;
    }
    return (at[0] * extents_[1] + at[1]) * extents_[2] + at[2];
  }
  // to[place][channel] of channels from `first` on; outside, the zeros that a window finds there, or, where
  // none looks there, nothing. A channel's places lie near each other.
  void read(std::span<const std::int64_t> at, std::int64_t first, std::span<float> to) const {
    const std::int64_t channels = static_cast<std::int64_t>(to.size() / at.size());
    for (std::int64_t c = 0; c < channels; ++c) {
      const float mean = means_ ? static_cast<float>((*means_)[first + c]) : 0.0f;
      const float* from = values_ + (first + c) * places();
      float* its = &to[c];
      for (const std::int64_t place : at) {
        *its = place >= 0 ? from[place] - mean : zerosAround_ ? -mean : 0.0f;
        its += channels;
      }
    }
  }

 private:
  const float* values_;
  Place extents_;
  const std::vector<double>* means_;
  bool zerosAround_;
};

// Adds the products of pairs in rows, of which there are as many as fit, to the upper triangle.
void addProducts(SquareMatrix& to, std::span<const float> rows) {
  const std::int64_t n = to.size, count = static_cast<std::int64_t>(rows.size()) / n;
  for (std::int64_t i = 0; i < n; ++i) {
    float* sums = &to.at(i, 0);
    for (std::int64_t r = 0; r < count; ++r) {
      const float factor = rows[r * n + i];
      if (factor == 0) continue;
      for (std::int64_t j = i; j < n; ++j) sums[j] += factor * rows[r * n + j];
    }
  }
}

// Products of pairs of taps, summed over channels: patch[tap][channel].
void addTapProducts(SquareMatrix& to, std::span<const float> patch) {
  constexpr std::int64_t kLanes = 16;
  const std::int64_t taps = to.size, channels = static_cast<std::int64_t>(patch.size()) / taps;
  for (std::int64_t t = 0; t < taps; ++t)
    for (std::int64_t u = t; u < taps; ++u) {
      const float *a = &patch[t * channels], *b = &patch[u * channels];
      float sums[kLanes] = {};
      std::int64_t c = 0;
      for (; c + kLanes <= channels; c += kLanes)
        for (std::int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += a[c + lane] * b[c + lane];
      for (; c < channels; ++c) sums[0] += a[c] * b[c];
      to.at(t, u) += std::accumulate(sums, sums + kLanes, 0.0f);
    }
}

void gather(const Centred& x, std::int64_t seed, const Window& window, SumOfWeights& sum) {
  constexpr std::int64_t kTogether = 64;
  const std::int64_t channels = sum.channelMoments.size, taps = sum.tapMoments.size;
  const std::int64_t wanted = std::min(std::clamp(2 * channels, kFewestPlaces, kMostPlaces), x.places());
  std::vector<Place> offsets;
  for (const std::int64_t tap : sum.taps) offsets.push_back(window.offsetOf(tap));
  std::vector<float> rows(static_cast<std::size_t>(kTogether * channels)),
      patch(static_cast<std::size_t>(taps * channels));
  std::vector<std::int64_t> places, seen(offsets.size());
  for (std::int64_t done = 0; done < wanted;) {
    places.clear();
    for (; static_cast<std::int64_t>(places.size()) < kTogether && done < wanted; ++done) {
      const double along = static_cast<double>(seed * kMostPlaces + done) * kGoldenRatio;
      places.push_back(
          static_cast<std::int64_t>((along - std::floor(along)) * static_cast<double>(x.places())));
      if (done % kTapsEvery != 0) continue;
      std::ranges::transform(offsets, seen.begin(),
                             [&](const Place& by) { return x.moved(places.back(), by); });
      x.read(seen, sum.firstChannel, patch);
      addTapProducts(sum.tapMoments, patch);
    }
    const auto read = std::span(rows).first(places.size() * static_cast<std::size_t>(channels));
    x.read(places, sum.firstChannel, read);
    addProducts(sum.channelMoments, read);
  }
}

}  // namespace

struct InputMoments::Reading {
  struct Reader {
    std::string layer;
    Window window;
  };
  Shape shape;
  std::vector<Reader> readers;
};

void SquareMatrix::add(const SquareMatrix& other) {
  for (std::size_t i = 0; i < values.size(); ++i) values[i] += other.values[i];
}

std::map<std::string, LayerMoments> sumsOfLayers(const Graph& graph) {
  std::map<std::string, LayerMoments> sums;
  for (const Layer& layer : graph.layers())
    if (counts(graph, layer)) sums[layer.name] = Window(graph, layer).sums();
  return sums;
}

InputMoments::InputMoments(const Graph& optimized, int parts)
    : parts_(static_cast<std::size_t>(parts), sumsOfLayers(optimized)) {
  std::map<std::string, Reading> readings;
  for (const Layer& layer : optimized.layers()) {
    if (!counts(optimized, layer)) continue;
    const GraphTensor& x = optimized.tensor(layer.inputs[0]);
    Reading& reading = readings[x.name];
    reading.shape = x.shape;
    reading.readers.push_back({layer.name, Window(optimized, layer)});
  }
  readings_ = std::make_shared<const std::map<std::string, Reading>>(std::move(readings));
}

std::vector<std::string> InputMoments::tensors() const {
  std::vector<std::string> names;
  for (const auto& [name, _] : *readings_) names.push_back(name);
  return names;
}

void InputMoments::add(int sample, const std::string& tensor, std::span<const float> values,
                       const std::vector<double>* means) {
  const Reading& reading = readings_->at(tensor);
  const std::int64_t items = reading.shape[0], item = static_cast<std::int64_t>(values.size()) / items;
  auto& part = parts_[static_cast<std::size_t>(sample) % parts_.size()];
  for (const auto& [layer, window] : reading.readers)
    for (std::int64_t i = 0; i < items; ++i) {
      const Centred x(values.data() + i * item, reading.shape, means, window.zerosAround());
      for (SumOfWeights& sum : part[layer]) gather(x, sample * items + i, window, sum);
    }
}

std::map<std::string, LayerMoments> InputMoments::without(int part) const {
  std::map<std::string, LayerMoments> all;
  for (int p = 0; p < static_cast<int>(parts_.size()); ++p) {
    if (p == part) continue;
    for (const auto& [layer, sums] : parts_[p]) {
      auto [found, added] = all.emplace(layer, sums);
      if (added) continue;
      for (std::size_t i = 0; i < sums.size(); ++i) {
        found->second[i].channelMoments.add(sums[i].channelMoments);
        found->second[i].tapMoments.add(sums[i].tapMoments);
      }
    }
  }
  return all;
}

}  // namespace tessera
