// Explicit list of the importer's themes.
#include "importers/onnx/table.hpp"

namespace tessera::onnx {

void addRows_activation(RowList&);
void addRows_attention(RowList&);
void addRows_block_quantised(RowList&);
void addRows_constants(RowList&);
void addRows_contrib(RowList&);
void addRows_contrib_attention(RowList&);
void addRows_control_flow(RowList&);
void addRows_conv(RowList&);
void addRows_einsum(RowList&);
void addRows_elementwise(RowList&);
void addRows_gather(RowList&);
void addRows_integer_products(RowList&);
void addRows_loss(RowList&);
void addRows_matmul(RowList&);
void addRows_moving(RowList&);
void addRows_normalization(RowList&);
void addRows_pooling(RowList&);
void addRows_qlinear(RowList&);
void addRows_quantize(RowList&);
void addRows_recurrent(RowList&);
void addRows_reduction(RowList&);
void addRows_resize(RowList&);
void addRows_sampling(RowList&);
void addRows_sequences(RowList&);
void addRows_shape(RowList&);
void addRows_slicing(RowList&);
void addRows_window(RowList&);

namespace {
constexpr void (*kThemes[])(RowList&) = {
    addRows_activation,
    addRows_attention,
    addRows_constants,
    addRows_contrib,
    addRows_contrib_attention,
    addRows_block_quantised,
    addRows_control_flow,
    addRows_conv,
    addRows_einsum,
    addRows_elementwise,
    addRows_gather,
    addRows_integer_products,
    addRows_loss,
    addRows_matmul,
    addRows_moving,
    addRows_normalization,
    addRows_pooling,
    addRows_qlinear,
    addRows_quantize,
    addRows_recurrent,
    addRows_reduction,
    addRows_resize,
    addRows_sampling,
    addRows_sequences,
    addRows_shape,
    addRows_slicing,
    addRows_window,
};
}  // namespace

const std::multimap<std::string_view, Row>& table() {
  static const auto rows = [] {
    RowList list;
    for (const auto add : kThemes) add(list);
    std::multimap<std::string_view, Row> map;
    for (const Row& row : list) map.emplace(row.type, row);
    return map;
  }();
  return rows;
}

const Row* findRow(std::string_view type, int opset, std::string& why) {
  const auto [first, last] = table().equal_range(type);
  if (first == last) {
    why =
        "the importer has no operator of this type; docs/plugins.md says how a plugin computes it, "
        "docs/add_an_operator.md how to add one";
    return nullptr;
  }
  std::string known;
  for (auto it = first; it != last; ++it) {
    const Row& row = it->second;
    if (row.since <= opset && opset <= row.until) return &row;
    known += (known.empty() ? "" : ", ") + std::to_string(row.since) +
             (row.until == kNewest ? " and later" : " to " + std::to_string(row.until));
  }
  why = "its meaning in operator set " + std::to_string(opset) + " is not known, only that of " + known +
        "; convert the model to one of these";
  return nullptr;
}

}  // namespace tessera::onnx
