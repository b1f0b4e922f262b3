/// \file
/// Host side of common/finish.cl: what families share that serve floats and codes alike.
#pragma once

#include "clkernels/common/quant.hpp"
#include "ops/geometry.hpp"

namespace tessera {

/// Whether a device compiles kernels that hold whole register tiles well: "" or why not.
std::string whyNoTiles(const DeviceCaps& device);

/// Whether device, types, constants and epilogue suit: operands all f32 or all half, or `codes`.
Verdict finishApplies(const OpView& op, const DeviceCaps& device, bool codes);
/// Whether activations are in blocks of 16 channels; input and output may be planar where it says so.
Verdict inBlocksOf16(const OpView& op, bool planarInput = false, bool planarOutput = false);

/// Appends P_X, P_WEIGHTS, P_R and P_Y: the types of input, weights, residual and output.
void addTypeDefines(Defines& defines, const OpView& op);
/// Whether the output may bypass the caches (D_STREAM): streaming stores take the vectors' natural alignment,
/// and pay where it leaves the caches anyway. Each vector that is stored has to be aligned within the output.
bool streamsOutput(const TensorDesc& y, const DeviceCaps& device);
/// Appends the defines of common/finish.cl and of the epilogue. `stream`: D_STREAM.
void addFinishDefines(Defines& defines, const OpView& op, const DeviceCaps& device, bool stream = false);
/// Appends FINISH_OPERANDS; adds constants padded to 16 channels to launch.packed.
void addFinishArgs(Launch& launch, std::vector<KernelArg>& args, const OpView& op);
/// The same for kernels that take channels one at a time: operands as they come.
void addPlainFinishArgs(Launch& launch, std::vector<KernelArg>& args, const OpView& op);
/// Appends offset and batch stride of x, output and residual.
void addPlaces(std::vector<KernelArg>& args, const OpView& op);

/// Whether it computes in codes.
inline bool inCodes(const OpView& op) { return op.inputs[0].type == DataType::Int8; }

}  // namespace tessera
