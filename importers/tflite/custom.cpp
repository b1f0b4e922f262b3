// Custom operators of TensorFlow Lite that are known by name.
#include <flatbuffers/flexbuffers.h>

#include <array>
#include <optional>

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

template <class List>
std::optional<AttributeValue> listOf(const List& list) {
  std::vector<std::int64_t> whole;
  std::vector<double> numbers;
  bool real = false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const flexbuffers::Reference value = list[i];
    if (!value.IsNumeric() && !value.IsBool()) return std::nullopt;
    real = real || value.IsFloat();
    whole.push_back(value.AsInt64());
    numbers.push_back(value.AsDouble());
  }
  return real ? AttributeValue(numbers) : AttributeValue(whole);
}

std::optional<AttributeValue> attributeOf(const flexbuffers::Reference& value) {
  if (value.IsFloat()) return AttributeValue(value.AsDouble());
  if (value.IsBool() || value.IsNumeric()) return AttributeValue(value.AsInt64());
  if (value.IsString()) return AttributeValue(value.AsString().str());
  if (value.IsTypedVector()) return listOf(value.AsTypedVector());
  if (value.IsFixedTypedVector()) return listOf(value.AsFixedTypedVector());
  if (value.IsVector()) return listOf(value.AsVector());
  return std::nullopt;
}

}  // namespace

void readCustomOptions(Operator& op) {
  const auto* bytes = op.source.custom_options();
  Attributes& attributes = op.node.attributes;
  if (!bytes || bytes->size() == 0) return;
  const bool map = flexbuffers::VerifyBuffer(bytes->data(), bytes->size()) &&
                   flexbuffers::GetRoot(bytes->data(), bytes->size()).IsMap();
  if (!map) {
    attributes.set("custom_options", std::vector<std::int64_t>(bytes->begin(), bytes->end()));
    return;
  }
  const auto options = flexbuffers::GetRoot(bytes->data(), bytes->size()).AsMap();
  const auto names = options.Keys();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string name = names[i].AsString().str();
    const auto value = attributeOf(options[name.c_str()]);
    if (!value) {
      op.node.refused = "its option '" + name + "' is nothing that a plugin's attribute can be";
      return;
    }
    attributes.set(name, *value);
  }
}

const Row* findCustomRow(std::string_view name) {
  static constexpr std::array kRows{
      Row{32, "TFLite_Detection_PostProcess", "TFLite_Detection_PostProcess", detectionPostProcess}};
  for (const Row& row : kRows)
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace tessera::tflite
