// The facts about a device that families of an operator want.
#include "launch/caps_for.hpp"

#include "cl/mma_probe.hpp"

namespace tessera {

DeviceCaps capsFor(const Device& device, const OpView& view) {
  if (!view.inputs.empty() && view.inputs[0].type == DataType::Int8) return device.int8Caps();
  for (const TensorDesc& t : view.inputs)
    if (t.type == DataType::Float16) return mmaCaps(device);
  return device.caps();
}

}  // namespace tessera
