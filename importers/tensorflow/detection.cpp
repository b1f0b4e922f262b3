// Suppression of overlapping boxes.
#include <algorithm>

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

}  // namespace

void addRows_detection(RowList& rows) {
  for (const char* type : {"NonMaxSuppression", "NonMaxSuppressionV2", "NonMaxSuppressionV3",
                           "NonMaxSuppressionV4", "NonMaxSuppressionV5"})
    rows.push_back({type, nonMaxSuppression, "counted rows; without soft_nms_sigma and padding"});
}

}  // namespace tessera::tensorflow
