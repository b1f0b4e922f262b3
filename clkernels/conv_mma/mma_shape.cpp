// Geometry and packing of matrix products on tensor cores.
#include "clkernels/conv_mma/mma_shape.hpp"

#include <algorithm>

#include "clkernels/common/storage.hpp"
#include "clkernels/q_conv_gemm/q_gemm_shape.hpp"
#include "ops/geometry.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kQuad = 4;  // channels of a pixel that an item stores together

bool wholeBlocks(const TensorDesc& t) {
  return t.layout.block == kMmaBlock && t.layout.offset % kMmaBlock == 0 && t.batchStride() % kMmaBlock == 0;
}
bool planarFloats(const TensorDesc& t) { return t.layout.block == 1 && isFloat(t.type); }

std::string whyNotTypes(const OpView& op) {
  const bool codes = op.inputs[0].type == DataType::Int8;
  if (!codes && op.inputs[0].type != DataType::Float16) return "the input is neither half nor codes";
  if (op.inputs[1].type != op.inputs[0].type) return "the weights are of another type than the input";
  if (!codes && !isFloat(op.outputs[0].type)) return "the output is not floating-point";
  if (!codes && op.has(kResidualInput) && !isFloat(op.inputs[kResidualInput].type))
    return "the residual is not floating-point";
  for (const int i : {1, kBiasInput, kSlopeInput, kMultiplierArgInput})
    if (op.has(i) && !op.inputs[i].constant) return "weights, bias, slope and multipliers must be constants";
  return codes ? whyNoQuantEpilogue(op) : whyNoEpilogue(op);
}

// Where a row is packed. Two instructions make eight channels each; an item keeps columns 2 q and 2 q + 1 of
// both, which shall be channels 4 q to 4 q + 3.
std::int64_t placeOfRow(std::int64_t row) {
  const std::int64_t lane = row % 16;
  return row - lane + lane % 4 / 2 * 8 + lane / 4 * 2 + lane % 2;
}

// T: float or codes.
template <class T>
HostTensor packed(const OpView& op, const HostTensor& weights, int tileRows, int depth) {
  const GemmShape shape = gemmShape(blockView(op));
  const Window w = windowOf(op);
  const GemmWeights reader(plainTwin(op));
  const T* values = weights.as<T>().data();
  const std::int64_t phases = shape.phasesY * shape.phasesX, rows = roundUp(shape.rows, tileRows);
  const std::int64_t nextChannel =
      traitsOf(op.op).transposed() ? w.groupOutputs() * w.kernelVolume() : w.kernelVolume();
  HostTensor result(weights.type,
                    {shape.groups, shape.tiles(depth, false), rows, std::int64_t{depth} * kMmaBlock});
  T* out = result.as<T>().data();
  const auto put = [&](std::int64_t group, std::int64_t row, std::int64_t block, int tap, std::int64_t at) {
    const std::int64_t quad = row / kQuad;
    const std::int64_t output = quad / phases * kQuad + row % kQuad, phase = quad % phases;
    if (output >= w.groupOutputs()) return;
    std::int64_t from = reader.index(group, output * phases + phase, block * kMmaBlock, tap);
    if (from < 0) return;
    const std::int64_t k = at / rows;  // of all groups
    T* to = out + ((k / depth * rows + placeOfRow(row)) * depth + k % depth) * kMmaBlock;
    const std::int64_t lanes = std::min<std::int64_t>(kMmaBlock, w.groupChannels() - block * kMmaBlock);
    for (std::int64_t lane = 0; lane < lanes; ++lane, from += nextChannel) to[lane] = values[from];
  };
  forPackedWeights(shape, tileRows, depth, false, put);
  return result;
}

}  // namespace

std::string whyNoMma(const OpView& op) {
  if (const auto why = whyNotTypes(op); !why.empty()) return why;
  if (!wholeBlocks(op.inputs[0])) return "the input is not in blocks of 16 channels";
  if (!wholeBlocks(op.outputs[0]) && !planarFloats(op.outputs[0]))
    return "the output is neither in blocks of 16 channels nor planar floats";
  if (op.has(kResidualInput) && !wholeBlocks(op.inputs[kResidualInput]) &&
      !planarFloats(op.inputs[kResidualInput]))
    return "the residual is neither in blocks of 16 channels nor planar floats";
  const Window w = windowOf(op);
  if (w.group > 1 && (w.groupOutputs() % kMmaBlock || w.groupChannels() % kMmaBlock))
    return "a group's channels are not whole blocks of 16";
  return whyNoGemm(blockView(op));
}

OpView blockView(const OpView& op) {
  const std::int64_t whole = op.outputs[0].layout.block == kMmaBlock ? kMmaBlock : kQuad;
  return viewOverUnits(op, kMmaBlock, roundUp(windowOf(op).groupOutputs(), whole));
}

int blockBytes(const OpView& op) { return op.inputs[0].type == DataType::Int8 ? kMmaBlock : 2 * kMmaBlock; }

PackedConstant packMmaWeights(const OpView& op, int tileRows, int tileBytes) {
  const int depth = tileBytes / blockBytes(op);
  const bool codes = op.inputs[0].type == DataType::Int8;
  const std::string name = "mma " + plainTwin(op).attrs.text() + " rows " + std::to_string(tileRows) +
                           " blocks " + std::to_string(depth);
  return inStorage(codes ? DataType::Int8 : DataType::Float16,
                   {name, [op, tileRows, depth, codes](const std::vector<const HostTensor*>& inputs) {
                      return codes ? packed<std::int8_t>(op, *inputs.at(1), tileRows, depth)
                                   : packed<float>(op, *inputs.at(1), tileRows, depth);
                    }});
}

PackedConstant packMmaChannels(const OpView& op) {
  std::vector<int> rows;
  if (traitsOf(op.op).quantised()) rows.push_back(kMultiplierArgInput);
  for (const int input : {kBiasInput, kSlopeInput}) rows.push_back(op.has(input) ? input : -1);
  std::string name = "mma channels of";
  for (const int input : rows) name += " " + std::to_string(input);
  std::vector<float> scales;
  for (const char* attribute : {"rate", "zero", "residual_scale", "residual_zero"})
    scales.push_back(static_cast<float>(op.attrs.number(attribute)));
  return {name, [rows, scales, padded = roundUp(op.outputs[0].shape[1], kMmaBlock)](const auto& inputs) {
            const auto count = static_cast<std::int64_t>(rows.size());
            HostTensor all(DataType::Float32, {count * padded + std::ssize(scales)});
            auto to = std::ranges::copy(scales, all.template as<float>().begin()).out;
            for (const int input : rows) {
              if (input >= 0) std::ranges::copy(inputs.at(input)->template as<float>(), to);
              to += padded;
            }
            return all;
          }};
}

}  // namespace tessera
