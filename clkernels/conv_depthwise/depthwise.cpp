#include "clkernels/conv_depthwise/depthwise.hpp"

namespace tessera {
namespace {

const std::vector<int> kWidths{1, 2, 4, 7, 8, 14, 16};

}  // namespace

TacticSpace depthwiseSpace(const Window& w) {
  TacticSpace space;
  std::vector<int> rows;
  for (int r = 1; r < 2 * w.out[1] && r <= 64; r *= 2) rows.push_back(r);
  space.parameters = {{"TX", kWidths}, {"ROWS", rows}};
  space.constraints = {
      {"a tile is wider than a row of the output", [w](const Tactic& t) { return t.get("TX") <= w.out[2]; }}};
  return space;
}

DepthwiseTactic depthwiseFallback(const Window& w, const DeviceCaps& device) {
  DepthwiseTactic best{.tx = 1};
  double least = 0;
  for (const int tx : kWidths) {
    const double time = static_cast<double>(ceilDiv(w.out[2], tx)) * (tx + 3);
    if (tx > w.out[2] || (least > 0 && time >= least)) continue;
    least = time;
    best.tx = tx;
  }
  const std::int64_t items = ceilDiv(w.channels, 16) * w.batch * w.out[1];
  while (best.rows < 64 && best.rows < w.out[1] && best.rows * 32 * device.computeUnits < items)
    best.rows *= 2;
  return best;
}

void setDepthwiseTile(KernelCall& call, const Window& w, const DepthwiseTactic& t) {
  call.defines = {{"T_TX", std::to_string(t.tx)}, {"P_STEP", std::to_string(w.stride[2])}};
  call.global = {static_cast<std::size_t>(ceilDiv(w.out[1], t.rows)),
                 static_cast<std::size_t>(ceilDiv(w.channels, 16)), static_cast<std::size_t>(w.batch)};
  call.local = {1, 1, 1};
}

void addDepthwiseArgs(std::vector<KernelArg>& args, const Window& w, const DepthwiseTactic& t) {
  for (const std::int64_t value :
       {w.channels, w.in[1], w.in[2], w.out[1], w.out[2], w.kernel[1], w.kernel[2], w.stride[1],
        w.dilation[1], w.dilation[2], w.padBegin[1], w.padBegin[2], std::int64_t{t.rows}})
    args.push_back(KernelArg::ofInt(value));
}

Cost depthwiseCost(const Problem& p, Cost operands) {
  operands.operations = 2.0 * static_cast<double>(p.outputs[0].size() * windowOf(p).kernelVolume());
  operands.efficiency = 0.4;
  return operands;
}

}  // namespace tessera
