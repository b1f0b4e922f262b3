// Explicit list of the importer's themes.
#include "importers/tensorflow/table.hpp"

#include <algorithm>
#include <array>

namespace tessera::tensorflow {

void addRows_activation(RowList&);
void addRows_conv(RowList&);
void addRows_detection(RowList&);
void addRows_elementwise(RowList&);
void addRows_gather(RowList&);
void addRows_guarded(RowList&);
void addRows_matmul(RowList&);
void addRows_moving(RowList&);
void addRows_normalization(RowList&);
void addRows_pooling(RowList&);
void addRows_quantize(RowList&);
void addRows_reduction(RowList&);
void addRows_resize(RowList&);
void addRows_shape(RowList&);
void addRows_slicing(RowList&);
void addRows_space(RowList&);
void addRows_tflite(RowList&);
void addRows_tflite_detection(RowList&);

namespace {
constexpr void (*kThemes[])(RowList&) = {
    addRows_activation, addRows_conv,          addRows_detection, addRows_elementwise,
    addRows_gather,     addRows_guarded,       addRows_matmul,    addRows_moving,
    addRows_pooling,    addRows_normalization, addRows_quantize,  addRows_reduction,
    addRows_resize,     addRows_shape,         addRows_slicing,   addRows_space,
};
/// Operators whose operands lie otherwise in the other formats.
constexpr void (*kOtherThemes[])(RowList&) = {addRows_tflite, addRows_tflite_detection};

template <class Themes>
std::map<std::string_view, Row> rowsOf(const Themes& themes) {
  RowList list;
  for (const auto add : themes) add(list);
  std::map<std::string_view, Row> map;
  for (const Row& row : list) map.emplace(row.type, row);
  return map;
}
}  // namespace

const std::map<std::string_view, Row>& table() {
  static const auto rows = rowsOf(kThemes);
  return rows;
}

const Row* findRow(std::string_view type) {
  static const auto others = rowsOf(kOtherThemes);
  if (const auto row = table().find(type); row != table().end()) return &row->second;
  const auto row = others.find(type);
  return row == others.end() ? nullptr : &row->second;
}

bool isIgnored(std::string_view type) {
  constexpr std::array kTypes{"NoOp",           "Assert",        "Print",           "PrintV2",
                              "ControlTrigger", "ScalarSummary", "HistogramSummary"};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

}  // namespace tessera::tensorflow
