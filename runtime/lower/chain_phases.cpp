// Which steps of a network may run side by side.
#include <algorithm>

#include "clkernels/common/epilogue.hpp"
#include "clkernels/common/in_chains.hpp"
#include "lower/chain.hpp"

namespace tessera {
namespace {

// What a step does to memory, in bytes.
struct Access {
  bool arena = false;
  int memory = -1;  // slot, or storage where it has a buffer of its own
  int storage = -1;
  std::size_t begin = 0, end = 0;                  // of the storage within the memory
  std::int64_t first = 0, length = 0, stride = 0;  // of the value within the storage; stride 0: all of it
  bool writes = false;
};

bool overlap(std::int64_t a, std::int64_t aLength, std::int64_t b, std::int64_t bLength) {
  return a < b + bLength && b < a + aLength;
}

// Slices of one storage whose items do not touch each other.
bool apart(const Access& a, const Access& b) {
  if (a.storage != b.storage || a.stride == 0 || a.stride != b.stride) return false;
  return a.first + a.length <= a.stride && b.first + b.length <= b.stride &&
         !overlap(a.first, a.length, b.first, b.length);
}

bool conflict(const Access& a, const Access& b) {
  if (!(a.writes || b.writes) || a.arena != b.arena || a.memory != b.memory) return false;
  return a.begin < b.end && b.begin < a.end && !apart(a, b);
}

class Accesses {
 public:
  explicit Accesses(const Lowered& lowered) : lowered_(lowered) {}

  // `without`: an input that does not count; -1: all do.
  std::vector<Access> of(const Step& step, int without = -1) const {
    std::vector<Access> all;
    for (int i = 0; i < std::ssize(step.inputs); ++i)
      if (i != without) add(all, step.inputs[i], false);
    for (const int value : step.outputs) add(all, value, true);
    for (const int storage : step.scratch) all.push_back(whole(storage, true));
    return all;
  }

 private:
  Access whole(int id, bool writes) const {
    const Storage& s = lowered_.storages[id];
    Access access;
    access.storage = id, access.writes = writes, access.end = std::max<std::size_t>(s.bytes, 1);
    if (s.kind != Storage::Kind::Arena) {
      access.memory = -2 - id;
    } else if (s.slot >= 0) {
      access.memory = s.slot;
    } else {
      access.arena = true;
      access.begin = s.arenaOffset, access.end += s.arenaOffset;
    }
    return access;
  }
  void add(std::vector<Access>& all, int value, bool writes) const {
    if (value < 0) return;
    const Value& v = lowered_.values[value];
    if (lowered_.storages[v.storage].kind == Storage::Kind::Constant) return;
    Access access = whole(v.storage, writes);
    const auto bytes = static_cast<std::int64_t>(byteSize(v.desc.type));
    access.first = v.desc.layout.offset * bytes;
    access.length = v.desc.itemElements() * bytes;
    access.stride = v.desc.batchStride() * bytes;
    all.push_back(access);
  }

  const Lowered& lowered_;
};

// Whether b adds the result of a, and its items those numbers that they wrote there.
bool addsBehind(const Step& a, const Step& b) {
  if (a.family != b.family || !addsInPlace(*b.family) || !(a.tactic == b.tactic)) return false;
  const auto residual = static_cast<std::size_t>(kResidualInput);
  if (b.inputs.size() <= residual || a.outputs.size() != 1 || b.inputs[residual] != a.outputs[0])
    return false;
  for (const Step* step : {&a, &b})
    if (step->launch.calls.size() != 1 || step->launch.counters || !step->scratch.empty()) return false;
  const KernelCall &first = a.launch.calls[0], &second = b.launch.calls[0];
  return first.global == second.global && first.local == second.local &&
         a.view.outputs[0].shape == b.view.outputs[0].shape;
}

}  // namespace

std::vector<StepPhases> phasesOf(const Lowered& lowered, const SameGroups& sameGroups) {
  const Accesses accesses(lowered);
  std::vector<std::vector<Access>> all;
  std::vector<StepPhases> phases;
  for (const Step& step : lowered.steps) {
    const std::vector<Access> own = accesses.of(step), others = accesses.of(step, kResidualInput);
    const auto index = static_cast<int>(phases.size());
    int first = 0, behind = -1;
    for (std::size_t before = 0; before < all.size(); ++before) {
      const auto& its = phases[before].calls;
      if (its.empty() || its.back() < first) continue;
      const Step& other = lowered.steps[before];
      const bool adds =
          addsBehind(other, step) && (!sameGroups || sameGroups(static_cast<int>(before), index));
      const auto& counts = adds ? others : own;
      const bool waits = std::ranges::any_of(counts, [&](const Access& a) {
        return std::ranges::any_of(all[before], [&](const Access& b) { return conflict(a, b); });
      });
      if (waits)
        first = its.back() + 1;
      else if (adds)
        first = its.back(), behind = static_cast<int>(before);
    }
    if (behind >= 0 && phases[behind].calls.back() != first) behind = -1;
    StepPhases& its = phases.emplace_back();
    for (std::size_t call = 0; call < step.launch.calls.size(); ++call)
      its.calls.push_back(first + static_cast<int>(call));
    its.behind = behind;
    all.push_back(own);
  }
  return phases;
}

}  // namespace tessera
