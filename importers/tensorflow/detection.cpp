// Suppression of overlapping boxes.
#include <algorithm>
#include <cmath>
#include <limits>

#include "importers/tensorflow/operands.hpp"

namespace tessera::tensorflow {
namespace {

/// Inputs: boxes [B, 4], scores [B], the most boxes, iou_threshold, score_threshold.
void nonMaxSuppression(Node& node) {
  if (node.rank(0) != 2 || node.rank(1) != 1 || node.shape(0)[1] != 4 || node.shape(0)[0] != node.shape(1)[0])
    node.bad("it wants boxes of four numbers and a score each");
  const std::int64_t boxes = node.shape(0)[0];
  const std::int64_t most = std::clamp<std::int64_t>(node.constantInt(2, "max_output_size"), 0, boxes);
  const bool byAttribute = node.type() == "NonMaxSuppression";
  const double overlap =
      byAttribute ? node.attributes().number("iou_threshold", 0.5) : node.constantNumber(3, "iou_threshold");
  if (!(overlap >= 0 && overlap <= 1)) node.bad("iou_threshold lies outside 0 to 1");
  if (node.has(5) && node.constantNumber(5, "soft_nms_sigma") != 0)
    node.unsupported("it lowers scores instead of dropping boxes (soft_nms_sigma)");
  if (node.attributes().integer("pad_to_max_output_size") != 0)
    node.unsupported("it pads its result (pad_to_max_output_size)");
  Attributes attrs{{"max_output_boxes_per_class", most}, {"iou_threshold", overlap}};
  if (node.has(4)) attrs.set("score_threshold", node.constantNumber(4, "score_threshold"));
  const TensorId scores = node.in(1);
  const auto made = node.addAll(
      "NonMaxSuppression",
      {node.reshape(node.in(0), {1, boxes, 4}, "boxes"), node.reshape(scores, {1, 1, boxes}, "scores")},
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
  // Of TensorFlow's boxes only those above the threshold count.
  const float above = std::nextafter(static_cast<float>(least), std::numeric_limits<float>::infinity());
  const auto made = node.addAll(
      "SuppressBoxes",
      {node.reshape(corners, {items, all, 4}, "corners"), node.reshape(node.in(1), {items, all}, "scores"),
       node.constantOf(std::move(kinds), "kinds")},
      {{"threshold", static_cast<double>(above)}, {"overlap", overlap}, {"most", most}});
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
  for (const char* type : {"NonMaxSuppression", "NonMaxSuppressionV2", "NonMaxSuppressionV3",
                           "NonMaxSuppressionV4", "NonMaxSuppressionV5"})
    rows.push_back({type, nonMaxSuppression, "counted rows; without soft_nms_sigma and padding"});
}

}  // namespace tessera::tensorflow
