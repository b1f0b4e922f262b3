// Suppression of overlapping boxes.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "importers/tensorflow/operands.hpp"

namespace tessera::tensorflow {
namespace {

/// The least score above a threshold: of TensorFlow's boxes only those above it count.
double scoreAbove(double threshold) {
  return std::nextafter(static_cast<float>(threshold), std::numeric_limits<float>::infinity());
}

/// What the operators of one list of boxes have in common.
struct Suppressed {
  std::int64_t boxes, wanted;  ///< how many there are, and the most that are asked for
  double overlap, sigma;       ///< iou_threshold and soft_nms_sigma (0: boxes are dropped)
  std::optional<double> least;
  bool padded;  ///< filled up with zeros to the most
};

/// Inputs: boxes [B, 4], scores [B], the most boxes, iou_threshold, score_threshold, soft_nms_sigma.
Suppressed suppressedBy(Node& node) {
  if (node.rank(0) != 2 || node.rank(1) != 1 || node.shape(0)[1] != 4 || node.shape(0)[0] != node.shape(1)[0])
    node.bad("it wants boxes of four numbers and a score each");
  Suppressed s{};
  s.boxes = node.shape(0)[0];
  s.wanted = node.constantInt(2, "max_output_size");
  const bool byAttribute = node.type() == "NonMaxSuppression";
  s.overlap =
      byAttribute ? node.attributes().number("iou_threshold", 0.5) : node.constantNumber(3, "iou_threshold");
  if (!(s.overlap >= 0 && s.overlap <= 1)) node.bad("iou_threshold lies outside 0 to 1");
  if (s.wanted < 0) node.bad("max_output_size is negative");
  if (node.has(4)) s.least = node.constantNumber(4, "score_threshold");
  s.sigma = node.has(5) ? node.constantNumber(5, "soft_nms_sigma") : 0;
  if (!(s.sigma >= 0)) node.bad("soft_nms_sigma is negative");
  s.padded = node.attributes().integer("pad_to_max_output_size") != 0;
  if (node.attributes().integer("drops_at_threshold") !=
      0) {  // of TFLite, which lowers scores otherwise, too
    if (s.sigma > 0) node.unsupported("it lowers scores (soft_nms_sigma)");
    s.overlap = std::nextafter(static_cast<float>(s.overlap), -1.0F);
  }
  return s;
}

/// The indices that are selected in the falling order of scores, with those scores; the rest are counted out.
void selectRows(Node& node, const Suppressed& s) {
  const std::int64_t most = std::min(s.wanted, s.boxes);
  Attributes attrs{{"max_output_boxes_per_class", most}, {"iou_threshold", s.overlap}};
  if (s.least) attrs.set("score_threshold", *s.least);
  const TensorId scores = node.in(1);
  const auto made = node.addAll(
      "NonMaxSuppression",
      {node.reshape(node.in(0), {1, s.boxes, 4}, "boxes"), node.reshape(scores, {1, 1, s.boxes}, "scores")},
      std::move(attrs));
  const std::int64_t rows = node.shapeOf(made[0])[0];
  const TensorId column = node.add(
      "Slice", {made[0]}, {{"starts", std::vector<std::int64_t>{0, 2}}, {"sizes", Shape{rows, 1}}}, "column");
  const TensorId selected = node.cast(node.reshape(column, {rows}, "selected"), DataType::Int32);
  node.set(0, selected);
  const bool withScores = node.type() == "NonMaxSuppressionV5";
  if (withScores)
    node.set(1, node.add("Gather", {scores, selected}, {{"axis", std::int64_t{0}}}, "chosen scores"));
  const TensorId count = node.cast(node.reshape(made[1], {}, "count"), DataType::Int32);
  node.set(withScores ? 2 : 1, count);
}

/// [B, 4] with the lower corner first, which TensorFlow doesn't ask for.
TensorId orderedCorners(Node& node, std::int64_t boxes) {
  const auto half = [&](std::int64_t first, const std::string& part) {
    return node.add("Slice", {node.in(0)},
                    {{"starts", std::vector<std::int64_t>{0, first}}, {"sizes", Shape{boxes, 2}}}, part);
  };
  const TensorId one = half(0, "one corner"), other = half(2, "other corner");
  return node.add("Concat",
                  {node.add("Min", {one, other}, {}, "low"), node.add("Max", {one, other}, {}, "high")},
                  {{"axis", std::int64_t{1}}}, "corners");
}

/// Rows of index and score whose scores fall, or with zeros behind them up to the most that are asked for.
/// Boxes carry their index where others carry a class.
void suppressRows(Node& node, const Suppressed& s) {
  const std::int64_t most = s.padded ? s.wanted : std::min(s.wanted, s.boxes);
  if (most < 1 || most > 1 << 20 || s.boxes < 1 || s.boxes > 1 << 24)
    node.unsupported("it selects " + std::to_string(most) + " of " + std::to_string(s.boxes) + " boxes");
  HostTensor numbers = node.allocate(DataType::Int32, {1, s.boxes});
  for (std::int64_t i = 0; i < s.boxes; ++i) numbers.setNumber(i, static_cast<double>(i));
  const double least = s.least.value_or(-std::numeric_limits<double>::infinity());
  Attributes attrs{{"kind", std::string(s.sigma > 0 ? "soft" : "hard")},
                   {"threshold", scoreAbove(least)},
                   {"overlap", s.overlap},
                   {"per_class", std::int64_t{0}},
                   {"most", most}};
  if (s.sigma > 0) attrs.set("softness", 2 * s.sigma);
  const auto made = node.addAll(
      "SuppressBoxes",
      {node.reshape(orderedCorners(node, s.boxes), {1, s.boxes, 4}, "boxes"),
       node.reshape(node.in(1), {1, s.boxes}, "scores"), node.constantOf(std::move(numbers), "numbers")},
      std::move(attrs));
  TensorId rows = node.reshape(made[0], {most, 6}, "rows");
  if (!s.padded) rows = node.add("CountedRows", {rows, made[1]}, {}, "counted");
  const auto column = [&](std::int64_t first, const std::string& part) {
    const TensorId taken = node.add(
        "Slice", {rows}, {{"starts", std::vector<std::int64_t>{0, first}}, {"sizes", Shape{most, 1}}}, part);
    return node.reshape(taken, {most}, part + "s");
  };
  const bool withScores = node.type() == "NonMaxSuppressionV5";
  node.set(0, node.cast(column(5, "index"), DataType::Int32));
  if (withScores) node.set(1, column(4, "kept score"));
  node.set(withScores ? 2 : 1, node.reshape(made[1], {}, "count"));
}

void nonMaxSuppression(Node& node) {
  const Suppressed s = suppressedBy(node);
  if (s.padded || s.sigma > 0)
    suppressRows(node, s);
  else
    selectRows(node, s);
}

/// Inputs: boxes [N, B, 1 or classes, 4], scores [N, B, classes], the most boxes of a class, the most of all,
/// iou_threshold, score_threshold. A box counts for every class.
void combinedSuppression(Node& node) {
  const Shape boxes = node.shape(0), scores = node.shape(1);
  if (boxes.size() != 4 || scores.size() != 3 || boxes[3] != 4 || boxes[0] != scores[0] ||
      boxes[1] != scores[1] || (boxes[2] != 1 && boxes[2] != scores[2]))
    node.bad("it wants boxes of four numbers, for all classes or for each, and a score for each class");
  const std::int64_t items = boxes[0], classes = scores[2], all = boxes[1] * classes;
  const std::int64_t perClass = node.constantInt(2, "max_output_size_per_class"),
                     total = node.constantInt(3, "max_total_size");
  const double overlap = node.constantNumber(4, "iou_threshold"),
               least = node.constantNumber(5, "score_threshold");
  if (perClass < 1 || total < 1 || total > (1 << 24) || !(overlap >= 0 && overlap <= 1))
    node.bad("its limits are impossible");
  const bool padded = node.attributes().integer("pad_per_class") != 0;
  const std::int64_t most = padded ? std::min(total, perClass * classes) : total;
  if (perClass < std::min(boxes[1], most))
    node.unsupported("it takes " + std::to_string(perClass) + " boxes of a class and " +
                     std::to_string(most) + " in all; the first may not be the smaller one");
  TensorId corners = node.in(0);
  if (boxes[2] == 1)
    corners = node.add("Expand", {corners}, {{"shape", Shape{items, boxes[1], classes, 4}}}, "every class");
  HostTensor kinds = node.allocate(DataType::Int32, {items, all});
  for (std::int64_t i = 0; i < kinds.size(); ++i) kinds.setNumber(i, static_cast<double>(i % classes));
  const auto made = node.addAll(
      "SuppressBoxes",
      {node.reshape(corners, {items, all, 4}, "corners"), node.reshape(node.in(1), {items, all}, "scores"),
       node.constantOf(std::move(kinds), "kinds")},
      {{"threshold", scoreAbove(least)}, {"overlap", overlap}, {"most", most}});
  const auto columns = [&](std::int64_t first, std::int64_t count, const std::string& part) {
    return node.add(
        "Slice", {made[0]},
        {{"starts", std::vector<std::int64_t>{0, 0, first}}, {"sizes", Shape{items, most, count}}}, part);
  };
  TensorId kept = columns(0, 4, "boxes");
  if (node.attributes().integer("clip_boxes", 1) != 0)
    kept = node.add("Clip", {kept}, {{"alpha", 0.0}, {"beta", 1.0}}, "clipped");
  node.set(0, kept);
  node.set(1, node.reshape(columns(4, 1, "score"), {items, most}, "kept scores"));
  node.set(2, node.reshape(columns(5, 1, "kind"), {items, most}, "kept classes"));
  node.set(3, made[1]);
}

}  // namespace

void addRows_detection(RowList& rows) {
  rows.push_back({"CombinedNonMaxSuppression", combinedSuppression,
                  "max_output_size_per_class not below max_total_size"});
  for (const char* type : {"NonMaxSuppression", "NonMaxSuppressionV2", "NonMaxSuppressionV3"})
    rows.push_back({type, nonMaxSuppression, "counted rows"});
  rows.push_back({"NonMaxSuppressionV4", nonMaxSuppression, "counted rows, or padded"});
  rows.push_back({"NonMaxSuppressionV5", nonMaxSuppression, "counted rows, or padded"});
}

}  // namespace tessera::tensorflow
