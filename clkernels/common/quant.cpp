// Defines and arguments of INT8 families.
#include "clkernels/common/quant.hpp"

#include <algorithm>
#include <map>

#include "ops/geometry.hpp"
#include "ops/pointwise.hpp"
#include "ops/quantised.hpp"

namespace tessera {

void addRateArgs(std::vector<KernelArg>& args, const OpView& op) {
  for (const char* name : {"rate", "zero"})
    args.push_back(KernelArg::ofFloat(static_cast<float>(op.attrs.number(name))));
}

void addQuantArgs(std::vector<KernelArg>& args, const OpView& op) {
  addRateArgs(args, op);
  for (const char* name : {"residual_scale", "residual_zero"})
    args.push_back(KernelArg::ofFloat(static_cast<float>(op.attrs.number(name))));
}

bool isCorrected(const OpView& op) { return op.attrs.integer("x_zero") != 0; }

namespace {

// Which taps of one axis meet the input, per output coordinate: few different sets of taps, and the number of
// each coordinate's. The longest run of coordinates with one set begins at `from`, and `same` more follow.
struct AxisTaps {
  std::vector<std::vector<std::int64_t>> sets;
  std::vector<std::size_t> setOf;
  std::size_t from = 0, same = 0;

  std::size_t places() const { return setOf.size() - same; }
};

void findRun(AxisTaps& axis) {
  for (std::size_t begin = 0, o = 1; o < axis.setOf.size(); ++o) {
    if (axis.setOf[o] != axis.setOf[begin]) begin = o;
    if (o - begin > axis.same) axis.from = begin, axis.same = o - begin;
  }
}

AxisTaps axisTaps(const Window& w, int axis, bool transposed) {
  AxisTaps found;
  std::map<std::vector<std::int64_t>, std::size_t> numbers;
  for (std::int64_t o = 0; o < w.out[axis]; ++o) {
    std::vector<std::int64_t> taps;
    for (std::int64_t t = 0; t < w.kernel[axis]; ++t) {
      std::int64_t i = o * w.stride[axis] - w.padBegin[axis] + t * w.dilation[axis];
      if (transposed) {
        i = o + w.padBegin[axis] - t * w.dilation[axis];
        if (i % w.stride[axis] != 0) continue;
        i /= w.stride[axis];
      }
      if (i >= 0 && i < w.in[axis]) taps.push_back(t);
    }
    const auto [at, added] = numbers.emplace(taps, found.sets.size());
    if (added) found.sets.push_back(taps);
    found.setOf.push_back(at->second);
  }
  findRun(found);
  return found;
}

// A fully connected layer is a convolution of a one-pixel image, which has all its input as channels.
Window windowOfAny(const OpView& op) {
  if (traitsOf(op.op).window) return windowOf(op);
  Window w;
  w.outChannels = op.inputs[1].shape[0];
  w.channels = op.inputs[1].shape[1];
  return w;
}

// Per output channel and tap: the sum of the weights of all input channels.
std::vector<std::uint32_t> sumsOfTaps(const Window& w, bool transposed,
                                      std::span<const std::int8_t> weights) {
  const std::int64_t taps = w.kernelVolume();
  std::vector<std::uint32_t> sums(static_cast<std::size_t>(w.outChannels * taps));
  for (std::int64_t k = 0; k < w.outChannels; ++k)
    for (std::int64_t c = 0; c < w.groupChannels(); ++c) {
      const std::int64_t channel = k / w.groupOutputs() * w.groupChannels() + c;
      const std::int64_t filter =
          transposed ? channel * w.groupOutputs() + k % w.groupOutputs() : k * w.groupChannels() + c;
      for (std::int64_t tap = 0; tap < taps; ++tap)
        sums[k * taps + tap] += static_cast<std::uint32_t>(std::int32_t{weights[filter * taps + tap]});
    }
  return sums;
}

// A row of channels' corrections for each set of taps that some position has; before them, where there are
// several, what each coordinate of each axis adds to the place of its row (a run of equal ones stands once).
// Sums modulo 2^32, as the dot products' are.
HostTensor corrections(const Window& w, bool transposed, std::int64_t zero, std::int64_t channels,
                       std::span<const std::int8_t> weights) {
  const AxisTaps d = axisTaps(w, 0, transposed), h = axisTaps(w, 1, transposed),
                 v = axisTaps(w, 2, transposed);
  const std::size_t rows = d.sets.size() * h.sets.size() * v.sets.size();
  const std::size_t places = rows == 1 ? 0 : d.places() + h.places() + v.places();
  const auto length = static_cast<std::size_t>(channels);
  HostTensor all(DataType::Int32, {static_cast<std::int64_t>(places + rows * length)});
  const auto to = all.as<std::int32_t>();
  std::size_t at = 0;
  const auto addPlaces = [&](const AxisTaps& axis, std::size_t first, std::size_t step) {
    for (std::size_t o = 0; o < axis.setOf.size(); ++o)
      if (o <= axis.from || o > axis.from + axis.same)
        to[at++] = static_cast<std::int32_t>(first + axis.setOf[o] * step * length);
  };
  if (places > 0) {
    addPlaces(d, places, h.sets.size() * v.sets.size());
    addPlaces(h, 0, v.sets.size());
    addPlaces(v, 0, 1);
  }
  const auto sums = sumsOfTaps(w, transposed, weights);
  for (const auto& td : d.sets)
    for (const auto& th : h.sets)
      for (const auto& tv : v.sets) {
        for (std::int64_t k = 0; k < w.outChannels; ++k) {
          std::uint32_t sum = 0;
          for (const std::int64_t kd : td)
            for (const std::int64_t kh : th)
              for (const std::int64_t kv : tv)
                sum += sums[((k * w.kernel[0] + kd) * w.kernel[1] + kh) * w.kernel[2] + kv];
          to[at + static_cast<std::size_t>(k)] =
              static_cast<std::int32_t>(sum * static_cast<std::uint32_t>(-zero));
        }
        at += length;
      }
  return all;
}

PackedConstant packedCorrections(const OpView& op, int block) {
  return {"corrections by " + std::to_string(block), [op, block](const auto& inputs) {
            const Window w = windowOfAny(op);
            return corrections(w, traitsOf(op.op).transposed(), op.attrs.integer("x_zero"),
                               roundUp(w.outChannels, block), inputs.at(1)->template as<std::int8_t>());
          }};
}

void addCorrectionDefines(Defines& defines, const OpView& op) {
  const Window w = windowOfAny(op);
  std::size_t sets = 1;
  const std::string names[] = {"P_ZERO_D", "P_ZERO_H", "P_ZERO_W"};
  for (int axis = 0; axis < 3; ++axis) {
    const AxisTaps taps = axisTaps(w, axis, traitsOf(op.op).transposed());
    sets *= taps.sets.size();
    defines.emplace_back(names[axis], std::to_string(w.out[axis]));
    defines.emplace_back(names[axis] + "_FROM", std::to_string(taps.from));
    defines.emplace_back(names[axis] + "_SAME", std::to_string(taps.same));
  }
  defines.emplace_back("P_ZERO_SETS", std::to_string(sets));
}

// P_BOUNDS of common/quant.cl.
int boundsOf(const OpView& op) {
  if (op.outputs[0].type != DataType::Int8 || hasZeroPoints(op.attrs)) return 0;
  const std::string activation = op.attrs.string("activation");
  if (activation == "Relu") return 1;
  if (activation != "Clip") return 0;
  const PointwiseConstants bounds = pointwiseConstants(*findPointwise(activation), op.attrs);
  return bounds.alpha == 0 && bounds.beta >= 0 ? 2 : 0;
}

}  // namespace

void addQuantDefines(Defines& defines, const OpView& op, const DeviceCaps& device) {
  addEpilogueDefines(defines, op);
  defines.emplace_back("P_CODED", op.outputs[0].type == DataType::Int8 ? "1" : "0");
  const bool coded = op.has(kResidualInput) && op.inputs[kResidualInput].type == DataType::Int8;
  defines.emplace_back("P_RESIDUAL_CODED", coded ? "1" : "0");
  defines.emplace_back("P_ZEROS", hasZeroPoints(op.attrs) ? "1" : "0");
  defines.emplace_back("P_CORRECTED", isCorrected(op) ? "1" : "0");
  if (isCorrected(op)) addCorrectionDefines(defines, op);
  addDefine(defines, "P_BOUNDS", boundsOf(op));
  defines.emplace_back("D_DOT4", std::to_string(static_cast<int>(device.dot4)));
}

void addCorrections(Launch& launch, std::vector<KernelArg>& args, const OpView& op, int block) {
  if (!isCorrected(op)) return args.push_back(KernelArg::none());
  launch.packed.push_back(packedCorrections(op, block));
  args.push_back(KernelArg::packed(static_cast<int>(launch.packed.size()) - 1));
}

PackedConstant packedChannels(const OpView& op, int block) {
  std::vector<int> rows{kMultiplierArgInput};
  std::string name = "channels by " + std::to_string(block) + " of";
  for (const int input : {kBiasInput, kSlopeInput}) rows.push_back(op.has(input) ? input : -1);
  for (const int input : rows) name += " " + std::to_string(input);
  return {name, [rows, padded = roundUp(op.outputs[0].shape[1], block)](const auto& inputs) {
            HostTensor all(DataType::Float32, {static_cast<std::int64_t>(rows.size()), padded});
            for (std::size_t i = 0; i < rows.size(); ++i)
              if (rows[i] >= 0)
                std::ranges::copy(inputs.at(rows[i])->template as<float>(),
                                  all.as<float>().begin() + static_cast<std::ptrdiff_t>(i) * padded);
            return all;
          }};
}

std::vector<OpInstance> quantisedTwins(const std::string& op, std::vector<OpInstance> samples) {
  std::erase_if(samples,
                [](const OpInstance& s) { return !exactActivation(s.view.attrs.string("activation")); });
  return quantisedSamples(op, samples);
}

std::string whyNoQuantEpilogue(const OpView& op) {
  if (op.inputs[0].type != DataType::Int8 || op.inputs[1].type != DataType::Int8)
    return "input and weights are not codes";
  if (!exactActivation(op.attrs.string("activation"))) return "its activation is not exactly rounded";
  return whyNoEpilogue(op);
}

}  // namespace tessera
