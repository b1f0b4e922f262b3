// NonMaxSuppression, as ONNX defines it: per item and class the boxes with the highest scores, without those
// that overlap one already selected. Inputs: boxes f32 [N, B, 4], scores f32 [N, C, B]. Attributes:
// max_output_boxes_per_class (0), iou_threshold (0), score_threshold (absent: none), center_point_box (0: two
// opposite corners y1, x1, y2, x2; 1: x and y of the centre, width, height). Outputs: rows i64 [N * C * most,
// 3] of item, class, box, by item, class, then falling score (of equals the lower box first), followed by
// rows of -1; and i64 [1], how many rows are selected. A box whose score is not a number is never selected.
//
// SuppressBoxes: the boxes of a detector that stay (suppress() of tessera/detection.hpp, on the device).
// Inputs: boxes f32 [N, B, 4] (left, top, right, bottom), scores f32 [N, B], classes i32 [N, B] (optional;
// without them boxes of all classes touch each other). Attributes: kind (hard; soft, none), threshold (0.25),
// overlap (0.45), softness (0.5), per_class (1), most (300). Outputs: rows f32 [N, most, 6] of corners,
// score, class by falling score, then zeros; and i32 [N], how many rows of each item mean something.
#include "ops/non_max_suppression.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/moving.hpp"

namespace tessera {
namespace {

struct CornerBox {
  float x0, y0, x1, y1;

  CornerBox(const float* b, bool centers) {
    if (centers) {
      x0 = b[0] - b[2] / 2, x1 = b[0] + b[2] / 2;
      y0 = b[1] - b[3] / 2, y1 = b[1] + b[3] / 2;
    } else {
      x0 = std::min(b[1], b[3]), x1 = std::max(b[1], b[3]);
      y0 = std::min(b[0], b[2]), y1 = std::max(b[0], b[2]);
    }
  }
  float area() const { return (x1 - x0) * (y1 - y0); }
};

/// In single precision, as kernels compute it: what lies at the threshold depends on it.
bool overlap(const CornerBox& a, const CornerBox& b, float threshold) {
  const float x0 = std::max(a.x0, b.x0), x1 = std::min(a.x1, b.x1);
  const float y0 = std::max(a.y0, b.y0), y1 = std::min(a.y1, b.y1);
  if (!(x1 > x0) || !(y1 > y0)) return false;
  const float common = (x1 - x0) * (y1 - y0), areaA = a.area(), areaB = b.area(),
              both = areaA + areaB - common;
  if (!(common > 0) || !(areaA > 0) || !(areaB > 0) || !(both > 0)) return false;
  return common / both > threshold;
}

std::vector<std::int64_t> selected(const BoxSelection& s, const float* boxes, const float* scores) {
  std::vector<std::int64_t> order, kept;
  for (std::int64_t b = 0; b < s.boxes; ++b)
    if (!std::isnan(scores[b]) && (!s.byScore || scores[b] > s.scoreThreshold)) order.push_back(b);
  std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) { return scores[a] > scores[b]; });
  for (const std::int64_t b : order) {
    if (static_cast<std::int64_t>(kept.size()) == s.most) break;
    const CornerBox box(boxes + b * 4, s.centers);
    if (std::ranges::none_of(kept, [&](std::int64_t k) {
          return overlap(box, CornerBox(boxes + k * 4, s.centers), s.iouThreshold);
        }))
      kept.push_back(b);
  }
  return kept;
}

class NonMaxSuppression final : public Operator {
 public:
  std::string_view name() const override { return "NonMaxSuppression"; }
  bool takesHalf(std::size_t) const override { return false; }
  AttributeNames attributes() const override {
    return {"center_point_box", "iou_threshold", "max_output_boxes_per_class", "score_threshold"};
  }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 2);
    const BoxSelection s = boxSelection({"NonMaxSuppression", attrs, {inputs[0], inputs[1]}, {}});
    return {{DataType::Int64, {s.rows(), 3}, {}}, {DataType::Int64, {1}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const BoxSelection s = boxSelection(view);
    const auto boxes = inputs[0].as<float>(), scores = inputs[1].as<float>();
    const auto rows = outputs[0].as<std::int64_t>();
    std::ranges::fill(rows, -1);
    std::int64_t count = 0;
    for (std::int64_t n = 0; n < s.batch; ++n)
      for (std::int64_t c = 0; c < s.classes; ++c)
        for (const std::int64_t b :
             selected(s, boxes.data() + n * s.boxes * 4, scores.data() + (n * s.classes + c) * s.boxes)) {
          rows[count * 3] = n, rows[count * 3 + 1] = c, rows[count * 3 + 2] = b;
          ++count;
        }
    outputs[1].as<std::int64_t>()[0] = count;
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  OperatorTraits traits() const override { return {.countedExtent = 0}; }
  std::vector<OpInstance> samples() const override;
};

std::vector<OpInstance> NonMaxSuppression::samples() const {
  std::vector<OpInstance> samples;
  const auto add = [&](Attributes attrs, Shape boxes, std::int64_t classes, Fill scores = {}) {
    const Shape of{boxes[0], classes, boxes[1]};
    samples.push_back(makeSample("NonMaxSuppression", std::move(attrs), {f32(boxes), f32(of)}, {{}, scores}));
  };
  const Attributes few = {{"max_output_boxes_per_class", 5}, {"iou_threshold", 0.3}};
  add(few, {2, 40, 4}, 3);
  add(Attributes(few).set("score_threshold", 0.25), {1, 40, 4}, 2);
  add(Attributes(few).set("score_threshold", 2.0), {1, 20, 4}, 2);  // none
  add(Attributes(few).set("center_point_box", 1), {1, 40, 4}, 2);
  add(few, {1, 30, 4}, 2, Fill::integers(0, 2));  // equal scores
  add({{"max_output_boxes_per_class", 1000}, {"iou_threshold", 0.5}}, {1, 17, 4}, 1);
  add({{"max_output_boxes_per_class", 700}, {"iou_threshold", 0.1}, {"score_threshold", 0.0}}, {1, 700, 4},
      2);
  add({{"max_output_boxes_per_class", 3}}, {1, 1, 4}, 1);
  add({}, {1, 6, 4}, 1);  // none wanted
  const float no = std::nanf("");
  add({{"max_output_boxes_per_class", 4}, {"iou_threshold", 0.9}}, {1, 4, 4}, 1,
      Fill::of(HostTensor::of<float>({1, 1, 4}, {no, 0.5f, -INFINITY, INFINITY})));
  return samples;
}

/// A box that may still be kept.
struct SuppressionCandidate {
  const float* box;  ///< left, top, right, bottom
  float score;
  std::int64_t index;
};

// In single precision, as kernels compute it.
float commonShare(const float* a, const float* b) {
  const float width = std::min(a[2], b[2]) - std::max(a[0], b[0]);
  const float height = std::min(a[3], b[3]) - std::max(a[1], b[1]);
  if (!(width > 0) || !(height > 0)) return 0;
  const float common = width * height;
  const float both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common;
  return both > 0 ? common / both : 0;
}

// Whether `other` goes now that `taken` stays; softly, its score falls.
bool isSuppressed(const BoxSuppression& s, const SuppressionCandidate& taken, SuppressionCandidate& other) {
  if (s.kind == BoxSuppression::None || (s.perClass && taken.index != other.index)) return false;
  const auto share = static_cast<double>(commonShare(taken.box, other.box));
  if (s.kind == BoxSuppression::Hard) return share > s.overlap;
  other.score = static_cast<float>(static_cast<double>(other.score) * std::exp(-share * share / s.softness));
  return static_cast<double>(other.score) < s.threshold;
}

class SuppressBoxes final : public Operator {
 public:
  std::string_view name() const override { return "SuppressBoxes"; }
  bool takesHalf(std::size_t) const override { return false; }
  AttributeNames attributes() const override {
    return {"kind", "most", "overlap", "per_class", "softness", "threshold"};
  }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 2, 3);
    const BoxSuppression s = boxSuppression({"SuppressBoxes", attrs, {inputs.begin(), inputs.end()}, {}});
    return {{DataType::Float32, {s.batch, s.most, 6}, {}}, {DataType::Int32, {s.batch}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override;
  Tolerance tolerance(const OpView& view) const override {
    if (boxSuppression(view).kind == BoxSuppression::Soft) return {1e-6, 1e-5};  // the device's exp
    return {0, 0};
  }
  std::vector<OpInstance> samples() const override;
};

void SuppressBoxes::reference(const OpView& view, std::span<const HostTensor> inputs,
                              std::span<HostTensor> outputs) const {
  const BoxSuppression s = boxSuppression(view);
  const auto boxes = inputs[0].as<float>(), scores = inputs[1].as<float>();
  const auto rows = outputs[0].as<float>();
  std::ranges::fill(rows, 0.0F);
  for (std::int64_t n = 0; n < s.batch; ++n) {
    std::vector<SuppressionCandidate> left;
    for (std::int64_t b = n * s.boxes; b < (n + 1) * s.boxes; ++b)
      if (const float score = scores[static_cast<std::size_t>(b)]; static_cast<double>(score) >= s.threshold)
        left.push_back({boxes.data() + b * 4, score, s.classes ? inputs[2].integer(b) : 0});
    float* row = rows.data() + n * s.most * 6;
    std::int32_t kept = 0;
    for (; kept < s.most && !left.empty(); ++kept) {
      const auto best =
          std::ranges::max_element(left, {}, &SuppressionCandidate::score);  // the first of equals
      const SuppressionCandidate taken = *best;
      left.erase(best);
      row = std::copy_n(taken.box, 4, row);
      *row++ = taken.score;
      *row++ = static_cast<float>(taken.index);
      std::erase_if(left, [&](SuppressionCandidate& other) { return isSuppressed(s, taken, other); });
    }
    outputs[1].as<std::int32_t>()[static_cast<std::size_t>(n)] = kept;
  }
}

std::vector<OpInstance> SuppressBoxes::samples() const {
  std::vector<OpInstance> samples;
  const auto add = [&](Attributes attrs, std::int64_t items, std::int64_t boxes, bool classes,
                       Fill scores = {}) {
    // Boxes of some 10 x 10 pixels that overlap often: corners are made of few whole numbers.
    HostTensor corners(DataType::Float32, {items, boxes, 4});
    const auto v = corners.as<float>();
    for (std::size_t i = 0; i < v.size(); i += 4) {
      const auto at = static_cast<int>(i / 4);
      v[i] = static_cast<float>(at * 7 % 23), v[i + 1] = static_cast<float>(at * 5 % 19);
      v[i + 2] = v[i] + static_cast<float>(6 + at % 5), v[i + 3] = v[i + 1] + static_cast<float>(7 + at % 4);
    }
    std::vector<TensorDesc> inputs{{DataType::Float32, {items, boxes, 4}, {}},
                                   {DataType::Float32, {items, boxes}, {}}};
    std::vector<Fill> fills{Fill::of(std::move(corners)), std::move(scores)};
    if (classes) {
      inputs.push_back({DataType::Int32, {items, boxes}, {}});
      fills.push_back(Fill::integers(0, 2));
    }
    samples.push_back(makeSample("SuppressBoxes", std::move(attrs), std::move(inputs), std::move(fills)));
  };
  const Attributes few{{"most", 20}, {"threshold", 0.1}};
  for (const char* kind : {"hard", "soft", "none"}) {
    add(Attributes(few).set("kind", std::string(kind)), 2, 70, true);
    add(Attributes(few).set("kind", std::string(kind)).set("per_class", 0), 1, 300, true);
    add(Attributes(few).set("kind", std::string(kind)), 1, 33, false);
  }
  add(Attributes(few).set("threshold", 2.0), 1, 20, true);                      // none
  add(Attributes(few).set("overlap", 0.7), 1, 30, true, Fill::integers(0, 2));  // equal scores
  add({{"threshold", 0.7}, {"most", 5}}, 1, 1, true);
  return samples;
}

}  // namespace

BoxSelection boxSelection(const OpView& op) {
  const Shape &boxes = op.inputs[0].shape, &scores = op.inputs[1].shape;
  if (op.inputs[0].type != DataType::Float32 || op.inputs[1].type != DataType::Float32)
    refuse("wants f32 boxes and scores");
  if (boxes.size() != 3 || boxes[2] != 4) refuse("wants boxes [N, B, 4], got " + toString(boxes));
  if (scores.size() != 3 || scores[0] != boxes[0] || scores[2] != boxes[1])
    refuse("wants scores [N, C, B] of boxes " + toString(boxes) + ", got " + toString(scores));
  BoxSelection s;
  s.batch = boxes[0], s.classes = scores[1], s.boxes = boxes[1];
  s.most = std::clamp<std::int64_t>(op.attrs.integer("max_output_boxes_per_class"), 0, s.boxes);
  s.iouThreshold = static_cast<float>(op.attrs.number("iou_threshold"));
  s.byScore = op.attrs.has("score_threshold");
  s.scoreThreshold = static_cast<float>(op.attrs.number("score_threshold"));
  s.centers = op.attrs.integer("center_point_box") != 0;
  return s;
}

BoxSuppression boxSuppression(const OpView& op) {
  const Shape &boxes = op.inputs[0].shape, &scores = op.inputs[1].shape;
  if (op.inputs[0].type != DataType::Float32 || op.inputs[1].type != DataType::Float32)
    refuse("wants f32 boxes and scores");
  if (boxes.size() != 3 || boxes[2] != 4) refuse("wants boxes [N, B, 4], got " + toString(boxes));
  if (scores != Shape{boxes[0], boxes[1]})
    refuse("wants scores [N, B] of boxes " + toString(boxes) + ", got " + toString(scores));
  BoxSuppression s;
  s.batch = boxes[0], s.boxes = boxes[1];
  s.classes = op.inputs.size() > 2 && op.inputs[2].present();
  if (s.classes && (op.inputs[2].type != DataType::Int32 || op.inputs[2].shape != scores))
    refuse("wants i32 classes " + toString(scores) + ", got " + toString(op.inputs[2].shape));
  const std::string kind = op.attrs.string("kind", "hard");
  if (kind != "hard" && kind != "soft" && kind != "none")
    refuse("knows no kind '" + kind + "': hard, soft or none");
  s.kind = kind == "hard"   ? BoxSuppression::Hard
           : kind == "soft" ? BoxSuppression::Soft
                            : BoxSuppression::None;
  s.threshold = op.attrs.number("threshold", s.threshold);
  s.overlap = op.attrs.number("overlap", s.overlap);
  s.softness = op.attrs.number("softness", s.softness);
  s.perClass = op.attrs.integer("per_class", 1) != 0;
  const std::int64_t most = op.attrs.integer("most", s.most);
  if (most < 1 || most > 1 << 20) refuse("wants most from 1 to 1048576");
  if (!(s.softness > 0)) refuse("wants a positive softness");
  s.most = most;
  return s;
}

void addOperators_non_max_suppression(OperatorList& list) {
  static const NonMaxSuppression nonMaxSuppression;
  static const SuppressBoxes suppressBoxes;
  list.push_back(&nonMaxSuppression);
  list.push_back(&suppressBoxes);
}

}  // namespace tessera
