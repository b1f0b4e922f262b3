// TFLite_Detection_PostProcess: boxes beside anchors are decoded, and those that overlap are suppressed.
#include <algorithm>

#include "importers/tensorflow/operands.hpp"

namespace tessera::tensorflow {
namespace {

constexpr const char* kAxes[] = {"y", "x", "h", "w"};

/// Column i of a matrix [rows, 4].
TensorId column(Node& node, TensorId matrix, std::int64_t i, const std::string& part) {
  return node.add("Slice", {matrix},
                  {{"starts", std::vector<std::int64_t>{0, i}}, {"sizes", Shape{node.shapeOf(matrix)[0], 1}}},
                  part);
}

/// Corners [B, 4] (y1, x1, y2, x2) of boxes that are written beside anchors, both y, x, h, w.
TensorId decodedBoxes(Node& node, TensorId boxes, TensorId anchors) {
  TensorId written[4], beside[4];
  for (std::int64_t i = 0; i < 4; ++i) {
    const std::string name = kAxes[i];
    const double scale = node.attributes().number(name + "_scale", 1);
    if (!(scale > 0)) node.bad("its " + name + "_scale is not positive");
    written[i] = node.add("Affine", {column(node, boxes, i, name)}, {{"alpha", 1 / scale}, {"beta", 0.0}},
                          name + "/scaled");
    beside[i] = column(node, anchors, i, "anchor " + name);
  }
  TensorId low[2], high[2];
  for (int i = 0; i < 2; ++i) {
    const std::string name = kAxes[i];
    const TensorId moved = node.add("Mul", {written[i], beside[i + 2]}, {}, name + "/moved");
    const TensorId centre = node.add("Add", {moved, beside[i]}, {}, name + "/centre");
    const TensorId grown = node.add("Exp", {written[i + 2]}, {}, name + "/grown");
    const TensorId size = node.add("Mul", {grown, beside[i + 2]}, {}, name + "/size");
    const TensorId half = node.add("Affine", {size}, {{"alpha", 0.5}, {"beta", 0.0}}, name + "/half");
    low[i] = node.add("Sub", {centre, half}, {}, name + "/low");
    high[i] = node.add("Add", {centre, half}, {}, name + "/high");
  }
  return node.add("Concat", {low[0], low[1], high[0], high[1]}, {{"axis", std::int64_t{1}}}, "corners");
}

/// Inputs: boxes [1, B, 4], scores [1, B, classes (behind a background)], anchors [B, 4].
void detectionPostProcess(Node& node) {
  const Shape boxes = node.shape(0), scores = node.shape(1), anchors = node.shape(2);
  const auto& attributes = node.attributes();
  const std::int64_t classes = attributes.integer("num_classes"), most = attributes.integer("max_detections");
  if (boxes.size() != 3 || scores.size() != 3 || boxes[0] != 1 || scores[0] != 1)
    node.unsupported("it is defined for one image at a time");
  const std::int64_t count = boxes[1];
  if (boxes[2] != 4 || scores[1] != count || anchors != Shape{count, 4} || classes < 1 || classes > scores[2])
    node.bad("boxes, scores, anchors and num_classes contradict each other");
  if (attributes.integer("use_regular_nms") != 0)
    node.unsupported("it suppresses boxes class by class and sorts all classes' together (use_regular_nms)");
  if (attributes.integer("max_classes_per_detection", 1) != 1)
    node.unsupported("it gives several classes per box (max_classes_per_detection)");
  const TensorId corners = decodedBoxes(node, node.reshape(node.in(0), {count, 4}, "boxes"), node.in(2));
  const TensorId all = node.reshape(node.in(1), {count, scores[2]}, "scores");
  const TensorId objects = node.add(
      "Slice", {all},
      {{"starts", std::vector<std::int64_t>{0, scores[2] - classes}}, {"sizes", Shape{count, classes}}},
      "classes");
  const std::vector<std::int64_t> along{1};
  const TensorId best = node.add("Reduce", {objects},
                                 {{"mode", "max"}, {"axes", along}, {"keepdims", std::int64_t{0}}}, "best");
  const TensorId kind =
      node.add("ArgReduce", {objects},
               {{"mode", "max"}, {"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}}, "class");
  const auto made = node.addAll(
      "NonMaxSuppression",
      {node.reshape(corners, {1, count, 4}, "all corners"), node.reshape(best, {1, 1, count}, "all scores")},
      {{"max_output_boxes_per_class", std::clamp<std::int64_t>(most, 0, count)},
       {"iou_threshold", attributes.number("nms_iou_threshold", 0.5)},
       {"score_threshold", attributes.number("nms_score_threshold", 0)}});
  const std::int64_t rows = node.shapeOf(made[0])[0];
  const TensorId boxColumn = node.add(
      "Slice", {made[0]}, {{"starts", std::vector<std::int64_t>{0, 2}}, {"sizes", Shape{rows, 1}}}, "column");
  const TensorId selected = node.reshape(boxColumn, {rows}, "selected");
  const auto chosen = [&](TensorId of, const Shape& shape, const std::string& part) {
    const TensorId picked = node.add("Gather", {of, selected}, {{"axis", std::int64_t{0}}}, part + "/chosen");
    return node.reshape(node.cast(picked, DataType::Float32), shape, part);
  };
  node.set(0, chosen(corners, {1, rows, 4}, "detected boxes"));
  node.set(1, chosen(kind, {1, rows}, "detected classes"));
  node.set(2, chosen(best, {1, rows}, "detected scores"));
  node.set(3, node.cast(made[1], DataType::Float32));
}

}  // namespace

void addRows_tflite_detection(RowList& rows) {
  rows.push_back({"TFLite_Detection_PostProcess", detectionPostProcess});
}

}  // namespace tessera::tensorflow
