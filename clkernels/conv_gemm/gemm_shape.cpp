// Geometry and packing of implicit matrix products.
#include "clkernels/conv_gemm/gemm_shape.hpp"

#include <algorithm>
#include <limits>

#include "clkernels/common/epilogue.hpp"
#include "clkernels/common/gpu_model.hpp"
#include "clkernels/common/storage.hpp"
#include "ops/geometry.hpp"

namespace tessera {
namespace {

constexpr int kMaxTaps = 31;  // one bit per tap row and column; the last marks padding

bool floating(const TensorDesc& t) { return t.type == DataType::Float32 || t.type == DataType::Float16; }

// One axis of a deconvolution as a convolution.
struct PhaseAxis {
  int taps, phases, dilation, grid, pad, origin;
  PhaseAxis(const Window& w, int axis) {
    const int stride = static_cast<int>(w.stride[axis]), begin = static_cast<int>(w.padBegin[axis]);
    const int first = begin / stride;  // of the positions that have an output
    phases = stride;
    dilation = static_cast<int>(w.dilation[axis]);
    taps = static_cast<int>(ceilDiv(w.kernel[axis], stride));
    grid = static_cast<int>(w.out[axis] - 1 + begin) / stride - first + 1;
    pad = (taps - 1) * dilation - first;
    origin = begin - first * stride;
  }
};

}  // namespace

bool GemmShape::padded() const {
  const auto outside = [](int grid, int stride, int tapCount, int dilation, int pad, int extent) {
    return pad > 0 || (grid - 1) * stride + (tapCount - 1) * dilation - pad >= extent;
  };
  return outside(gridHeight, strideY, tapsY, dilationY, padY, height) ||
         outside(gridWidth, strideX, tapsX, dilationX, padX, width);
}

std::string whyNoGemm(const OpView& op) {
  const bool residual = op.has(kResidualInput);
  if (!floating(op.inputs[0]) || !floating(op.outputs[0]) ||
      (residual && !floating(op.inputs[kResidualInput])))
    return "it computes in floating point only";
  if (!op.inputs[1].constant || !floating(op.inputs[1])) return "weights must be a floating-point constant";
  if (op.inputs[0].layout.block != 1 || op.outputs[0].layout.block != 1 ||
      (residual && op.inputs[kResidualInput].layout.block != 1))
    return "activations must be planar";
  if (const auto why = whyNoEpilogue(op); !why.empty()) return why;
  const Window w = windowOf(op);
  if (w.in[0] != 1 || w.kernel[0] != 1 || w.out[0] != 1) return "it has no third spatial extent";
  for (const int axis : {1, 2}) {
    if (w.kernel[axis] > kMaxTaps) return "more than 31 taps along an axis";
    if (traitsOf(op.op).transposed() && w.stride[axis] > 1 && w.dilation[axis] > 1)
      return "phases of a dilated deconvolution do not share taps";
  }
  const GemmShape shape = gemmShape(op);
  if (shape.groups > 1 && shape.rows < 4) return "groups of fewer than 4 rows waste a tile";
  // Kernels index with 32-bit integers; tiles round rows and depth up.
  const double limit = std::numeric_limits<int>::max();
  const double weights = 1.0 * shape.groups * (shape.rows + 256) * (shape.channels + 64) * shape.taps();
  for (const auto* t : {&op.inputs[0], &op.outputs[0]})
    if (static_cast<double>(t->batchStride()) * shape.batch + static_cast<double>(t->layout.offset) > limit)
      return "more elements than 32 bits index";
  if (weights > limit || shape.operations() / (2.0 * shape.channels * shape.taps()) > limit)
    return "more elements than 32 bits index";
  return {};
}

GemmShape gemmShape(const OpView& op) {
  const Window w = windowOf(op);
  GemmShape s;
  s.batch = static_cast<int>(w.batch);
  s.groups = static_cast<int>(w.group);
  s.channels = static_cast<int>(w.groupChannels());
  s.height = static_cast<int>(w.in[1]);
  s.width = static_cast<int>(w.in[2]);
  s.outHeight = static_cast<int>(w.out[1]);
  s.outWidth = static_cast<int>(w.out[2]);
  if (traitsOf(op.op).transposed()) {
    const PhaseAxis y(w, 1), x(w, 2);
    s.rows = static_cast<int>(w.groupOutputs()) * y.phases * x.phases;
    s.gridHeight = y.grid, s.gridWidth = x.grid;
    s.tapsY = y.taps, s.tapsX = x.taps;
    s.dilationY = y.dilation, s.dilationX = x.dilation;
    s.padY = y.pad, s.padX = x.pad;
    s.phasesY = y.phases, s.phasesX = x.phases;
    s.originY = y.origin, s.originX = x.origin;
    return s;
  }
  s.rows = static_cast<int>(w.groupOutputs());
  s.gridHeight = s.outHeight, s.gridWidth = s.outWidth;
  s.tapsY = static_cast<int>(w.kernel[1]), s.tapsX = static_cast<int>(w.kernel[2]);
  s.strideY = static_cast<int>(w.stride[1]), s.strideX = static_cast<int>(w.stride[2]);
  s.dilationY = static_cast<int>(w.dilation[1]), s.dilationX = static_cast<int>(w.dilation[2]);
  s.padY = static_cast<int>(w.padBegin[1]), s.padX = static_cast<int>(w.padBegin[2]);
  return s;
}

GemmWeights::GemmWeights(const OpView& op)
    : shape_(gemmShape(op)), deconvolution_(traitsOf(op.op).transposed()) {
  const Window w = windowOf(op);
  height_ = w.kernel[1], width_ = w.kernel[2], outputs_ = w.groupOutputs();
}

std::int64_t GemmWeights::index(std::int64_t group, std::int64_t row, std::int64_t channel, int tap) const {
  const int ty = tap / shape_.tapsX, tx = tap % shape_.tapsX;
  if (!deconvolution_)
    return (((group * shape_.rows + row) * shape_.channels + channel) * height_ + ty) * width_ + tx;
  const std::int64_t phases = shape_.phasesY * shape_.phasesX, output = row / phases, phase = row % phases;
  const std::int64_t ky = (shape_.tapsY - 1 - ty) * shape_.phasesY + phase / shape_.phasesX;
  const std::int64_t kx = (shape_.tapsX - 1 - tx) * shape_.phasesX + phase % shape_.phasesX;
  if (ky >= height_ || kx >= width_) return -1;  // a phase with fewer taps than others
  return (((group * shape_.channels + channel) * outputs_ + output) * height_ + ky) * width_ + kx;
}

void addGeometryDefines(Defines& defines, const GemmShape& s) {
  const auto add = [&](const char* name, std::int64_t value) {
    defines.emplace_back(name, value < 0 ? "(" + std::to_string(value) + ")" : std::to_string(value));
  };
  add("P_C", s.channels), add("P_H", s.height), add("P_W", s.width);
  add("P_ROWS", s.rows), add("P_GROUPS", s.groups), add("P_PIXELS", s.pixels());
  add("P_QH", s.gridHeight), add("P_QW", s.gridWidth);
  add("P_KH", s.tapsY), add("P_KW", s.tapsX), add("P_SY", s.strideY), add("P_SX", s.strideX);
  add("P_DY", s.dilationY), add("P_DX", s.dilationX), add("P_PY", s.padY), add("P_PX", s.padX);
  add("P_CHECK", s.padded());
  add("P_UY", s.phasesY), add("P_UX", s.phasesX), add("P_OY", s.originY), add("P_OX", s.originX);
  add("P_OH", s.outHeight), add("P_OW", s.outWidth);
}

void addWindowDefines(Defines& defines, const OpView& op, const GemmShape& s) {
  addGeometryDefines(defines, s);
  addTypeDefines(defines, op);
  addEpilogueDefines(defines, op);
}

void addPlace(std::vector<KernelArg>& args, const TensorDesc& t) {
  args.push_back(KernelArg::ofInt(t.layout.offset));
  args.push_back(KernelArg::ofInt(t.present() ? t.batchStride() : 0));
}

void addWindowArgs(std::vector<KernelArg>& args, const OpView& op) {
  addEpilogueArgs(args, op);
  args.push_back(KernelArg::output(0));
  addPlace(args, op.inputs[0]);
  addPlace(args, op.outputs[0]);
  addPlace(args, op.has(kResidualInput) ? op.inputs[kResidualInput] : TensorDesc{});
}

double efficiencyFor(const GemmShape& shape, double seconds, const DeviceCaps& device) {
  return std::clamp(shape.operations() / (seconds * kGpuOperationsPerUnit * device.computeUnits), 1e-3, 0.9);
}

PackedConstant packGemmWeights(const OpView& op, int tileRows, int depth, bool flat) {
  const std::string name = "gemm " + op.op + " " + op.attrs.text() + " rows " + std::to_string(tileRows) +
                           " depth " + std::to_string(depth) + (flat ? " flat" : "");
  const auto pack = [op, tileRows, depth, flat](const std::vector<const HostTensor*>& inputs) {
    const GemmShape shape = gemmShape(op);
    const GemmWeights reader(op);
    const auto values = inputs.at(1)->as<float>();
    HostTensor packed(DataType::Float32,
                      {shape.groups, shape.tiles(depth, flat) * depth, roundUp(shape.rows, tileRows)});
    const auto out = packed.as<float>();
    forPackedWeights(shape, tileRows, depth, flat,
                     [&](std::int64_t group, std::int64_t row, std::int64_t c, int tap, std::int64_t at) {
                       if (const auto i = reader.index(group, row, c, tap); i >= 0) out[at] = values[i];
                     });
    return packed;
  };
  return inStorage(op.inputs[1].type, {name, pack});
}

PackedConstant packGemmTable(const OpView& op, int depth) {
  const std::string name = "gemm table " + op.text() + " depth " + std::to_string(depth);
  return {name, [op, depth](const std::vector<const HostTensor*>&) {
            const GemmShape shape = gemmShape(op);
            const int length = shape.tiles(depth, true) * depth;
            HostTensor table(DataType::Int32, {length, 2});
            auto out = table.as<std::int32_t>();
            for (int k = 0; k < length; ++k) {
              const int c = k / shape.taps(), tap = k % shape.taps(), ty = tap / shape.tapsX,
                        tx = tap % shape.tapsX;
              const bool real = c < shape.channels;
              out[2 * k] =
                  real ? (c * shape.height + ty * shape.dilationY) * shape.width + tx * shape.dilationX : 0;
              out[2 * k + 1] = real ? ty | tx << 5 : kMaxTaps;
            }
            return table;
          }};
}

}  // namespace tessera
