/// \file
/// What families of pooling share.
#pragma once

#include "clkernels/common/image.hpp"

namespace tessera {

/// P_MODE of pooling kernels: 0 maximum, 1 mean, 2 p-norm.
inline int poolMode(const OpView& op) {
  const std::string mode = op.attrs.string("mode", "max");
  return mode == "max" ? 0 : mode == "average" ? 1 : 2;
}

/// Appends the extents of a window, from the image's to the pads behind it, as pool.cl and q_average_pool.cl
/// take them.
inline void addWindowArgs(std::vector<KernelArg>& args, const Window& w) {
  for (const Extents& extents : {w.in, w.out, w.kernel, w.stride, w.dilation, w.padBegin, w.padEnd})
    addExtentArgs(args, extents);
}

/// The same numbers as macros of pool.cl.
inline void addWindowDefines(Defines& defines, const Window& w) {
  const std::pair<const char*, const Extents&> all[] = {
      {"IN", w.in},         {"OUT", w.out},           {"KERNEL", w.kernel},
      {"STRIDE", w.stride}, {"DILATION", w.dilation}, {"PAD", w.padBegin},
      {"END", w.padEnd}};
  for (const auto& [name, extents] : all)
    for (int axis = 0; axis < 3; ++axis)
      addDefine(defines, (std::string("P_") + name + "_" + "DHW"[axis]).c_str(), extents[axis]);
}

/// `cost` of a family that visits every cell of every window.
inline Cost poolingCost(Cost cost, const OpView& op, double efficiency) {
  cost.operations = static_cast<double>(op.outputs[0].size() * windowOf(op).kernelVolume());
  cost.efficiency = efficiency;
  return cost;
}

}  // namespace tessera
