// Tactics of conv_winograd.
#include <algorithm>
#include <limits>

#include "clkernels/common/finish.hpp"
#include "clkernels/common/registers.hpp"
#include "clkernels/conv_winograd/winograd.hpp"

namespace tessera {
namespace {

const std::vector<int> kSizes{2, 4};
const std::vector<int> kTileWidths{4, 6, 7, 8, 9, 10, 12, 14, 20, 24, 28};
const std::vector<int> kGroups{1, 2, 3, 4, 6, 8};
const std::vector<int> kParts{1, 2, 4, 8};

bool fitsRegisters(const WinogradTactic& t, const DeviceCaps& device) {
  return t.tx * t.tk + t.tk <= VectorRegisters(device).most();
}

std::size_t localBytes(const WinogradWork& work, const WinogradTactic& t) {
  return winogradInputBytes(work, t) + winogradProductBytes(t);
}

std::int64_t workItems(const Window& w, const WinogradTactic& t) {
  return ceilDiv(WinogradTiles(w, t.m).count(), t.tiles()) * t.parts * w.batch;
}

}  // namespace

WinogradTiles::WinogradTiles(const Window& w, int m) {
  phasesY = std::min(w.dilation[1], w.out[1]), phasesX = std::min(w.dilation[2], w.out[2]);
  tilesY = ceilDiv(ceilDiv(w.out[1], w.dilation[1]), m),
  tilesX = ceilDiv(ceilDiv(w.out[2], w.dilation[2]), m);
}

Verdict winogradApplies(const OpView& op, const DeviceCaps& device, bool codes) {
  if (op.attrs.integer("exact_sums")) return Verdict::no("its sums of integers have to be exact");
  if (const Verdict verdict = finishApplies(op, device, codes); !verdict) return verdict;
  if (op.inputs[0].type == DataType::Float16)
    return Verdict::no("transformed weights do not fit half, and in f32 take more memory than half saves");
  if (const auto why = whyNoWinograd(windowOf(op)); !why.empty()) return Verdict::no(why);
  return Verdict::yes();
}

std::string whyNoWinograd(const Window& w) {
  if (w.rank != 2 || w.kernel[1] != 3) return "the window is not three rows high";
  if (w.stride[1] != 1 || w.stride[2] != 1) return "the stride is not 1";
  return w.group != 1 ? "it has groups" : "";
}

bool winogradGains(const Window& w) {
  constexpr std::int64_t kLeastPixels = 24 * 24, kLeastChannels = 12;
  const std::int64_t pixels = w.out[1] * w.out[2];
  return pixels >= kLeastPixels && w.channels >= kLeastChannels && w.outChannels >= kLeastChannels &&
         WinogradTiles(w, 4).count() * 16 <= pixels * 3 / 2;
}

Cost winogradCost(Cost cost, const OpView& op, double share, double steps) {
  const Window w = windowOf(op);
  cost.operations = 2.0 * static_cast<double>(op.outputs[0].size() * w.channels * w.kernelVolume());
  cost.efficiency = share * cost.operations / (32.0 * steps * static_cast<double>(w.batch));
  return cost;
}

OpInstance winogradSample(Shape x, Shape weights, Attributes attrs, bool residual) {
  return convolutionSample(std::move(x), std::move(weights), std::move(attrs), true, residual);
}

std::size_t winogradInputBytes(const WinogradWork& work, const WinogradTactic& t) {
  return static_cast<std::size_t>(t.elements() * work.channelBlocks() * t.tiles() * 16 * work.valueBytes());
}

std::size_t winogradProductBytes(const WinogradTactic& t) {
  return static_cast<std::size_t>(t.elements() * t.tk * t.tiles() * 16 * 4);
}

TacticSpace winogradSpace(const WinogradWork& work, const DeviceCaps& device) {
  const Window& w = work.window;
  const std::int64_t kBlocks = ceilDiv(w.outChannels, 16);
  TacticSpace space;
  space.parameters = {
      {"M", kSizes}, {"TX", kTileWidths}, {"TK", {1, 2, 3, 4}}, {"GROUPS", kGroups}, {"PARTS", kParts}};
  const auto typed = [](const Tactic& t) { return fromTactic<WinogradTactic>(t); };
  space.constraints = {
      {"a register tile has more channels than the output",
       [=](const Tactic& t) { return typed(t).tk <= kBlocks; }},
      {"accumulators and weights do not fit the vector registers",
       [=](const Tactic& t) { return fitsRegisters(typed(t), device); }},
      {"the transformed tiles do not fit local memory",
       [=, bytes = device.localMemory](const Tactic& t) { return localBytes(work, typed(t)) <= bytes; }},
      {"a work-item has more tiles than there are",
       [=](const Tactic& t) {
         return typed(t).tiles() < WinogradTiles(work.window, typed(t).m).count() + typed(t).tx;
       }},
      {"there are more parts than channel tiles",
       [=](const Tactic& t) { return typed(t).parts <= work.channelTiles(typed(t).tk); }},
  };
  return space;
}

double winogradSteps(const WinogradWork& work, const WinogradTactic& t, const DeviceCaps& device) {
  const Window& w = work.window;
  const double tiles = static_cast<double>(ceilDiv(WinogradTiles(w, t.m).count(), t.tx) * t.tx);
  const double elements = static_cast<double>(t.elements()), side = static_cast<double>(t.side());
  // As in conv_direct: every step has loads and a loop to pay for.
  // Without VNNI products of pairs are followed by additions, which keep them from overlapping as well
  // (measured).
  const double busy = (work.codes && device.dot4 != Dot4Body::Vnni ? 1.35 : 1.0) *
                          VectorRegisters(device).step(t.tx * t.tk, t.tk) +
                      0.3 * t.tk + 0.1 * t.tx + 0.8;
  const double steps = static_cast<double>(ceilDiv(w.channels, work.stepChannels()));
  const double products = tiles / t.tx * elements * static_cast<double>(work.channelTiles(t.tk)) *
                          (steps * busy + 2 * t.tx * t.tk);
  // A transform loads, stores, and takes about as many operations for each of two passes.
  const double input =
      tiles * static_cast<double>(work.channelBlocks()) * t.parts * (2 * elements + 2 * side * 2 * side);
  const double output = tiles * static_cast<double>(ceilDiv(w.outChannels, 16)) *
                        (elements + (side + t.m) * 2 * side + 2.0 * t.m * t.m);
  return products + input + output;
}

WinogradTactic winogradFallback(const WinogradWork& work, const DeviceCaps& device) {
  const Window& w = work.window;
  WinogradTactic best;
  double least = std::numeric_limits<double>::max();
  const TacticSpace space = winogradSpace(work, device);
  for (const int m : kSizes)
    for (const int tk : {1, 2, 3, 4})
      for (const int tx : kTileWidths) {
        const WinogradTactic t{m, tx, tk, 1, 1};
        const double needed = winogradSteps(work, t, device);
        if (needed >= least || !space.contains(toTactic(t))) continue;
        least = needed;
        best = t;
      }
  // Enough work-items for every core; then as many tiles as share a pass over the weights in half of local
  // memory.
  const std::int64_t wanted = 2 * std::max(device.computeUnits, 1);
  const auto grown = [&](int WinogradTactic::*member, int value) {
    WinogradTactic t = best;
    t.*member = value;
    return t;
  };
  for (const int parts : kParts)
    if (workItems(w, best) < wanted && space.contains(toTactic(grown(&WinogradTactic::parts, parts))))
      best.parts = parts;
  for (const int groups : kGroups) {
    const WinogradTactic t = grown(&WinogradTactic::groups, groups);
    if (space.contains(toTactic(t)) && workItems(w, t) >= 4 * wanted &&
        localBytes(work, t) * 2 <= device.localMemory)
      best = t;
  }
  return best;
}

}  // namespace tessera
