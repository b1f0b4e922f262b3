// pad: Pad with constants, reflection, edges or wrapping; blocked layouts where channels are not padded.
#include <cstring>

#include "clkernels/common/strided.hpp"

namespace tessera {
namespace {

struct PadLoop {
  std::int64_t extent, source, begin, x, y;
};

/// Loops, outermost first; neighbours that are not padded are merged.
std::vector<PadLoop> padLoops(const OpView& op) {
  const TensorDesc &x = op.inputs[0], &y = op.outputs[0];
  const auto pads = op.attrs.integers("pads");
  const auto xs = planarStrides(x), ys = planarStrides(y);
  const std::int64_t block = y.layout.block;
  std::vector<PadLoop> loops;
  const auto add = [&](PadLoop loop) {
    if (loop.extent == 1 && loop.source == 1) return;
    const bool free = loop.begin == 0 && loop.extent == loop.source;
    if (!loops.empty() && free) {
      PadLoop& outer = loops.back();
      if (outer.begin == 0 && outer.extent == outer.source && outer.x == loop.x * loop.extent &&
          outer.y == loop.y * loop.extent) {
        outer = {outer.extent * loop.extent, outer.extent * loop.extent, 0, loop.x, loop.y};
        return;
      }
    }
    loops.push_back(loop);
  };
  for (std::size_t d = 0; d < x.shape.size(); ++d) {
    PadLoop loop{y.shape[d], x.shape[d], pads[d], xs[d], ys[d]};
    if (block > 1 && d == 1)
      loop = {ceilDiv(y.shape[1], block), ceilDiv(x.shape[1], block), 0, planeSize(x) * block,
              planeSize(y) * block};
    else if (block > 1 && d > 1)
      loop.x *= block, loop.y *= block;
    add(loop);
  }
  if (block > 1) add({block, block, 0, 1, 1});
  while (loops.size() < 2) loops.insert(loops.begin(), {1, 1, 0, 0, 0});
  return loops;
}

int modeNumber(const std::string& mode) {
  return mode == "constant" ? 0 : mode == "reflect" ? 1 : mode == "edge" ? 2 : 3;
}

/// The bits of the padding value as an element.
std::string valueBits(const OpView& op) {
  HostTensor value(op.outputs[0].type, {});
  value.setNumber(0, op.attrs.number("value"));
  std::uint64_t bits = 0;
  std::memcpy(&bits, value.data.data(), value.data.size());
  return std::to_string(bits) + "UL";
}

class Pad final : public KernelFamily {
 public:
  FamilyId id() const override { return {"pad", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (const Verdict same = sameBlock(op); !same) return same;
    if (op.outputs[0].layout.block > 1) {
      const auto pads = op.attrs.integers("pads");
      const std::size_t rank = op.inputs[0].shape.size();
      if (pads[1] || pads[rank + 1]) return Verdict::no("it does not pad channels in blocks");
      if (op.attrs.number("value") != 0 && op.inputs[0].shape[1] % op.outputs[0].layout.block)
        return Verdict::no("padding lanes would take the padding value");
    }
    if (padLoops(op).size() > 8) return Verdict::no("it takes eight loops at most");
    return Verdict::yes();
  }
  int channelBlock(const OpView&, const DeviceCaps&) const override { return 0; }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    auto loops = padLoops(p);
    std::reverse(loops.begin(), loops.end());
    KernelCall call{"pad/pad.cl", "pad"};
    call.defines.emplace_back("P_TYPE", rawType(p.outputs[0].type));
    addDefine(call.defines, "P_RANK", static_cast<std::int64_t>(loops.size()));
    addDefine(call.defines, "P_MODE", modeNumber(p.attrs.string("mode", "constant")));
    call.defines.emplace_back("P_VALUE", valueBits(p));
    call.args = {KernelArg::input(0), KernelArg::output(0), KernelArg::ofInt(p.inputs[0].layout.offset),
                 KernelArg::ofInt(p.outputs[0].layout.offset)};
    for (const auto member : {&PadLoop::extent, &PadLoop::source, &PadLoop::begin, &PadLoop::x, &PadLoop::y})
      for (std::size_t d = 0; d < 8; ++d)
        call.args.push_back(KernelArg::ofInt(d < loops.size() ? loops[d].*member : 1));
    std::int64_t outer = 1;
    for (std::size_t d = 2; d < loops.size(); ++d) outer *= loops[d].extent;
    setGrid(call, loops[0].extent, loops[1].extent, outer, device);
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_pad(FamilyList& list) { list.add<Pad>({"Pad"}); }

}  // namespace tessera
