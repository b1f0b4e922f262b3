// Which steps of a network may run side by side.
#include <algorithm>

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

  std::vector<Access> of(const Step& step) const {
    std::vector<Access> all;
    for (const int value : step.inputs) add(all, value, false);
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

}  // namespace

std::vector<std::vector<int>> phasesOf(const Lowered& lowered) {
  const Accesses accesses(lowered);
  std::vector<std::vector<Access>> all;
  std::vector<std::vector<int>> phases;
  for (const Step& step : lowered.steps) {
    const std::vector<Access> own = accesses.of(step);
    int first = 0;
    for (std::size_t before = 0; before < all.size(); ++before) {
      if (phases[before].empty() || phases[before].back() < first) continue;
      const bool waits = std::ranges::any_of(own, [&](const Access& a) {
        return std::ranges::any_of(all[before], [&](const Access& b) { return conflict(a, b); });
      });
      if (waits) first = phases[before].back() + 1;
    }
    auto& its = phases.emplace_back();
    for (std::size_t call = 0; call < step.launch.calls.size(); ++call)
      its.push_back(first + static_cast<int>(call));
    all.push_back(own);
  }
  return phases;
}

}  // namespace tessera
