// Geometry and packing of matrix products on tensor cores.
#include "clkernels/conv_mma/mma_shape.hpp"

#include <algorithm>
#include <cmath>

#include "clkernels/common/storage.hpp"
#include "clkernels/common/tensor_cores.hpp"
#include "clkernels/q_conv_gemm/q_gemm_shape.hpp"
#include "ops/geometry.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kQuad = 4;  // channels of a pixel that an item stores together
constexpr int kWgmmaBytes = 32;    // of a row in a chunk of conv_wgmma.cl

bool wholeBlocks(const TensorDesc& t, int block = kMmaBlock) {
  return t.layout.block == block && t.layout.offset % block == 0 && t.batchStride() % block == 0;
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

// Calls put(group, row, tile of k, block within it, from, step, lanes): `lanes` weights of neighbouring
// channels of a row lie `step` apart from values[from] on.
template <class Put>
void forBlocksOfWeights(const OpView& op, int tileRows, int depth, Put put) {
  const GemmShape shape = gemmShape(blockView(op));
  const Window w = windowOf(op);
  const GemmWeights reader(plainTwin(op));
  const std::int64_t phases = shape.phasesY * shape.phasesX, rows = roundUp(shape.rows, tileRows);
  const std::int64_t nextChannel =
      traitsOf(op.op).transposed() ? w.groupOutputs() * w.kernelVolume() : w.kernelVolume();
  const std::int64_t length = std::int64_t{shape.tiles(depth, false)} * depth;
  forPackedWeights(shape, tileRows, depth, false,
                   [&](std::int64_t group, std::int64_t row, std::int64_t block, int tap, std::int64_t at) {
                     const std::int64_t quad = row / kQuad;
                     const std::int64_t output = quad / phases * kQuad + row % kQuad, phase = quad % phases;
                     if (output >= w.groupOutputs()) return;
                     const std::int64_t from =
                         reader.index(group, output * phases + phase, block * kMmaBlock, tap);
                     if (from < 0) return;
                     const std::int64_t k = at / rows - group * length;
                     put(group, row, k / depth, k % depth, from, nextChannel,
                         std::min<std::int64_t>(kMmaBlock, w.groupChannels() - block * kMmaBlock));
                   });
}

// T: float or codes.
template <class T>
HostTensor packed(const OpView& op, const HostTensor& weights, int tileRows, int depth) {
  const GemmShape shape = gemmShape(blockView(op));
  const T* values = weights.as<T>().data();
  const std::int64_t rows = roundUp(shape.rows, tileRows), tiles = shape.tiles(depth, false);
  HostTensor result(weights.type, {shape.groups, tiles, rows, std::int64_t{depth} * kMmaBlock});
  T* out = result.as<T>().data();
  forBlocksOfWeights(op, tileRows, depth,
                     [&](std::int64_t group, std::int64_t row, std::int64_t tile, std::int64_t block,
                         std::int64_t from, std::int64_t step, std::int64_t lanes) {
                       T* to = out + (((group * tiles + tile) * rows + mmaPlaceOfRow(row)) * depth + block) *
                                         kMmaBlock;
                       for (std::int64_t lane = 0; lane < lanes; ++lane, from += step)
                         to[lane] = values[from];
                     });
  return result;
}

template <class T>
HostTensor packedByPieces(const OpView& op, const HostTensor& weights, int tileRows) {
  const GemmShape shape = gemmShape(blockView(op));
  const T* values = weights.as<T>().data();
  const int piece = 16 * kMmaBlock / blockBytes(op), depth = kWgmmaBytes / blockBytes(op);
  const std::int64_t rows = roundUp(shape.rows, tileRows), tiles = shape.tiles(depth, false);
  HostTensor result(weights.type,
                    {shape.groups, rows / tileRows, tiles, std::int64_t{depth} * kMmaBlock * tileRows});
  T* out = result.as<T>().data();
  forBlocksOfWeights(op, tileRows, depth,
                     [&](std::int64_t group, std::int64_t row, std::int64_t tile, std::int64_t block,
                         std::int64_t from, std::int64_t step, std::int64_t lanes) {
                       const std::int64_t place = mmaPlaceOfRow(row % tileRows);
                       T* to = out + ((group * rows / tileRows + row / tileRows) * tiles + tile) * depth *
                                         kMmaBlock * tileRows;
                       for (std::int64_t lane = 0; lane < lanes; ++lane, from += step) {
                         const std::int64_t k = block * kMmaBlock + lane;
                         to[(k / piece * tileRows + place) * piece + k % piece] = values[from];
                       }
                     });
  return result;
}

// The power of two by which each output channel's weights are scaled: its greatest becomes 2^13 to 2^14.
std::vector<int> pairExponents(const HostTensor& weights) {
  const auto values = weights.as<float>();
  const std::int64_t channels = weights.shape[0], length = weights.size() / channels;
  std::vector<int> exponents;
  for (std::int64_t c = 0; c < channels; ++c) {
    float greatest = 0;
    for (const float value : values.subspan(c * length, length))
      if (std::isfinite(value)) greatest = std::max(greatest, std::abs(value));
    exponents.push_back(greatest > 0 ? std::min(13 - std::ilogb(greatest), 126) : 0);
  }
  return exponents;
}

HostTensor pairsByPieces(const OpView& op, const HostTensor& weights, int tileRows) {
  constexpr int kPieceLength = 8;
  const GemmShape shape = gemmShape(blockView(op));
  const std::vector<int> exponents = pairExponents(weights);
  const auto values = weights.as<float>();
  const std::int64_t rows = roundUp(shape.rows, tileRows), tiles = shape.tiles(1, false);
  const std::int64_t plane = std::int64_t{kMmaBlock} * tileRows;
  HostTensor result(DataType::Float32, {shape.groups, rows / tileRows, tiles, 2 * plane});
  float* out = result.as<float>().data();
  const std::int64_t length = std::ssize(values) / weights.shape[0];
  forBlocksOfWeights(op, tileRows, 1,
                     [&](std::int64_t group, std::int64_t row, std::int64_t tile, std::int64_t,
                         std::int64_t from, std::int64_t step, std::int64_t lanes) {
                       const std::int64_t place = mmaPlaceOfRow(row % tileRows);
                       float* to = out + ((group * rows + row) / tileRows * tiles + tile) * 2 * plane;
                       for (std::int64_t lane = 0; lane < lanes; ++lane, from += step) {
                         const float value = std::ldexp(values[from], exponents[from / length]);
                         const float high = Half::fromFloat(value).toFloat();
                         const std::int64_t at =
                             (lane / kPieceLength * tileRows + place) * kPieceLength + lane % kPieceLength;
                         to[at] = high;
                         to[at + plane] = value - high;
                       }
                     });
  return result;
}

// Scales of the layer, then rows of a number for each channel: multipliers where there are any, bias, slopes.
PackedConstant channelRows(const OpView& op, bool multiplied) {
  std::vector<int> rows;
  if (multiplied) rows.push_back(kMultiplierArgInput);
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

}  // namespace

// Two instructions make eight channels each; an item keeps columns 2 q and 2 q + 1 of both, which shall be
// channels 4 q to 4 q + 3.
std::int64_t mmaPlaceOfRow(std::int64_t row) {
  const std::int64_t lane = row % 16;
  return row - lane + lane % 4 / 2 * 8 + lane / 4 * 2 + lane % 2;
}

std::string whyNoMma(const OpView& op, int inputBlock) {
  if (const auto why = whyNotTypes(op); !why.empty()) return why;
  if (!wholeBlocks(op.inputs[0], inputBlock))
    return "the input is not in blocks of " + std::to_string(inputBlock) + " channels";
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

PackedConstant packWgmmaWeights(const OpView& op, int tileRows) {
  const bool codes = op.inputs[0].type == DataType::Int8;
  const std::string name = "wgmma " + plainTwin(op).attrs.text() + " rows " + std::to_string(tileRows);
  return inStorage(codes ? DataType::Int8 : DataType::Float16,
                   {name, [op, tileRows, codes](const std::vector<const HostTensor*>& inputs) {
                      return codes ? packedByPieces<std::int8_t>(op, *inputs.at(1), tileRows)
                                   : packedByPieces<float>(op, *inputs.at(1), tileRows);
                    }});
}

PackedConstant packPairWeights(const OpView& op, int tileRows) {
  return inStorage(DataType::Float16, {"pairs rows " + std::to_string(tileRows),
                                       [op, tileRows](const std::vector<const HostTensor*>& inputs) {
                                         return pairsByPieces(op, *inputs.at(1), tileRows);
                                       }});
}

void addMmaDefines(Defines& defines, const OpView& op, const OpView& blocks, const DeviceCaps& device) {
  const auto add = [&](const char* name, std::int64_t value) {
    defines.emplace_back(name, std::to_string(value));
  };
  const bool codes = op.inputs[0].type == DataType::Int8;
  const TensorDesc none, &y = op.outputs[0], &r = op.has(kResidualInput) ? op.inputs[kResidualInput] : none;
  addGeometryDefines(defines, gemmShape(blocks));
  addTypeDefines(defines, op);
  if (codes)
    addQuantDefines(defines, op, device);
  else
    addEpilogueDefines(defines, op);
  add("P_HALF", codes ? 0 : 1);
  add("D_MMA", hasMma(device) ? 1 : 0);
  add("D_FENCE", device.nvidia ? 1 : 0);
  add("D_UNITS", device.computeUnits);
  add("P_CHANNELS", y.shape[1]);
  add("P_YBLOCK", y.layout.block);
  add("P_RBLOCK", r.present() ? r.layout.block : 1);
  add("P_XOFFSET", blocks.inputs[0].layout.offset);
  add("P_XBATCH", blocks.inputs[0].batchStride());
  add("P_YOFFSET", y.layout.offset);
  add("P_YBATCH", y.batchStride());
  add("P_ROFFSET", r.present() ? r.layout.offset : 0);
  add("P_RBATCH", r.present() ? r.batchStride() : 0);
}

void addMmaArgs(Launch& launch, std::vector<KernelArg>& args, const OpView& op) {
  args = {KernelArg::input(0), KernelArg::packed(0), KernelArg::packed(1)};
  addCorrections(launch, args, op, kMmaBlock);
  args.push_back(op.has(kResidualInput) ? KernelArg::input(kResidualInput) : KernelArg::none());
  args.push_back(KernelArg::output(0));
}

void addMmaCall(Launch& launch, KernelCall call, const OpView& op, const MmaGroups& groups) {
  const auto items = static_cast<std::size_t>(groups.items), tiles = static_cast<std::size_t>(groups.tiles);
  call.local = {items, 1};
  call.global = {items * tiles, static_cast<std::size_t>(groups.split)};
  addMmaArgs(launch, call.args, op);
  if (groups.split > 1) {
    launch.scratch = {static_cast<std::size_t>(groups.partialBytes)};
    launch.counters = tiles;
    call.args.push_back(KernelArg::scratch(0));
    call.args.push_back(KernelArg::counters());
  }
  launch.calls = {std::move(call)};
}

OpInstance mmaSample(bool transposed, Attributes attrs, Shape x, Shape weights, bool bias) {
  std::vector<TensorDesc> inputs{f32(std::move(x)), f32(weights)};
  if (bias) inputs.push_back(f32({weights[transposed ? 1 : 0]}));
  return makeSample(transposed ? "Deconvolution" : "Convolution", std::move(attrs), std::move(inputs), {},
                    {false, true, true});
}

PackedConstant packMmaChannels(const OpView& op) { return channelRows(op, traitsOf(op.op).quantised()); }

PackedConstant packPairChannels(const OpView& op) {
  PackedConstant rows = channelRows(op, true);
  return {rows.name + " of pairs", [pack = std::move(rows.pack)](std::vector<const HostTensor*> inputs) {
            const std::vector<int> exponents = pairExponents(*inputs.at(1));
            HostTensor multipliers(DataType::Float32, {std::ssize(exponents)});
            std::ranges::transform(exponents, multipliers.as<float>().begin(),
                                   [](int exponent) { return std::ldexp(1.0f, -exponent); });
            inputs.resize(std::max<std::size_t>(inputs.size(), kMultiplierArgInput + 1));
            inputs[kMultiplierArgInput] = &multipliers;
            return pack(inputs);
          }};
}

}  // namespace tessera
