#include "lower/reformat.hpp"

#include <algorithm>

namespace tessera {

const KernelFamily* familyFor(const OpView& view, const DeviceCaps& device) {
  const auto& families = familiesFor(view);
  const auto found = std::ranges::find_if(
      families, [&](const KernelFamily* family) { return static_cast<bool>(family->applies(view, device)); });
  return found == families.end() ? nullptr : *found;
}

OpView reformatView(const TensorDesc& tensor, int from, int to) {
  OpView view{"Reformat", {}, {tensor}, {tensor}};
  view.inputs[0].layout = {from, 0, 0};
  view.outputs[0].layout = {to, 0, 0};
  view.inputs[0].constant = view.outputs[0].constant = false;
  return view;
}

bool sameOrder(const TensorDesc& tensor, int from, int to) {
  if (from == to) return true;
  if (!tensor.blockable()) return false;
  const bool onePosition = std::all_of(tensor.shape.begin() + 2, tensor.shape.end(),
                                       [](std::int64_t extent) { return extent == 1; });
  return onePosition && tensor.shape[1] % from == 0 && tensor.shape[1] % to == 0;
}

}  // namespace tessera
