// DetectionOutput: SSD's last layer. Boxes are decoded from predictions and priors; per item and class those
// with the highest scores stay, without those that overlap one that stays already. Inputs: locations [N, P *
// L * 4] (L: 1, or one box per class), scores [N, P * C], priors [1, 2, P * 4] (corners x1, y1, x2, y2, then
// variances). Attributes: classes, share_location (1), background (0; -1: none), nms_threshold (0.3), eta
// (1), top_k (-1), keep_top_k (-1), confidence (absent: all scores count), code (corner, center_size,
// corner_size), variance_in_target (0). Outputs: rows f32 [1, 1, most, 7] of item, class, score, x1, y1, x2,
// y2, by item, class, then falling score (of equals the lower prior first), followed by rows of -1; and i64
// [1], how many rows mean something. NaN is no score.
#include "ops/detection_output.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/epilogue.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

struct Corners {
  float x1, y1, x2, y2;
};

/// In single precision, as kernels compute it: what lies at the threshold depends on it.
float overlapOfCorners(const Corners& a, const Corners& b) {
  const float w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1),
              h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (!(w > 0) || !(h > 0)) return 0;
  const auto area = [](const Corners& c) {
    return c.x2 < c.x1 || c.y2 < c.y1 ? 0 : (c.x2 - c.x1) * (c.y2 - c.y1);
  };
  const float common = w * h, both = area(a) + area(b);
  return common / (both - common);
}

Corners decode(const Detection& d, const float* location, const float* prior, const float* variance) {
  float t[4];
  for (int k = 0; k < 4; ++k) t[k] = d.scaled ? variance[k] * location[k] : location[k];
  const float w = prior[2] - prior[0], h = prior[3] - prior[1];
  if (d.code == BoxCode::Corner) return {prior[0] + t[0], prior[1] + t[1], prior[2] + t[2], prior[3] + t[3]};
  if (d.code == BoxCode::CornerSize)
    return {prior[0] + t[0] * w, prior[1] + t[1] * h, prior[2] + t[2] * w, prior[3] + t[3] * h};
  const float x = t[0] * w + (prior[0] + prior[2]) / 2, y = t[1] * h + (prior[1] + prior[3]) / 2;
  const float halfWidth = std::exp(t[2]) * w / 2, halfHeight = std::exp(t[3]) * h / 2;
  return {x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight};
}

/// One box that stays.
struct FoundBox {
  std::int64_t label;
  float score;
  Corners box;
};

class Item {
 public:
  Item(const Detection& d, const float* locations, const float* scores, const float* priors)
      : d_(d), locations_(locations), scores_(scores), priors_(priors) {}

  std::vector<FoundBox> found() const {
    std::vector<FoundBox> all;
    for (std::int64_t label = 0; label < d_.classes; ++label)
      if (label != d_.background) addClass(label, all);
    if (d_.keep < 0 || static_cast<std::int64_t>(all.size()) <= d_.keep) return all;
    std::vector<std::size_t> order(all.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order,
                             [&](std::size_t a, std::size_t b) { return all[a].score > all[b].score; });
    order.resize(static_cast<std::size_t>(d_.keep));
    std::ranges::sort(order);
    std::vector<FoundBox> kept;
    for (const std::size_t i : order) kept.push_back(all[i]);
    return kept;
  }

 private:
  float score(std::int64_t prior, std::int64_t label) const { return scores_[prior * d_.classes + label]; }
  Corners box(std::int64_t prior, std::int64_t label) const {
    const std::int64_t set = d_.boxSets == 1 ? 0 : label;
    return decode(d_, locations_ + (prior * d_.boxSets + set) * 4, priors_ + prior * 4,
                  priors_ + (d_.priors + prior) * 4);
  }
  void addClass(std::int64_t label, std::vector<FoundBox>& all) const {
    std::vector<std::int64_t> order;
    for (std::int64_t p = 0; p < d_.priors; ++p)
      if (score(p, label) > d_.confidence) order.push_back(p);
    std::ranges::stable_sort(
        order, [&](std::int64_t a, std::int64_t b) { return score(a, label) > score(b, label); });
    if (static_cast<std::int64_t>(order.size()) > d_.candidates)
      order.resize(static_cast<std::size_t>(d_.candidates));
    const std::size_t first = all.size();
    float limit = d_.overlap;
    for (const std::int64_t p : order) {
      const FoundBox next{label, score(p, label), box(p, label)};
      const bool apart =
          std::all_of(all.begin() + static_cast<std::ptrdiff_t>(first), all.end(),
                      [&](const FoundBox& f) { return overlapOfCorners(next.box, f.box) <= limit; });
      if (!apart) continue;
      all.push_back(next);
      if (d_.eta < 1 && limit > 0.5f) limit *= d_.eta;
    }
  }

  const Detection& d_;
  const float *locations_, *scores_, *priors_;
};

class DetectionOutput final : public Operator {
 public:
  std::string_view name() const override { return "DetectionOutput"; }
  bool takesHalf(std::size_t) const override { return false; }
  AttributeNames attributes() const override {
    return {"background", "classes",       "code",           "confidence", "eta",
            "keep_top_k", "nms_threshold", "share_location", "top_k",      "variance_in_target"};
  }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 3, 3);
    const Detection d = detectionOf({std::string(name()), attrs, {inputs.begin(), inputs.end()}, {}});
    return {f32({1, 1, d.batch * d.most(), 7}), {DataType::Int64, {1}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Detection d = detectionOf(view);
    const auto locations = inputs[0].as<float>(), scores = inputs[1].as<float>(),
               priors = inputs[2].as<float>();
    auto rows = outputs[0].as<float>();
    std::ranges::fill(rows, -1.0f);
    std::int64_t count = 0;
    for (std::int64_t n = 0; n < d.batch; ++n) {
      const Item item(d, locations.data() + n * d.priors * d.boxSets * 4,
                      scores.data() + n * d.priors * d.classes, priors.data());
      for (const FoundBox& f : item.found()) {
        const float row[7] = {static_cast<float>(n),
                              static_cast<float>(f.label),
                              f.score,
                              f.box.x1,
                              f.box.y1,
                              f.box.x2,
                              f.box.y2};
        std::ranges::copy(row, rows.begin() + count++ * 7);
      }
    }
    outputs[1].as<std::int64_t>()[0] = count;
  }
  Tolerance tolerance(const OpView&) const override { return {1e-5, 1e-5}; }
  OperatorTraits traits() const override { return {.countedExtent = 2}; }
  std::vector<OpInstance> samples() const override;
};

/// Priors on a grid, so that neighbours overlap, with one variance each.
HostTensor gridOfPriors(std::int64_t count) {
  HostTensor priors(DataType::Float32, {1, 2, count * 4});
  auto p = priors.as<float>();
  for (std::int64_t i = 0; i < count; ++i) {
    const float x = static_cast<float>(i % 7) / 8, y = static_cast<float>(i / 7 % 7) / 8;
    const float box[4] = {x, y, x + 0.25f, y + 0.3f}, variance[4] = {0.1f, 0.1f, 0.2f, 0.2f};
    for (int k = 0; k < 4; ++k) p[i * 4 + k] = box[k], p[(count + i) * 4 + k] = variance[k];
  }
  return priors;
}

std::vector<OpInstance> DetectionOutput::samples() const {
  const auto make = [&](std::int64_t batch, std::int64_t classes, std::int64_t priors, Attributes attrs) {
    const bool shared = attrs.integer("share_location", 1) != 0;
    attrs.set("classes", classes);
    return makeSample("DetectionOutput", std::move(attrs),
                      {f32({batch, priors * (shared ? 1 : classes) * 4}), f32({batch, priors * classes}),
                       f32({1, 2, priors * 4})},
                      {Fill::uniform(-0.5, 0.5), Fill::uniform(0, 1), Fill::of(gridOfPriors(priors))});
  };
  const auto code = [](const char* text) { return std::string(text); };
  return {make(1, 3, 10, {}),
          make(2, 4, 49,
               {{"code", code("center_size")},
                {"nms_threshold", 0.45},
                {"top_k", 20},
                {"keep_top_k", 15},
                {"confidence", 0.3}}),
          make(1, 3, 33, {{"code", code("corner_size")}, {"share_location", 0}, {"background", -1}}),
          make(3, 2, 40,
               {{"code", code("center_size")},
                {"variance_in_target", 1},
                {"eta", 0.9},
                {"nms_threshold", 0.8},
                {"keep_top_k", 100}}),
          make(2, 3, 20, {{"confidence", 2.0}}),
          make(1, 2, 150, {{"code", code("corner")}, {"keep_top_k", 3}, {"background", 1}})};
}

}  // namespace

Detection detectionOf(const OpView& op) {
  const Attributes& attrs = op.attrs;
  for (const auto& input : op.inputs)
    if (input.type != DataType::Float32) refuse("wants f32 inputs");
  const Shape &locations = op.inputs[0].shape, &scores = op.inputs[1].shape, &priors = op.inputs[2].shape;
  if (locations.size() != 2 || scores.size() != 2 || priors.size() != 3 || priors[0] != 1 || priors[1] != 2 ||
      priors[2] < 4 || priors[2] % 4 || locations[0] != scores[0] || scores[0] < 1)
    refuse("wants locations [N, P * 4 ..], scores [N, P * classes] and priors [1, 2, P * 4], has " +
           toString(locations) + ", " + toString(scores) + " and " + toString(priors));
  Detection d;
  d.batch = locations[0], d.priors = priors[2] / 4, d.classes = attrs.integer("classes");
  if (d.classes < 1 || scores[1] % d.priors || scores[1] / d.priors != d.classes)
    refuse(toString(scores) + " scores are not " + std::to_string(d.classes) + " classes of " +
           std::to_string(d.priors) + " priors");
  d.boxSets = attrs.integer("share_location", 1) ? 1 : d.classes;
  if (locations[1] % (d.priors * 4) || locations[1] / (d.priors * 4) != d.boxSets)
    refuse(toString(locations) + " locations are not 4 of each of " + std::to_string(d.priors) + " priors" +
           (d.boxSets == 1 ? "" : " and of each class"));
  d.background = attrs.integer("background");
  const std::int64_t topK = attrs.integer("top_k", -1);
  d.keep = attrs.integer("keep_top_k", -1);
  if (topK < -1 || topK == 0 || d.keep < -1 || d.keep == 0)
    refuse("top_k and keep_top_k are -1 or at least 1");
  d.candidates = topK < 0 ? d.priors : std::min(topK, d.priors);
  d.overlap = static_cast<float>(attrs.number("nms_threshold", 0.3));
  d.eta = static_cast<float>(attrs.number("eta", 1));
  if (!(d.overlap >= 0) || !(d.eta > 0 && d.eta <= 1))
    refuse("wants nms_threshold from 0 on and eta from 0 to 1");
  d.confidence = static_cast<float>(attrs.number("confidence", std::numeric_limits<float>::lowest()));
  const std::string code = attrs.string("code", "corner");
  if (code != "corner" && code != "center_size" && code != "corner_size") refuse("there is no code " + code);
  d.code = code == "corner"        ? BoxCode::Corner
           : code == "center_size" ? BoxCode::CenterSize
                                   : BoxCode::CornerSize;
  d.scaled = !attrs.integer("variance_in_target");
  if (d.most() < 1) refuse("there is no class but the background");
  return d;
}

void addOperators_detection_output(OperatorList& list) {
  static const DetectionOutput detectionOutput;
  list.push_back(&detectionOutput);
}

}  // namespace tessera
