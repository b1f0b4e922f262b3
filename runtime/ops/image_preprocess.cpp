// ImagePreprocess: an 8-bit BGR image of any size becomes one item of a network's input. Inputs: x u8 [1, H,
// W, 3]. Attributes: those of ImagePreprocess in tessera/image.hpp; size [h, w], resize, rgb, mean [3], std
// [3], scale, pad, channels_last. Output: f32 [1, 3, h, w], or [1, h, w, 3] where the channels are last.
#include "tessera/image.hpp"

#include <algorithm>
#include <cmath>

#include "ops/image.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {

std::string_view toString(ResizeMode mode) {
  switch (mode) {
    case ResizeMode::Linear:
      return "linear";
    case ResizeMode::Nearest:
      return "nearest";
    case ResizeMode::Letterbox:
      return "letterbox";
  }
  return "?";
}

ResizeMode parseResizeMode(std::string_view text) {
  for (const ResizeMode mode : {ResizeMode::Linear, ResizeMode::Nearest, ResizeMode::Letterbox})
    if (text == toString(mode)) return mode;
  throw Error(ErrorCode::InvalidArgument,
              "unknown resize mode '" + std::string(text) + "': linear, nearest or letterbox");
}

std::optional<ImagePlace> imagePlaceOf(const Shape& shape) {
  if (shape.size() != 4) return std::nullopt;
  for (const std::int64_t extent : shape)
    if (extent < 1) return std::nullopt;
  if (shape[1] == 3) return ImagePlace{shape[2], shape[3], false};
  if (shape[3] == 3) return ImagePlace{shape[1], shape[2], true};
  return std::nullopt;
}

ImageRegion imageRegion(ResizeMode mode, std::int64_t inputHeight, std::int64_t inputWidth,
                        std::int64_t imageHeight, std::int64_t imageWidth) {
  if (mode != ResizeMode::Letterbox) return {0, 0, inputHeight, inputWidth};
  const double ratio = std::min(static_cast<double>(inputHeight) / static_cast<double>(imageHeight),
                                static_cast<double>(inputWidth) / static_cast<double>(imageWidth));
  const auto fitted = [&](std::int64_t extent, std::int64_t limit) {
    return std::clamp<std::int64_t>(std::llround(static_cast<double>(extent) * ratio), 1, limit);
  };
  const std::int64_t height = fitted(imageHeight, inputHeight), width = fitted(imageWidth, inputWidth);
  return {(inputHeight - height) / 2, (inputWidth - width) / 2, height, width};
}

Attributes ImagePreprocess::attributes() const {
  Attributes attrs{{"size", std::vector<std::int64_t>{height, width}},
                   {"resize", std::string(toString(resize))},
                   {"rgb", std::int64_t{rgb}},
                   {"mean", std::vector<double>(mean.begin(), mean.end())},
                   {"std", std::vector<double>(deviation.begin(), deviation.end())},
                   {"scale", scale},
                   {"pad", pad}};
  if (channelsLast) attrs.set("channels_last", std::int64_t{1});
  return attrs;
}

ImagePreprocess preprocessOf(const Attributes& attrs) {
  const auto size = attrs.integers("size");
  const auto mean = attrs.numbers("mean", {0, 0, 0}), deviation = attrs.numbers("std", {1, 1, 1});
  if (size.size() != 2 || size[0] < 1 || size[1] < 1) refuse("wants size, two positive extents");
  if (mean.size() != 3 || deviation.size() != 3) refuse("wants three values each for mean and std");
  ImagePreprocess p{size[0], size[1], parseResizeMode(attrs.string("resize", "linear")),
                    attrs.integer("rgb") != 0};
  for (std::size_t c = 0; c < 3; ++c) {
    if (!(deviation[c] > 0)) refuse("wants positive values for std");
    p.mean[c] = mean[c];
    p.deviation[c] = deviation[c];
  }
  p.scale = attrs.number("scale", 1);
  p.pad = attrs.number("pad", 114);
  p.channelsLast = attrs.integer("channels_last") != 0;
  return p;
}

namespace {

// One axis of a resize: pixel (2d + 1) * from / (2 * to) - 1/2 of the source, as an integer and a fraction.
struct Sample {
  std::int64_t low, high;
  double fraction;
};
Sample sampleAt(std::int64_t d, std::int64_t from, std::int64_t to, bool nearest) {
  if (nearest) {
    const std::int64_t at = (2 * d + 1) * from / (2 * to);
    return {at, at, 0};
  }
  const std::int64_t position = std::max<std::int64_t>((2 * d + 1) * from - to, 0), low = position / (2 * to);
  if (low >= from - 1) return {from - 1, from - 1, 0};
  return {low, low + 1, static_cast<double>(position - low * 2 * to) / static_cast<double>(2 * to)};
}

class ImagePreprocessOp final : public Operator {
 public:
  std::string_view name() const override { return "ImagePreprocess"; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const Shape& x = inputs[0].shape;
    if (inputs[0].type != DataType::UInt8 || x.size() != 4 || x[0] != 1 || x[3] != 3 || x[1] < 1 || x[2] < 1)
      refuse("wants an 8-bit image, 1 x height x width x 3");
    const ImagePreprocess p = preprocessOf(attrs);
    if (p.channelsLast) return {{DataType::Float32, {1, p.height, p.width, 3}, {}}};
    return {{DataType::Float32, {1, 3, p.height, p.width}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const ImagePreprocess p = preprocessOf(view.attrs);
    const std::int64_t height = view.inputs[0].shape[1], width = view.inputs[0].shape[2];
    const ImageRegion region = imageRegion(p.resize, p.height, p.width, height, width);
    const auto x = inputs[0].as<std::uint8_t>();
    const auto y = outputs[0].as<float>();
    const bool nearest = p.resize == ResizeMode::Nearest;
    std::vector<Sample> columns;  // of the region
    for (std::int64_t column = 0; column < region.width; ++column)
      columns.push_back(sampleAt(column, width, region.width, nearest));
    for (std::int64_t c = 0; c < 3; ++c) {
      const auto coded = [&](double value) {
        return static_cast<float>((value - p.mean[c]) / p.deviation[c] * p.scale);
      };
      const float pad = coded(p.pad);
      const std::int64_t source = p.rgb ? 2 - c : c, step = p.channelsLast ? 3 : 1;
      for (std::int64_t line = 0; line < p.height; ++line) {
        float* out = &y[p.channelsLast ? line * p.width * 3 + c : (c * p.height + line) * p.width];
        const std::int64_t row = line - region.top;
        for (std::int64_t column = 0; column < p.width; ++column) out[column * step] = pad;
        if (row < 0 || row >= region.height) continue;
        const Sample v = sampleAt(row, height, region.height, nearest);
        const std::uint8_t *low = &x[v.low * width * 3 + source], *high = &x[v.high * width * 3 + source];
        for (std::int64_t column = 0; column < region.width; ++column) {
          const Sample& h = columns[column];
          const std::int64_t a = h.low * 3, b = h.high * 3;
          out[(region.left + column) * step] =
              coded((low[a] * (1 - h.fraction) + low[b] * h.fraction) * (1 - v.fraction) +
                    (high[a] * (1 - h.fraction) + high[b] * h.fraction) * v.fraction);
        }
      }
    }
  }
  Tolerance tolerance(const OpView& view) const override {
    const ImagePreprocess p = preprocessOf(view.attrs);
    const double least = *std::min_element(p.deviation.begin(), p.deviation.end());
    return {256 * 4e-7 / least * std::abs(p.scale), 1e-6};  // a few roundings of a pixel value
  }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> all;
    const auto add = [&](Shape image, std::int64_t height, std::int64_t width, ResizeMode mode, bool rgb,
                         bool channelsLast = false) {
      ImagePreprocess p{height, width, mode,        rgb, {110.3, 108.4, 105}, {72.1, 58.7, 69.9},
                        0.7,    114,   channelsLast};
      all.push_back(makeSample("ImagePreprocess", p.attributes(), {{DataType::UInt8, std::move(image), {}}},
                               {Fill::integers(0, 255)}));
    };
    for (const ResizeMode mode : {ResizeMode::Linear, ResizeMode::Nearest, ResizeMode::Letterbox}) {
      add({1, 17, 23, 3}, 11, 37, mode, false);
      add({1, 5, 40, 3}, 16, 20, mode, true);
      add({1, 1, 1, 3}, 3, 4, mode, false);
      add({1, 12, 14, 3}, 6, 7, mode, true);
    }
    add({1, 13, 9, 3}, 13, 9, ResizeMode::Linear, false);
    add({1, 40, 6, 3}, 1, 1, ResizeMode::Linear, false);
    add({1, 17, 23, 3}, 11, 37, ResizeMode::Letterbox, true, true);
    return all;
  }
};

}  // namespace

void addOperators_image_preprocess(OperatorList& list) {
  static const ImagePreprocessOp op;
  list.push_back(&op);
}

}  // namespace tessera
