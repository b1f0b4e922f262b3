// Pixels in double, resized line by line.
#include "ops/resample_image.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace tessera {
namespace {

// Pixel (2d + 1) * from / (2 * to) - 1/2 of the source.
ResampleTaps linearTaps(std::int64_t d, std::int64_t from, std::int64_t to) {
  const std::int64_t position = std::max<std::int64_t>((2 * d + 1) * from - to, 0), low = position / (2 * to);
  if (low >= from - 1) return {from - 1, {1}};
  const double fraction = static_cast<double>(position - low * 2 * to) / static_cast<double>(2 * to);
  return {low, {1 - fraction, fraction}};
}

// `weightOf` pixels from `first` to `last`, made to sum up to 1.
template <class Weight>
ResampleTaps windowTaps(std::int64_t first, std::int64_t last, const Weight& weightOf) {
  ResampleTaps taps{first, {}};
  double sum = 0;
  for (std::int64_t i = first; i <= last; ++i) sum += taps.weights.emplace_back(weightOf(i));
  for (double& weight : taps.weights) weight /= sum;
  return taps;
}

// Where one axis grows and the other shrinks OpenCV's INTER_AREA takes two pixels, the later one by what the
// area covers beyond the first. Where an axis grows that is its area.
ResampleTaps pairTaps(std::int64_t d, std::int64_t from, std::int64_t to) {
  const std::int64_t first = d * from / to, beyond = (d + 1) * from - (first + 1) * to;
  if (first >= from - 1 || beyond <= 0) return {std::min(first, from - 1), {1}};
  const double share = static_cast<double>(beyond) / static_cast<double>(from);
  return {first, {1 - share, share}};
}

ResampleTaps tapsAt(std::int64_t d, std::int64_t from, std::int64_t to, ResizeMode mode, bool pairs) {
  if (pairs) return pairTaps(d, from, to);
  if (mode == ResizeMode::Nearest) return {(2 * d + 1) * from / (2 * to), {1}};
  if (mode == ResizeMode::Area)
    return windowTaps(d * from / to, std::min(((d + 1) * from - 1) / to, from - 1), [&](std::int64_t i) {
      return static_cast<double>(std::min((i + 1) * to, (d + 1) * from) - std::max(i * to, d * from));
    });
  if (mode == ResizeMode::Linear || from <= to) return linearTaps(d, from, to);
  // A triangle of half width from / to around the centre, in units of 1 / (2 to).
  const std::int64_t center = (2 * d + 1) * from;
  const std::int64_t first = std::max<std::int64_t>((center - 2 * from) / (2 * to), 0);
  return windowTaps(first, std::min((center + 2 * from) / (2 * to), from - 1), [&](std::int64_t i) {
    return std::max<double>(static_cast<double>(2 * from - std::abs(center - (2 * i + 1) * to)), 0);
  });
}

// Where the blue, green and red of a pixel lie: `step` elements behind those of the pixel before.
struct ColourPlaces {
  std::int64_t step;
  std::array<std::int64_t, 3> first;
};

ColourPlaces colourPlaces(PixelFormat format, std::int64_t pixels) {
  switch (format) {
    case PixelFormat::Bgr:
      return {3, {0, 1, 2}};
    case PixelFormat::Rgb:
      return {3, {2, 1, 0}};
    case PixelFormat::PlanarBgr:
      return {1, {0, pixels, 2 * pixels}};
    case PixelFormat::PlanarRgb:
      return {1, {2 * pixels, pixels, 0}};
    case PixelFormat::Grey:
    case PixelFormat::Nv12:
      break;
  }
  return {1, {0, 0, 0}};
}

// Pixel i of an NV12 image.
std::array<double, 3> bgrOfNv12(std::span<const std::uint8_t> x, const ImageSource& source, std::int64_t i) {
  const auto at = [&](std::int64_t place) { return static_cast<double>(x[static_cast<std::size_t>(place)]); };
  const std::int64_t row = i / source.width, column = i % source.width;
  const std::int64_t chroma = source.height * source.width + row / 2 * source.width + column / 2 * 2;
  const bool full = source.colors == YuvColors::Bt601Full, hd = source.colors == YuvColors::Bt709;
  const double luma = full ? at(i) : 255.0 / 219 * (at(i) - 16);
  const double reach = full ? 1 : 255.0 / 224;
  const double u = (at(chroma) - 128) * reach, v = (at(chroma + 1) - 128) * reach;
  // Kr and Kb of the standard; what follows is its definition of chroma, solved for the colours.
  const double kr = hd ? 0.2126 : 0.299, kb = hd ? 0.0722 : 0.114, kg = 1 - kr - kb;
  const double blue = luma + 2 * (1 - kb) * u, red = luma + 2 * (1 - kr) * v;
  const double green = luma - (2 * (1 - kb) * kb * u + 2 * (1 - kr) * kr * v) / kg;
  return {std::clamp(blue, 0.0, 255.0), std::clamp(green, 0.0, 255.0), std::clamp(red, 0.0, 255.0)};
}

// As OpenCV resizes from 8 bits to 8: weights in units of 1 / 2048, bits dropped between columns and rows.
template <class PixelsOf>
double wholeAt(const ResampleTaps& rows, const ResampleTaps& across, const PixelsOf& pixelsOf) {
  const auto weight = [](double w) {
    return std::lrint(static_cast<double>(static_cast<float>(w) * 2048.0f));
  };
  std::int64_t sum = 2;
  for (std::size_t v = 0; v < rows.weights.size(); ++v) {
    const double* from = pixelsOf(v) + across.first * 3;
    std::int64_t part = 0;
    for (std::size_t h = 0; h < across.weights.size(); ++h)
      part += weight(across.weights[h]) * std::lrint(from[h * 3]);
    sum += weight(rows.weights[v]) * (part >> 4) >> 16;
  }
  return static_cast<double>(sum >> 2);
}

}  // namespace

std::vector<double> bgrOf(std::span<const std::uint8_t> x, const ImageSource& source) {
  const std::int64_t pixels = source.height * source.width;
  std::vector<double> bgr(static_cast<std::size_t>(pixels * 3));
  if (source.format == PixelFormat::Nv12) {
    for (std::int64_t i = 0; i < pixels; ++i) std::ranges::copy(bgrOfNv12(x, source, i), bgr.begin() + i * 3);
    return bgr;
  }
  const ColourPlaces places = colourPlaces(source.format, pixels);
  for (std::size_t c = 0; c < 3; ++c) {
    const std::uint8_t* from = x.data() + places.first[c];
    for (std::int64_t i = 0; i < pixels; ++i)
      bgr[static_cast<std::size_t>(i * 3) + c] = static_cast<double>(from[i * places.step]);
  }
  return bgr;
}

Resampler::Resampler(std::span<const double> pixels, std::int64_t height, std::int64_t width,
                     const ImageRegion& region, const ImagePreprocess& how)
    : pixels_(pixels),
      height_(height),
      width_(width),
      region_(region),
      mode_(how.resize),
      rounded_(how.rounded),
      same_(height == region.height && width == region.width),
      line_(static_cast<std::size_t>(region.width)) {
  pairs_ = mode_ == ResizeMode::Area && areaOfPairs(height, width, region, rounded_);
  for (std::int64_t column = 0; column < region.width; ++column)
    columns_.push_back(tapsAt(column, width, region.width, mode_, pairs_));
}

std::span<const double> Resampler::line(std::int64_t row, std::int64_t channel) {
  if (same_) {  // whatever the mode
    const double* from = &pixels_[static_cast<std::size_t>(row * width_ * 3 + channel)];
    for (std::size_t column = 0; column < line_.size(); ++column) line_[column] = from[column * 3];
    return roundedLine();
  }
  const ResampleTaps rows = tapsAt(row, height_, region_.height, mode_, pairs_);
  const auto pixelsOf = [&](std::size_t v) {
    return &pixels_[static_cast<std::size_t>((rows.first + static_cast<std::int64_t>(v)) * width_ * 3 +
                                             channel)];
  };
  if (rounded_ && (mode_ == ResizeMode::Linear || pairs_)) {
    for (std::size_t column = 0; column < line_.size(); ++column)
      line_[column] = wholeAt(rows, columns_[column], pixelsOf);
    return line_;
  }
  std::ranges::fill(line_, 0.0);
  for (std::size_t v = 0; v < rows.weights.size(); ++v) {
    const double* pixels = pixelsOf(v);
    for (std::size_t column = 0; column < line_.size(); ++column) {
      const ResampleTaps& across = columns_[column];
      const double* from = pixels + across.first * 3;
      double part = 0;
      for (std::size_t h = 0; h < across.weights.size(); ++h) part += across.weights[h] * from[h * 3];
      line_[column] += rows.weights[v] * part;
    }
  }
  return roundedLine();
}

std::span<const double> Resampler::roundedLine() {
  if (!rounded_) return line_;
  // Of four pixels OpenCV rounds halves up.
  const bool up = mode_ == ResizeMode::Area && isHalved(height_, width_, region_);
  for (double& value : line_) value = up ? std::floor(value + 0.5) : std::nearbyint(value);
  return line_;
}

}  // namespace tessera
