// ClassMap: the class of each pixel of a network's output x. Attributes:
// - layout: planar (scores f32 [1, C, H, W]), last (scores f32 [1, H, W, C]): the class with the highest
// score, the
//   lowest of equals. classes (numbers [1, 1, H, W]): the class itself, rounded; what is no class (negative,
//   NaN, too large) becomes the highest that the map holds. mask (f32 [1, 1, H, W]): class 1 above
//   `threshold`, else 0.
// - wide: 0: the map is u8 [1, 1, H, W], classes 0 to 255; 1: i32, classes 0 to 65535.
#include <array>
#include <cmath>

#include "ops/image.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

constexpr std::array<const char*, 4> kLayouts{"planar", "last", "classes", "mask"};

}  // namespace

ClassMapParams classMapParams(const Attributes& attrs) {
  ClassMapParams p;
  const std::string layout = attrs.string("layout", kLayouts[0]);
  std::size_t i = 0;
  while (i < kLayouts.size() && layout != kLayouts[i]) ++i;
  if (i == kLayouts.size()) refuse("there is no layout " + layout);
  p.layout = static_cast<ClassMapLayout>(i);
  p.threshold = attrs.number("threshold");
  p.wide = attrs.integer("wide") != 0;
  return p;
}

Attributes ClassMapParams::attributes() const {
  Attributes attrs;
  if (layout != ClassMapLayout::Scores)
    attrs.set("layout", std::string(kLayouts[static_cast<std::size_t>(layout)]));
  if (layout == ClassMapLayout::Mask) attrs.set("threshold", threshold);
  if (wide) attrs.set("wide", std::int64_t{1});
  return attrs;
}

namespace {

class ClassMap final : public Operator {
 public:
  std::string_view name() const override { return "ClassMap"; }
  bool takesHalf(std::size_t) const override { return false; }
  AttributeNames attributes() const override { return {"layout", "threshold", "wide"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const ClassMapParams p = classMapParams(attrs);
    const Shape& x = inputs[0].shape;
    if (x.size() != 4 || x[0] != 1) refuse("wants four extents, the first of them 1");
    const bool last = p.layout == ClassMapLayout::ScoresLast,
               scores = last || p.layout == ClassMapLayout::Scores;
    const DataType type = inputs[0].type;
    if (p.layout == ClassMapLayout::Classes) {
      if (type != DataType::Float32 && type != DataType::Bool && !isInteger(type)) refuse("wants numbers");
    } else if (type != DataType::Float32) {
      refuse("wants scores f32");
    }
    const std::int64_t classes = last ? x[3] : x[1];
    if (!scores && classes != 1) refuse("wants one value a pixel, not " + std::to_string(classes));
    if (classes < 1 || classes > p.most() + 1)
      refuse("has 1 to " + std::to_string(p.most() + 1) + " classes, not " + std::to_string(classes));
    return {{p.wide ? DataType::Int32 : DataType::UInt8, {1, 1, last ? x[1] : x[2], last ? x[2] : x[3]}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const ClassMapParams p = classMapParams(view.attrs);
    const bool last = p.layout == ClassMapLayout::ScoresLast;
    const std::int64_t pixels = outputs[0].size(), classes = pixels ? inputs[0].size() / pixels : 0;
    const std::int64_t classStride = last ? 1 : pixels, pixelStride = last ? classes : 1;
    for (std::int64_t i = 0; i < pixels; ++i)
      storeInteger(outputs[0], i, classOf(p, inputs[0], i * pixelStride, classes, classStride));
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> all = {makeSample("ClassMap", {}, {f32({1, 19, 7, 9})}, {Fill::integers(-3, 3)}),
                                   makeSample("ClassMap", {}, {f32({1, 12, 16, 33})}),
                                   makeSample("ClassMap", {}, {f32({1, 1, 2, 3})}),
                                   makeSample("ClassMap", {}, {f32({1, 256, 1, 5})}),
                                   makeSample("ClassMap", {{"wide", 1}}, {f32({1, 300, 3, 11})})};
    const auto add = [&](ClassMapLayout layout, DataType type, Shape shape, double high, double threshold,
                         bool wide) {
      all.push_back(makeSample("ClassMap", ClassMapParams{layout, threshold, wide}.attributes(),
                               {{type, std::move(shape), {}}}, {Fill::integers(0, high)}));
    };
    add(ClassMapLayout::ScoresLast, DataType::Float32, {1, 7, 9, 19}, 6, 0, false);
    add(ClassMapLayout::ScoresLast, DataType::Float32, {1, 5, 3, 260}, 3000, 0, true);
    for (const DataType type : {DataType::Int64, DataType::Int32, DataType::UInt8, DataType::Float32}) {
      add(ClassMapLayout::Classes, type, {1, 1, 11, 6}, type == DataType::UInt8 ? 255 : 400, 0, false);
      add(ClassMapLayout::Classes, type, {1, 1, 11, 6}, type == DataType::UInt8 ? 255 : 400, 0, true);
    }
    all.push_back(makeSample("ClassMap", ClassMapParams{ClassMapLayout::Classes}.attributes(),
                             {f32({1, 1, 8, 8})}, {Fill::uniform(-3, 9)}));
    all.push_back(
        makeSample("ClassMap", ClassMapParams{ClassMapLayout::Mask, 0.25}.attributes(), {f32({1, 1, 8, 9})}));
    return all;
  }

 private:
  // The class of the pixel whose values begin at `at`.
  static std::int64_t classOf(const ClassMapParams& p, const HostTensor& x, std::int64_t at,
                              std::int64_t classes, std::int64_t stride) {
    if (p.layout == ClassMapLayout::Mask) return x.number(at) > static_cast<float>(p.threshold) ? 1 : 0;
    if (p.layout == ClassMapLayout::Classes && x.type == DataType::Float32) {
      const float rounded = std::rint(static_cast<float>(x.number(at)));
      return rounded >= 0 && rounded <= static_cast<float>(p.most()) ? static_cast<std::int64_t>(rounded)
                                                                     : p.most();
    }
    if (p.layout == ClassMapLayout::Classes) {
      const std::int64_t value = x.integer(at);
      return value >= 0 && value <= p.most() ? value : p.most();
    }
    const auto scores = x.as<float>();
    std::int64_t best = 0;
    for (std::int64_t c = 1; c < classes; ++c)
      if (scores[at + c * stride] > scores[at + best * stride]) best = c;
    return best;
  }
};

}  // namespace

void addOperators_class_map(OperatorList& list) {
  static const ClassMap op;
  list.push_back(&op);
}

}  // namespace tessera
