// ImagePreprocess: an 8-bit image of any size becomes one item of a network's input. Inputs: x u8 [1, H, W,
// 3], of other formats [1, H, W, 1] (GREY), [1, 3, H, W] (planar), [1, 3 H / 2, W, 1] (NV12). Attributes:
// those of ImagePreprocess in tessera/image.hpp; size [h, w], resize, fit, crop, order, mean [3], std [3],
// scale, pad, rounded, channels_last; format (BGR), colors (BT.601) of the image. Output: f32 [1, c, h, w],
// or [1, h, w, c] where the channels are last; c is 3, or 1 where the order is GREY.
#include "tessera/image.hpp"

#include <algorithm>
#include <cmath>

#include "ops/image.hpp"
#include "ops/resample_image.hpp"
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

constexpr Named<PixelFormat> kFormats[] = {{PixelFormat::Bgr, "BGR"},
                                           {PixelFormat::Rgb, "RGB"},
                                           {PixelFormat::Grey, "GREY"},
                                           {PixelFormat::PlanarBgr, "planar_BGR"},
                                           {PixelFormat::PlanarRgb, "planar_RGB"},
                                           {PixelFormat::Nv12, "NV12"}};
constexpr Named<YuvColors> kColors[] = {
    {YuvColors::Bt601, "BT.601"}, {YuvColors::Bt709, "BT.709"}, {YuvColors::Bt601Full, "BT.601_full"}};

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
std::string_view toString(PixelFormat format) { return nameOf(format, kFormats); }
PixelFormat parsePixelFormat(std::string_view text) { return valueOf(text, kFormats, "format of images"); }
std::string_view toString(YuvColors colors) { return nameOf(colors, kColors); }
YuvColors parseYuvColors(std::string_view text) {
  return valueOf(text, kColors, "meaning of luma and chroma");
}

Shape ImageView::shape() const {
  switch (format) {
    case PixelFormat::Bgr:
    case PixelFormat::Rgb:
      return {1, height, width, 3};
    case PixelFormat::PlanarBgr:
    case PixelFormat::PlanarRgb:
      return {1, 3, height, width};
    case PixelFormat::Nv12:
      return {1, height / 2 * 3, width, 1};
    case PixelFormat::Grey:
      break;
  }
  return {1, height, width, 1};
}

void ImageSource::describe(Attributes& attrs, PixelFormat format, YuvColors colors) {
  if (format != PixelFormat::Bgr) attrs.set("format", std::string(toString(format)));
  if (format == PixelFormat::Nv12 && colors != YuvColors::Bt601)
    attrs.set("colors", std::string(toString(colors)));
}

ImageSource imageSourceOf(const Attributes& attrs, const Shape& shape) {
  ImageSource source;
  source.format = parsePixelFormat(attrs.string("format", "BGR"));
  source.colors = parseYuvColors(attrs.string("colors", "BT.601"));
  const bool planar = source.format == PixelFormat::PlanarBgr || source.format == PixelFormat::PlanarRgb;
  if (shape.size() == 4) {
    source.height = shape[planar ? 2 : 1];
    source.width = shape[planar ? 3 : 2];
  }
  const bool halved = source.format == PixelFormat::Nv12;
  if (halved) source.height = source.height / 3 * 2;
  const ImageView wanted{nullptr, source.height, source.width, source.format};
  if (source.height < 1 || source.width < 1 || shape != wanted.shape())
    refuse(
        "wants an 8-bit image: [1, H, W, 3], of format GREY [1, H, W, 1], planar [1, 3, H, W], NV12 [1, 3 H "
        "/ 2, W, 1]");
  if (halved && (source.height % 2 != 0 || source.width % 2 != 0))
    refuse("wants NV12 of even height and width");
  return source;
}

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
    const double exact = static_cast<double>(extent) * ratio;
    // torchvision cuts off what is not a whole pixel; the shorter side is whole but for rounding.
    if (crop) return std::max(static_cast<std::int64_t>(std::floor(exact + 1e-6)), input);
    return std::clamp<std::int64_t>(std::llround(exact), 1, input);
  };
  ImageRegion region{0, 0, scaled(imageHeight, how.height), scaled(imageWidth, how.width)};
  if (how.fit == ImageFit::LetterboxTopLeft) return region;
  // Of a crop a half goes to the even number, as torchvision rounds it.
  const auto half = [&](std::int64_t room) {
    return crop ? std::llrint(static_cast<double>(room) / 2) : room / 2;
  };
  region.top = half(how.height - region.height);
  region.left = half(how.width - region.width);
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
  if (rounded) attrs.set("rounded", std::int64_t{1});
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
    if (!(deviation[c] > 0 && std::isfinite(deviation[c]) && std::isfinite(mean[c])))
      refuse("wants finite values for mean and std, and positive ones for std");
    p.mean[c] = mean[c];
    p.deviation[c] = deviation[c];
  }
  p.scale = attrs.number("scale", 1);
  p.pad = attrs.number("pad", 114);
  if (!std::isfinite(p.scale) || !std::isfinite(p.pad)) refuse("wants finite values for scale and pad");
  p.channelsLast = attrs.integer("channels_last") != 0;
  p.rounded = attrs.integer("rounded") != 0;
  p.fit = parseImageFit(attrs.string("fit", "stretch"));
  p.crop = attrs.number("crop", 1);
  if (!(p.crop > 0 && p.crop <= 1)) refuse("wants crop above 0, 1 at most");
  return p;
}

namespace {

// One row of a channel of the result: where the image does not reach it is `pad`.
void prepareRow(Resampler& image, const ImageRegion& region, const ImagePreprocess& p, std::int64_t y,
                std::int64_t c, std::vector<double>& to) {
  std::ranges::fill(to, p.pad);
  const std::int64_t row = y - region.top;
  if (row < 0 || row >= region.height) return;
  const std::int64_t begin = std::max<std::int64_t>(-region.left, 0),
                     end = std::min(region.width, p.width - region.left);
  const auto take = [&](std::int64_t channel, const auto& join) {
    const auto line = image.line(row, channel);
    for (std::int64_t column = begin; column < end; ++column) {
      double& value = to[static_cast<std::size_t>(column + region.left)];
      value = join(value, line[static_cast<std::size_t>(column)]);
    }
  };
  if (p.order == ChannelOrder::Grey) {
    take(0, [](double, double blue) { return 0.114 * blue; });
    take(1, [](double sum, double green) { return sum + 0.587 * green; });
    take(2, [](double sum, double red) { return sum + 0.299 * red; });
  } else {
    take(p.order == ChannelOrder::Rgb ? 2 - c : c, [](double, double value) { return value; });
  }
}

class ImagePreprocessOp final : public Operator {
 public:
  std::string_view name() const override { return "ImagePreprocess"; }
  AttributeNames attributes() const override {
    return {"channels_last", "colors", "crop",    "fit",   "format", "mean", "order",
            "pad",           "resize", "rounded", "scale", "size",   "std"};
  }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    if (inputs[0].type != DataType::UInt8) refuse("wants an 8-bit image");
    imageSourceOf(attrs, inputs[0].shape);
    const ImagePreprocess p = preprocessOf(attrs);
    if (p.channelsLast) return {{DataType::Float32, {1, p.height, p.width, p.channels()}, {}}};
    return {{DataType::Float32, {1, p.channels(), p.height, p.width}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const ImagePreprocess p = preprocessOf(view.attrs);
    const ImageSource source = imageSourceOf(view.attrs, view.inputs[0].shape);
    const ImageRegion region = imageRegion(p, source.height, source.width);
    const std::vector<double> bgr = bgrOf(inputs[0].as<std::uint8_t>(), source);
    Resampler image(bgr, source.height, source.width, region, p);
    const std::int64_t channels = p.channels(), plane = p.height * p.width;
    std::vector<double> row(static_cast<std::size_t>(p.width));
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto channel = static_cast<std::size_t>(c);
      for (std::int64_t y = 0; y < p.height; ++y) {
        prepareRow(image, region, p, y, c, row);
        float* to = outputs[0].as<float>().data() +
                    (p.channelsLast ? y * p.width * channels + c : c * plane + y * p.width);
        const std::int64_t step = p.channelsLast ? channels : 1;
        for (std::size_t column = 0; column < row.size(); ++column)
          to[static_cast<std::int64_t>(column) * step] =
              static_cast<float>((row[column] - p.mean[channel]) / p.deviation[channel] * p.scale);
      }
    }
  }
  Tolerance tolerance(const OpView& view) const override {
    const ImagePreprocess p = preprocessOf(view.attrs);
    const ImageSource source = imageSourceOf(view.attrs, view.inputs[0].shape);
    const ImageRegion region = imageRegion(p, source.height, source.width);
    const double least = *std::min_element(p.deviation.begin(), p.deviation.end());
    // Where sums that are not exact are rounded in the end, one may fall beside a half.
    const bool exactArea = areaOfPairs(source.height, source.width, region, p.rounded) ||
                           isHalved(source.height, source.width, region);
    const bool beside =
        p.rounded && ((p.resize == ResizeMode::Area && !exactArea) || p.resize == ResizeMode::Antialiased);
    const double pixel = beside ? 1.001 : 256 * 4e-7;  // else a few roundings of a pixel value
    return {pixel / least * std::abs(p.scale), 1e-6};
  }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> all;
    const auto add = [&](Shape image, ImagePreprocess p, PixelFormat format = PixelFormat::Bgr,
                         YuvColors colors = YuvColors::Bt601) {
      p.mean = {110.3, 108.4, 105}, p.deviation = {72.1, 58.7, 69.9}, p.scale = 0.7;
      Attributes attrs = p.attributes();
      ImageSource::describe(attrs, format, colors);
      all.push_back(makeSample("ImagePreprocess", std::move(attrs), {{DataType::UInt8, std::move(image), {}}},
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
    for (const auto& [format, name] : kFormats) {
      const ImageView image{nullptr, 18, 26, format};
      add(image.shape(), {18, 26, ResizeMode::Linear}, format);
      add(image.shape(), {11, 37, ResizeMode::Linear, ChannelOrder::Rgb}, format);
      add(image.shape(), fitted({9, 8, ResizeMode::Area}, ImageFit::Letterbox), format);
      add(image.shape(), {7, 9, ResizeMode::Antialiased, ChannelOrder::Grey}, format);
    }
    for (const auto& [colors, name] : kColors) add({1, 15, 6, 1}, {10, 6}, PixelFormat::Nv12, colors);
    add({1, 37, 300, 3}, fitted({8, 50, ResizeMode::Area}, ImageFit::Crop, 0.6));
    add({1, 70, 90, 3}, {64, 80, ResizeMode::Area, ChannelOrder::Rgb});
    for (const auto& [mode, name] : kModes) {
      ImagePreprocess whole{11, 37, mode};
      whole.rounded = true;
      for (const Shape& image : {Shape{1, 17, 23, 3}, Shape{1, 40, 61, 3}, Shape{1, 1, 1, 3}})
        add(image, whole);
      add({1, 27, 26, 1}, whole, PixelFormat::Nv12);
      add({1, 22, 74, 3}, whole);
      whole.order = ChannelOrder::Grey;
      add({1, 25, 60, 3}, fitted(whole, ImageFit::Letterbox));
    }
    add({1, 37, 30, 3}, {16, 80, ResizeMode::Area});  // one axis grows
    add({1, 7, 90, 3}, {20, 11, ResizeMode::Area, ChannelOrder::Grey});
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
