// ClassColor: a class map at the size of its image, in colours, and blended over the image.
// Inputs: classes u8 or i32 [1, 1, h, w]; palette u8 [P, 4] (blue, green, red, opacity; classes beyond it are
// black and transparent); image u8 [1, H, W, 3] (BGR). Outputs: classes [1, 1, H, W] (nearest; the type of
// the first input); colours u8 [1, H, W, 3]; overlay u8 [1, H, W, 3]. Attributes: size [H, W]; region [top,
// left, height, width] of the class map that shows the image; border: width of the brighter line between
// classes in the overlay. Integers only, so that every device gives the same bytes.
#include <array>

#include "ops/image.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {

ClassColorParams classColorParams(const Attributes& attrs) {
  const auto size = attrs.integers("size"), region = attrs.integers("region");
  if (size.size() != 2 || size[0] < 1 || size[1] < 1) refuse("wants size, two positive extents");
  if (region.size() != 4) refuse("wants region, four numbers");
  return {size[0],
          size[1],
          {region[0], region[1], region[2], region[3]},
          static_cast<int>(attrs.integer("border"))};
}

namespace {

class ClassColor final : public Operator {
 public:
  std::string_view name() const override { return "ClassColor"; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 3, 3);
    const ClassColorParams p = classColorParams(attrs);
    if (inputs[0].type != DataType::UInt8 && inputs[0].type != DataType::Int32)
      refuse("wants classes u8 or i32");
    if (inputs[1].type != DataType::UInt8 || inputs[2].type != DataType::UInt8)
      refuse("wants a palette and an image of 8 bits");
    const Shape& map = inputs[0].shape;
    if (map.size() != 4 || map[0] != 1 || map[1] != 1) refuse("wants classes of 1 x 1 x height x width");
    if (inputs[1].shape.size() != 2 || inputs[1].shape[0] < 1 || inputs[1].shape[1] != 4)
      refuse("wants a palette of colours x 4");
    const Shape image{1, p.height, p.width, 3};
    if (inputs[2].shape != image) refuse("wants an image of " + toString(image));
    const ImageRegion& r = p.region;
    if (r.top < 0 || r.left < 0 || r.height < 1 || r.width < 1 || r.top + r.height > map[2] ||
        r.left + r.width > map[3])
      refuse("wants a region inside the class map");
    return {{inputs[0].type, {1, 1, p.height, p.width}, {}},
            {DataType::UInt8, image, {}},
            {DataType::UInt8, image, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const ClassColorParams p = classColorParams(view.attrs);
    const auto palette = inputs[1].as<std::uint8_t>(), image = inputs[2].as<std::uint8_t>();
    const std::int64_t mapWidth = view.inputs[0].shape[3], colors = view.inputs[1].shape[0];
    const auto classAt = [&](std::int64_t row, std::int64_t column) {
      const std::int64_t y =
          p.region.top + (2 * std::min(row, p.height - 1) + 1) * p.region.height / (2 * p.height);
      const std::int64_t x =
          p.region.left + (2 * std::min(column, p.width - 1) + 1) * p.region.width / (2 * p.width);
      return inputs[0].integer(y * mapWidth + x);
    };
    for (std::int64_t row = 0; row < p.height; ++row)
      for (std::int64_t column = 0; column < p.width; ++column) {
        const std::int64_t i = row * p.width + column;
        const std::int64_t k = classAt(row, column);
        const bool shownAtAll = k >= 0 && k < colors;
        storeInteger(outputs[0], i, k);
        const bool border =
            p.border > 0 && (classAt(row, column + p.border) != k || classAt(row + p.border, column) != k);
        const int opacity = shownAtAll ? palette[k * 4 + 3] : 0,
                  blend = border ? 255 - (255 - opacity) / 2 : opacity;
        for (int c = 0; c < 3; ++c) {
          const int color = shownAtAll ? palette[k * 4 + c] : 0, shown = border ? (color + 255) / 2 : color;
          outputs[1].as<std::uint8_t>()[i * 3 + c] = static_cast<std::uint8_t>(color);
          outputs[2].as<std::uint8_t>()[i * 3 + c] =
              static_cast<std::uint8_t>((image[i * 3 + c] * (255 - blend) + shown * blend + 127) / 255);
        }
      }
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> all;
    const auto add = [&](std::int64_t h, std::int64_t w, std::int64_t height, std::int64_t width,
                         std::vector<std::int64_t> region, std::int64_t border,
                         DataType type = DataType::UInt8, std::int64_t colors = kPaletteSize) {
      const auto u8 = [](Shape shape) { return TensorDesc{DataType::UInt8, std::move(shape), {}}; };
      all.push_back(makeSample("ClassColor",
                               {{"size", std::vector<std::int64_t>{height, width}},
                                {"region", std::move(region)},
                                {"border", border}},
                               {{type, {1, 1, h, w}, {}}, u8({colors, 4}), u8({1, height, width, 3})},
                               {Fill::integers(0, type == DataType::UInt8 ? 4 : 400), Fill::integers(0, 255),
                                Fill::integers(0, 255)}));
    };
    add(9, 11, 18, 22, {0, 0, 9, 11}, 0);
    add(9, 11, 23, 7, {0, 0, 9, 11}, 1);
    add(16, 20, 10, 40, {5, 0, 5, 20}, 2);
    add(1, 1, 3, 5, {0, 0, 1, 1}, 1);
    add(6, 6, 1, 1, {1, 2, 3, 4}, 1);
    add(9, 11, 23, 7, {0, 0, 9, 11}, 1, DataType::UInt8, 3);
    add(9, 11, 23, 17, {0, 0, 9, 11}, 1, DataType::Int32, 300);
    return all;
  }
};

}  // namespace

void addOperators_class_color(OperatorList& list) {
  static const ClassColor op;
  list.push_back(&op);
}

}  // namespace tessera
