// Geometry and packing of INT8 matrix products over words of four codes.
#include "clkernels/q_conv_gemm/q_gemm_shape.hpp"

#include <algorithm>

#include "clkernels/common/quant.hpp"
#include "ops/geometry.hpp"

namespace tessera {
namespace {

constexpr std::int64_t kWord = 4;  // codes

bool wholeWords(const TensorDesc& t) {
  return t.layout.block == kWord && t.layout.offset % kWord == 0 && t.batchStride() % kWord == 0;
}

}  // namespace

OpView plainTwin(const OpView& op) {
  const OperatorTraits& traits = traitsOf(op.op);
  OpView twin{traits.quantised() ? std::string(traits.floatTwin) : op.op,
              op.attrs,
              {op.inputs[0], op.inputs[1]},
              {op.outputs[0]}};
  for (const char* name :
       {"activation", "alpha", "beta", "rate", "residual_scale", "residual_zero", "x_zero", "zero"})
    twin.attrs.erase(name);
  for (auto* t : {&twin.inputs[0], &twin.inputs[1], &twin.outputs[0]}) {
    t->type = DataType::Float32;
    t->layout = {};
  }
  return twin;
}

std::string whyNoQuantGemm(const OpView& op) {
  if (const auto why = whyNoQuantEpilogue(op); !why.empty()) return why;
  for (const int i : {1, kBiasInput, kSlopeInput, kMultiplierArgInput})
    if (op.has(i) && !op.inputs[i].constant) return "weights, bias, slope and multipliers must be constants";
  if (!wholeWords(op.inputs[0])) return "the input is not in blocks of 4 channels";
  const TensorDesc& y = op.outputs[0];
  if (!wholeWords(y) && !(y.type == DataType::Float32 && y.layout.block == 1))
    return "the output is neither in blocks of 4 channels nor planar floats";
  if (op.has(kResidualInput)) {
    const TensorDesc& r = op.inputs[kResidualInput];
    if (!wholeWords(r) && !(r.type == DataType::Float32 && r.layout.block == 1))
      return "the residual is neither in blocks of 4 channels nor planar floats";
  }
  const Window w = windowOf(op);
  if (w.group > 1 && w.groupOutputs() % kWord) return "a group's output is not whole blocks of 4 channels";
  if (w.group > 1 && w.groupChannels() % kWord) return "a group's input is not whole blocks of 4 channels";
  return whyNoGemm(wordView(op));
}

bool rowsArePhases(const OpView& op) {
  if (!traitsOf(op.op).transposed() || op.has(kResidualInput) || isCorrected(op)) return false;
  if (op.outputs[0].type != DataType::Float32 || op.outputs[0].layout.block != 1) return false;
  const Window w = windowOf(op);
  return w.stride[1] * w.stride[2] % kWord == 0 && (w.stride[2] == 2 || w.stride[2] % 4 == 0);
}

OpView viewOverUnits(const OpView& op, std::int64_t unit, std::int64_t outputs) {
  const Window w = windowOf(op);
  OpView units = plainTwin(op);
  const std::int64_t channels = ceilDiv(w.groupChannels(), unit);
  TensorDesc &x = units.inputs[0], &weights = units.inputs[1], &y = units.outputs[0];
  x.shape[1] = w.group * channels;
  x.layout = {1, op.inputs[0].layout.offset / unit, op.inputs[0].batchStride() / unit};
  y.shape[1] = w.group * outputs;
  y.layout = {1, op.outputs[0].layout.offset, op.outputs[0].batchStride()};
  const bool deconvolution = traitsOf(op.op).transposed();
  weights.shape[0] = w.group * (deconvolution ? channels : outputs);
  weights.shape[1] = deconvolution ? outputs : channels;
  return units;
}

OpView wordView(const OpView& op) {
  const std::int64_t outputs = windowOf(op).groupOutputs();
  return viewOverUnits(op, kWord, rowsArePhases(op) ? outputs : roundUp(outputs, kWord));
}

PackedConstant packQuantGemmWeights(const OpView& op, int tileRows, int depth, bool flat) {
  const std::string name = "q_gemm " + op.op + " " + plainTwin(op).attrs.text() + " rows " +
                           std::to_string(tileRows) + " depth " + std::to_string(depth) +
                           (flat ? " flat" : "") + (rowsArePhases(op) ? " phases" : "");
  return {name, [op, tileRows, depth, flat](const std::vector<const HostTensor*>& inputs) {
            const GemmShape shape = gemmShape(wordView(op));
            const Window w = windowOf(op);
            const GemmWeights reader(plainTwin(op));
            const auto codes = inputs.at(1)->as<std::int8_t>();
            const std::int64_t phases = shape.phasesY * shape.phasesX;
            const bool phaseRows = rowsArePhases(op);
            const std::int64_t nextChannel =
                traitsOf(op.op).transposed() ? w.groupOutputs() * w.kernelVolume() : w.kernelVolume();
            HostTensor packed(DataType::Int8, {shape.groups, shape.tiles(depth, flat) * depth,
                                               roundUp(shape.rows, tileRows), kWord});
            std::int8_t* out = packed.as<std::int8_t>().data();
            const auto put = [&](std::int64_t group, std::int64_t row, std::int64_t word, int tap,
                                 std::int64_t at) {
              const std::int64_t quad = row / kWord;
              const std::int64_t output = phaseRows ? row / phases : quad / phases * kWord + row % kWord;
              const std::int64_t phase = phaseRows ? row % phases : quad % phases;
              if (output >= w.groupOutputs()) return;
              std::int64_t from = reader.index(group, output * phases + phase, word * kWord, tap);
              if (from < 0) return;
              std::int8_t* to = out + at * kWord;
              const std::int64_t lanes = std::min(kWord, w.groupChannels() - word * kWord);
              for (std::int64_t lane = 0; lane < lanes; ++lane, from += nextChannel) to[lane] = codes[from];
            };
            forPackedWeights(shape, tileRows, depth, flat, put);
            return packed;
          }};
}

}  // namespace tessera
