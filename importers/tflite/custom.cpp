// Custom operators of TensorFlow Lite that are known by name.
#include <flatbuffers/flexbuffers.h>

#include <array>

#include "importers/tflite/operators.hpp"

namespace tessera::tflite {
namespace {

/// Options are a map of names, written without a schema.
void detectionPostProcess(Operator& op) {
  const auto* bytes = op.source.custom_options();
  if (!bytes || !flexbuffers::VerifyBuffer(bytes->data(), bytes->size())) {
    op.node.refused = "its options are missing or damaged";
    return;
  }
  const auto root = flexbuffers::GetRoot(bytes->data(), bytes->size());
  if (!root.IsMap()) {
    op.node.refused = "its options are no map";
    return;
  }
  const auto options = root.AsMap();
  auto& attributes = op.node.attributes;
  for (const char* name : {"max_detections", "max_classes_per_detection", "detections_per_class",
                           "use_regular_nms", "num_classes"})
    if (const auto value = options[name]; value.IsNumeric() || value.IsBool())
      attributes.set(name, value.AsInt64());
  for (const char* name :
       {"nms_score_threshold", "nms_iou_threshold", "y_scale", "x_scale", "h_scale", "w_scale"})
    if (const auto value = options[name]; value.IsNumeric()) attributes.set(name, value.AsDouble());
}

}  // namespace

const Row* findCustomRow(std::string_view name) {
  static constexpr std::array kRows{
      Row{32, "TFLite_Detection_PostProcess", "TFLite_Detection_PostProcess", detectionPostProcess}};
  for (const Row& row : kRows)
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace tessera::tflite
