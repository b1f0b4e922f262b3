// Explicit list of the importer's themes.
#include "importers/tensorflow/table.hpp"

#include <algorithm>
#include <array>

namespace tessera::tensorflow {

void addRows_activation(RowList&);
void addRows_conv(RowList&);
void addRows_detection(RowList&);
void addRows_elementwise(RowList&);
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

namespace {
constexpr void (*kThemes[])(RowList&) = {
    addRows_activation, addRows_conv,    addRows_detection,     addRows_elementwise, addRows_matmul,
    addRows_moving,     addRows_pooling, addRows_normalization, addRows_quantize,    addRows_reduction,
    addRows_resize,     addRows_shape,   addRows_slicing,       addRows_space,
};
}  // namespace

const std::map<std::string_view, Row>& table() {
  static const auto rows = [] {
    RowList list;
    for (const auto add : kThemes) add(list);
    std::map<std::string_view, Row> map;
    for (const Row& row : list) map.emplace(row.type, row);
    return map;
  }();
  return rows;
}

bool isIgnored(std::string_view type) {
  constexpr std::array kTypes{"NoOp",           "Assert",        "Print",           "PrintV2",
                              "ControlTrigger", "ScalarSummary", "HistogramSummary"};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

}  // namespace tessera::tensorflow
