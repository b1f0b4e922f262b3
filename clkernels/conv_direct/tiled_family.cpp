// What the families share whose kernels are made of register tiles.
#include "clkernels/common/image.hpp"
#include "clkernels/conv_direct/tile.hpp"

namespace tessera {
Verdict TiledFamily::applies(const OpView& op, const DeviceCaps& device) const {
  if (const Verdict verdict = finishApplies(op, device, codes_); !verdict) return verdict;
  if (const Verdict verdict = inBlocksOf16(op, true, codes_); !verdict) return verdict;
  const TileShape s = shape(op, device);
  const Window& w = s.window;
  if (w.group > 1 && w.groupOutputs() % 16) return Verdict::no("a group's output is not whole blocks");
  if (w.group > 1 && w.groupChannels() % op.inputs[0].layout.block)
    return Verdict::no("a group's input is not whole blocks");
  if (const auto why = whyNoPatch(s.work); !why.empty()) return Verdict::no(why);
  return Verdict::yes();
}

Launch TiledFamily::plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const {
  const auto t = fromTactic<TileTactic>(tactic);
  const TileShape s = shape(p, device);
  const Window& w = s.window;
  const TileRegions regions = tileRegions(s.work, t);
  const std::size_t scratch = tileScratch(s.work, t);
  Launch launch;
  launch.packed = packTileWeights(w, s.work, t.tk, s.order);
  KernelCall call{.source = kernel_ + "/" + kernel_ + ".cl", .entry = kernel_};
  call.defines = {{"T_TX", std::to_string(t.tx)},
                  {"T_TK", std::to_string(t.tk)},
                  {"P_BLOCK", std::to_string(p.inputs[0].layout.block)},
                  {"P_STEP", std::to_string(s.step)},
                  {"P_PATCH", std::to_string(privatePatch(s.work, t))},
                  {"P_PLANAR", p.outputs[0].layout.block == 1 ? "1" : "0"},
                  {"D_PREFETCH", device.pocl ? "1" : "0"}};
  if (codes_) {
    addDefine(call.defines, "P_LANES", s.work.lanes);
    addDefine(call.defines, "P_POSITIVE", s.work.positive);
  }
  addFinishDefines(call.defines, p, device, !codes_ && streamsOutput(p.outputs[0], device));
  setItems(call, {regions.count, w.group * ceilDiv(s.work.kBlocks, t.tk), w.batch});
  call.args = {KernelArg::input(0)};
  for (std::size_t i = 0; i < launch.packed.size(); ++i)
    call.args.push_back(KernelArg::packed(static_cast<int>(i)));
  addFinishArgs(launch, call.args, p);
  call.args.push_back(KernelArg::output(0));
  if (scratch) launch.scratch = {scratch};
  call.args.push_back(scratch ? KernelArg::scratch(0) : KernelArg::none());
  addPlaces(call.args, p);
  std::vector<std::int64_t> values{
      w.groupChannels(), s.h, s.w, w.outChannels, s.work.kBlocks, s.oh, s.ow, w.kernel[1], w.kernel[2]};
  values.insert(values.end(), s.further.begin(), s.further.end());
  values.insert(values.end(), {regions.rows, regions.columns, t.panel ? t.panel : s.work.inputBlocks()});
  addInts(call.args, values);
  launch.calls = {call};
  return launch;
}

Cost TiledFamily::cost(const Problem& p, const DeviceCaps& device) const {
  const TileShape s = shape(p, device);
  const std::int64_t K = s.window.groupOutputs();
  Cost cost = KernelFamily::cost(p, device);
  cost.operations = s.operations;
  cost.efficiency =
      tileEfficiency(s.work, static_cast<double>(K) / static_cast<double>(roundUp(K, 16)), device);
  // Measured with many planar channels: a loop per tap for each of them.
  if (s.work.block == 1 && s.work.channels >= 8) cost.efficiency /= 1.4;
  // Planes take a store per value: dearer than blocks, cheaper than changing the layout afterwards.
  if (p.outputs[0].layout.block == 1) cost.bytes += 2.0 * static_cast<double>(p.outputs[0].bytes());
  return cost;
}

std::int64_t TiledFamily::packedChannels(const Problem& p, const Tactic& tactic,
                                         const DeviceCaps& device) const {
  const TileWork work = shape(p, device).work;
  const int tk = fromTactic<TileTactic>(tactic).tk;
  return work.groups * ceilDiv(work.kBlocks, tk) * tk * 16;
}

double TiledFamily::expected(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const {
  return tileSteps(shape(p, device).work, fromTactic<TileTactic>(tactic), device);
}

void TiledFamily::addPlanarOutput(std::vector<BlockChoice>& choices, const OpView& op,
                                  BlockChoice like) const {
  if (!codes_ || op.outputs[0].type != DataType::Float32 || op.has(kResidualInput)) return;
  like.outputs[0] = 1;
  choices.push_back(std::move(like));
}

}  // namespace tessera
