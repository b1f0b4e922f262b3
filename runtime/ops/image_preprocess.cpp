// ImagePreprocess: an 8-bit BGR image of any size becomes one item of a network's input. Inputs: x u8 [1, H,
// W, 3]. Attributes: those of ImagePreprocess in tessera/image.hpp; size [h, w], resize, fit, crop, order,
// mean [3], std [3], scale, pad, channels_last. Output: f32 [1, c, h, w], or [1, h, w, c] where the channels
// are last; c is 3, or 1 where the order is GREY.
#include "tessera/image.hpp"

#include <algorithm>
#include <cmath>

#include "ops/image.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {

namespace {

// Enumerators with their names in descriptions.
template <class Value>
struct Named {
  Value value;
  std::string_view name;
};
constexpr Named<ResizeMode> kModes[] = {{ResizeMode::Linear, "linear"},
                                        {ResizeMode::Nearest, "nearest"},
                                        {ResizeMode::Area, "area"},
                                        {ResizeMode::Antialiased, "antialiased"}};
constexpr Named<ImageFit> kFits[] = {{ImageFit::Stretch, "stretch"},
                                     {ImageFit::Letterbox, "letterbox"},
                                     {ImageFit::LetterboxTopLeft, "letterbox-top-left"},
                                     {ImageFit::Crop, "crop"}};
constexpr Named<ChannelOrder> kOrders[] = {
    {ChannelOrder::Bgr, "BGR"}, {ChannelOrder::Rgb, "RGB"}, {ChannelOrder::Grey, "GREY"}};

template <class Value, std::size_t N>
std::string_view nameOf(Value value, const Named<Value> (&all)[N]) {
  for (const auto& one : all)
    if (one.value == value) return one.name;
  return "?";
}

template <class Value, std::size_t N>
Value valueOf(std::string_view text, const Named<Value> (&all)[N], const char* what) {
  std::string names;
  for (const auto& one : all) {
    if (one.name == text) return one.value;
    names += (names.empty() ? "" : ", ") + std::string(one.name);
  }
  throw Error(ErrorCode::InvalidArgument,
              "unknown " + std::string(what) + " '" + std::string(text) + "'; there are " + names);
}

}  // namespace

std::string_view toString(ResizeMode mode) { return nameOf(mode, kModes); }
ResizeMode parseResizeMode(std::string_view text) { return valueOf(text, kModes, "resize mode"); }
std::string_view toString(ImageFit fit) { return nameOf(fit, kFits); }
ImageFit parseImageFit(std::string_view text) { return valueOf(text, kFits, "fit of images"); }
std::string_view toString(ChannelOrder order) { return nameOf(order, kOrders); }
ChannelOrder parseChannelOrder(std::string_view text) { return valueOf(text, kOrders, "order of channels"); }

std::optional<ImagePlace> imagePlaceOf(const Shape& shape, std::int64_t channels) {
  if (shape.size() != 4) return std::nullopt;
  for (const std::int64_t extent : shape)
    if (extent < 1) return std::nullopt;
  if (shape[1] == channels) return ImagePlace{shape[2], shape[3], false};
  if (shape[3] == channels) return ImagePlace{shape[1], shape[2], true};
  return std::nullopt;
}

ImageRegion imageRegion(const ImagePreprocess& how, std::int64_t imageHeight, std::int64_t imageWidth) {
  if (how.fit == ImageFit::Stretch) return {0, 0, how.height, how.width};
  const double rows = static_cast<double>(how.height) / static_cast<double>(imageHeight);
  const double columns = static_cast<double>(how.width) / static_cast<double>(imageWidth);
  const bool crop = how.fit == ImageFit::Crop;
  const double ratio = crop ? std::max(rows, columns) / how.crop : std::min(rows, columns);
  const auto scaled = [&](std::int64_t extent, std::int64_t input) {
    const std::int64_t fitted = std::llround(static_cast<double>(extent) * ratio);
    return crop ? std::max(fitted, input) : std::clamp<std::int64_t>(fitted, 1, input);
  };
  ImageRegion region{0, 0, scaled(imageHeight, how.height), scaled(imageWidth, how.width)};
  if (how.fit == ImageFit::LetterboxTopLeft) return region;
  region.top = (how.height - region.height) / 2;
  region.left = (how.width - region.width) / 2;
  return region;
}

Attributes ImagePreprocess::attributes() const {
  Attributes attrs{{"size", std::vector<std::int64_t>{height, width}},
                   {"resize", std::string(toString(resize))},
                   {"order", std::string(toString(order))},
                   {"mean", std::vector<double>(mean.begin(), mean.end())},
                   {"std", std::vector<double>(deviation.begin(), deviation.end())},
                   {"scale", scale},
                   {"pad", pad}};
  if (channelsLast) attrs.set("channels_last", std::int64_t{1});
  if (fit != ImageFit::Stretch) attrs.set("fit", std::string(toString(fit)));
  if (fit == ImageFit::Crop) attrs.set("crop", crop);
  return attrs;
}

ImagePreprocess preprocessOf(const Attributes& attrs) {
  const auto size = attrs.integers("size");
  const auto mean = attrs.numbers("mean", {0, 0, 0}), deviation = attrs.numbers("std", {1, 1, 1});
  if (size.size() != 2 || size[0] < 1 || size[1] < 1) refuse("wants size, two positive extents");
  if (mean.size() != 3 || deviation.size() != 3) refuse("wants three values each for mean and std");
  ImagePreprocess p{size[0], size[1], parseResizeMode(attrs.string("resize", "linear")),
                    parseChannelOrder(attrs.string("order", "BGR"))};
  for (std::size_t c = 0; c < 3; ++c) {
    if (!(deviation[c] > 0)) refuse("wants positive values for std");
    p.mean[c] = mean[c];
    p.deviation[c] = deviation[c];
  }
  p.scale = attrs.number("scale", 1);
  p.pad = attrs.number("pad", 114);
  p.channelsLast = attrs.integer("channels_last") != 0;
  p.fit = parseImageFit(attrs.string("fit", "stretch"));
  p.crop = attrs.number("crop", 1);
  if (!(p.crop > 0 && p.crop <= 1)) refuse("wants crop above 0, 1 at most");
  return p;
}

namespace {

// What a pixel of one axis is made of: source pixels from `first` on, with weights that sum up to 1.
struct Taps {
  std::int64_t first = 0;
  std::vector<double> weights;
};

// Pixel (2d + 1) * from / (2 * to) - 1/2 of the source.
Taps linearTaps(std::int64_t d, std::int64_t from, std::int64_t to) {
  const std::int64_t position = std::max<std::int64_t>((2 * d + 1) * from - to, 0), low = position / (2 * to);
  if (low >= from - 1) return {from - 1, {1}};
  const double fraction = static_cast<double>(position - low * 2 * to) / static_cast<double>(2 * to);
  return {low, {1 - fraction, fraction}};
}

// `weightOf` pixels from `first` to `last`, made to sum up to 1.
template <class Weight>
Taps windowTaps(std::int64_t first, std::int64_t last, const Weight& weightOf) {
  Taps taps{first, {}};
  double sum = 0;
  for (std::int64_t i = first; i <= last; ++i) sum += taps.weights.emplace_back(weightOf(i));
  for (double& weight : taps.weights) weight /= sum;
  return taps;
}

Taps tapsAt(std::int64_t d, std::int64_t from, std::int64_t to, ResizeMode mode) {
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

// One resized line of channel `channel` (of three) of an image, without mean and scale.
class Resampler {
 public:
  Resampler(std::span<const std::uint8_t> pixels, std::int64_t height, std::int64_t width,
            const ImageRegion& region, ResizeMode mode)
      : pixels_(pixels), height_(height), width_(width), region_(region), mode_(mode) {
    for (std::int64_t column = 0; column < region.width; ++column)
      columns_.push_back(tapsAt(column, width, region.width, mode));
  }
  double at(std::int64_t row, std::int64_t column, std::int64_t channel) {
    if (row != row_) {
      row_ = row;
      rowTaps_ = tapsAt(row, height_, region_.height, mode_);
    }
    const Taps& across = columns_[static_cast<std::size_t>(column)];
    double sum = 0;
    for (std::size_t v = 0; v < rowTaps_.weights.size(); ++v) {
      const auto line = static_cast<std::size_t>((rowTaps_.first + static_cast<std::int64_t>(v)) * width_);
      double part = 0;
      for (std::size_t h = 0; h < across.weights.size(); ++h)
        part += across.weights[h] * pixels_[(line + static_cast<std::size_t>(across.first) + h) * 3 +
                                            static_cast<std::size_t>(channel)];
      sum += rowTaps_.weights[v] * part;
    }
    return sum;
  }

 private:
  std::span<const std::uint8_t> pixels_;
  std::int64_t height_, width_;
  ImageRegion region_;
  ResizeMode mode_;
  std::vector<Taps> columns_;
  std::int64_t row_ = -1;
  Taps rowTaps_;
};

class ImagePreprocessOp final : public Operator {
 public:
  std::string_view name() const override { return "ImagePreprocess"; }
  AttributeNames attributes() const override {
    return {"channels_last", "crop", "fit", "mean", "order", "pad", "resize", "scale", "size", "std"};
  }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const Shape& x = inputs[0].shape;
    if (inputs[0].type != DataType::UInt8 || x.size() != 4 || x[0] != 1 || x[3] != 3 || x[1] < 1 || x[2] < 1)
      refuse("wants an 8-bit image, 1 x height x width x 3");
    const ImagePreprocess p = preprocessOf(attrs);
    if (p.channelsLast) return {{DataType::Float32, {1, p.height, p.width, p.channels()}, {}}};
    return {{DataType::Float32, {1, p.channels(), p.height, p.width}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const ImagePreprocess p = preprocessOf(view.attrs);
    const std::int64_t height = view.inputs[0].shape[1], width = view.inputs[0].shape[2];
    const ImageRegion region = imageRegion(p, height, width);
    Resampler image(inputs[0].as<std::uint8_t>(), height, width, region, p.resize);
    const auto y = outputs[0].as<float>();
    const std::int64_t channels = p.channels(), plane = p.height * p.width;
    for (std::int64_t at = 0; at < plane * channels; ++at) {
      const std::int64_t pixel = p.channelsLast ? at / channels : at % plane;
      const std::int64_t c = p.channelsLast ? at % channels : at / plane;
      const std::int64_t row = pixel / p.width - region.top, column = pixel % p.width - region.left;
      double value = p.pad;
      if (row >= 0 && row < region.height && column >= 0 && column < region.width) {
        if (p.order == ChannelOrder::Grey)
          value = 0.114 * image.at(row, column, 0) + 0.587 * image.at(row, column, 1) +
                  0.299 * image.at(row, column, 2);
        else
          value = image.at(row, column, p.order == ChannelOrder::Rgb ? 2 - c : c);
      }
      const auto channel = static_cast<std::size_t>(c);
      y[static_cast<std::size_t>(at)] =
          static_cast<float>((value - p.mean[channel]) / p.deviation[channel] * p.scale);
    }
  }
  Tolerance tolerance(const OpView& view) const override {
    const ImagePreprocess p = preprocessOf(view.attrs);
    const double least = *std::min_element(p.deviation.begin(), p.deviation.end());
    return {256 * 4e-7 / least * std::abs(p.scale), 1e-6};  // a few roundings of a pixel value
  }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> all;
    const auto add = [&](Shape image, ImagePreprocess p) {
      p.mean = {110.3, 108.4, 105}, p.deviation = {72.1, 58.7, 69.9}, p.scale = 0.7;
      all.push_back(makeSample("ImagePreprocess", p.attributes(), {{DataType::UInt8, std::move(image), {}}},
                               {Fill::integers(0, 255)}));
    };
    const auto fitted = [](ImagePreprocess p, ImageFit fit, double crop = 1) {
      p.fit = fit, p.crop = crop;
      return p;
    };
    for (const auto& [mode, name] : kModes) {
      add({1, 17, 23, 3}, {11, 37, mode});
      add({1, 5, 40, 3}, {16, 20, mode, ChannelOrder::Rgb});
      add({1, 1, 1, 3}, {3, 4, mode});
      add({1, 12, 14, 3}, {6, 7, mode, ChannelOrder::Grey});
      add({1, 40, 61, 3}, {7, 9, mode});
    }
    for (const auto& [fit, name] : kFits) {
      add({1, 17, 23, 3}, fitted({11, 37, ResizeMode::Linear}, fit));
      add({1, 5, 40, 3}, fitted({16, 20, ResizeMode::Area, ChannelOrder::Rgb}, fit));
      add({1, 40, 12, 3}, fitted({9, 8, ResizeMode::Antialiased}, fit, fit == ImageFit::Crop ? 0.875 : 1));
    }
    ImagePreprocess last = fitted({11, 37, ResizeMode::Linear, ChannelOrder::Rgb}, ImageFit::Letterbox);
    last.channelsLast = true;
    add({1, 17, 23, 3}, last);
    last.order = ChannelOrder::Grey;
    add({1, 17, 23, 3}, last);
    add({1, 13, 9, 3}, {13, 9, ResizeMode::Linear});
    add({1, 40, 6, 3}, {1, 1, ResizeMode::Linear});
    return all;
  }
};

}  // namespace

void addOperators_image_preprocess(OperatorList& list) {
  static const ImagePreprocessOp op;
  list.push_back(&op);
}

}  // namespace tessera
