// Arena offsets by lifetime: largest storage first, at the lowest offset free during its life.
#include <algorithm>

#include "graph/amount.hpp"
#include "lower/step.hpp"

namespace tessera {
namespace {

bool aliveTogether(const Storage& a, const Storage& b) {
  return a.firstStep <= b.lastStep && b.firstStep <= a.lastStep;
}

// First and last step of every storage.
void findLifetimes(Lowered& lowered) {
  for (auto& storage : lowered.storages) storage.firstStep = storage.lastStep = -1;
  const auto touch = [&](int storageId, int step) {
    Storage& storage = lowered.storages[storageId];
    if (storage.firstStep < 0) storage.firstStep = step;
    storage.lastStep = step;
  };
  for (std::size_t i = 0; i < lowered.steps.size(); ++i) {
    const Step& step = lowered.steps[i];
    for (const auto* ids : {&step.inputs, &step.outputs})
      for (const int value : *ids)
        if (value >= 0) touch(lowered.values[value].storage, static_cast<int>(i));
    for (const int storage : step.scratch) touch(storage, static_cast<int>(i));
  }
}

// The most that values, which are no scratch, take at one time.
std::size_t mostAlive(const Lowered& lowered) {
  std::vector<bool> scratch(lowered.storages.size());
  for (const Step& step : lowered.steps)
    for (const int storage : step.scratch) scratch[storage] = true;
  // Of each step, what begins there more than what has ended before.
  std::vector<std::int64_t> change(lowered.steps.size() + 1);
  for (std::size_t i = 0; i < lowered.storages.size(); ++i) {
    const Storage& s = lowered.storages[i];
    if (scratch[i] || s.kind != Storage::Kind::Arena || s.firstStep < 0) continue;
    change[s.firstStep] += static_cast<std::int64_t>(s.bytes);
    change[s.lastStep + 1] -= static_cast<std::int64_t>(s.bytes);
  }
  std::int64_t alive = 0, most = 0;
  for (const std::int64_t c : change) most = std::max(most, alive += c);
  return static_cast<std::size_t>(most);
}

// What lives in the arena, the largest first.
std::vector<int> largestFirst(const Lowered& lowered) {
  std::vector<int> order;
  for (std::size_t i = 0; i < lowered.storages.size(); ++i)
    if (lowered.storages[i].kind == Storage::Kind::Arena && lowered.storages[i].firstStep >= 0)
      order.push_back(static_cast<int>(i));
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return lowered.storages[a].bytes > lowered.storages[b].bytes; });
  return order;
}

std::size_t rounded(std::size_t bytes, std::size_t align) {
  return (std::max<std::size_t>(bytes, 1) + align - 1) / align * align;
}

// A buffer for each slot, for devices without sub-buffers. The first storage of a slot decides its size.
void assignSlots(Lowered& lowered, const std::vector<int>& order, std::size_t align) {
  std::vector<std::vector<int>> members;
  for (const int id : order) {
    Storage& storage = lowered.storages[id];
    const auto free = std::find_if(members.begin(), members.end(), [&](const std::vector<int>& slot) {
      return std::none_of(slot.begin(), slot.end(),
                          [&](int other) { return aliveTogether(lowered.storages[other], storage); });
    });
    storage.slot = static_cast<int>(free - members.begin());
    if (free == members.end()) {
      members.emplace_back();
      lowered.slotBytes.push_back(storage.bytes);
    }
    members[storage.slot].push_back(id);
  }
  for (const std::size_t bytes : lowered.slotBytes) lowered.arenaBytes += rounded(bytes, align);
}

// Offsets in one buffer: each storage at the lowest that is free during its life.
void assignOffsets(Lowered& lowered, const std::vector<int>& order, std::size_t align) {
  std::vector<int> placed;
  for (const int id : order) {
    Storage& storage = lowered.storages[id];
    std::vector<std::pair<std::size_t, std::size_t>> taken;  // begin, end of what lives at the same time
    for (const int other : placed) {
      const Storage& o = lowered.storages[other];
      if (aliveTogether(o, storage))
        taken.emplace_back(o.arenaOffset, o.arenaOffset + rounded(o.bytes, align));
    }
    std::sort(taken.begin(), taken.end());
    std::size_t at = 0;
    for (const auto& [begin, end] : taken) {
      if (at + rounded(storage.bytes, align) <= begin) break;
      at = std::max(at, end);
    }
    storage.arenaOffset = at;
    lowered.arenaBytes = std::max(lowered.arenaBytes, at + rounded(storage.bytes, align));
    placed.push_back(id);
  }
}

}  // namespace

void planMemory(Lowered& lowered, const DeviceCaps& device) {
  findLifetimes(lowered);
  lowered.activationBytes = mostAlive(lowered);
  const std::vector<int> order = largestFirst(lowered);
  const std::size_t align = std::max<std::size_t>(device.addressAlign, 64);
  lowered.arenaBytes = 0;
  if (!device.subBuffers) return assignSlots(lowered, order, align);
  assignOffsets(lowered, order, align);
  if (device.maxAllocation && lowered.arenaBytes > device.maxAllocation)
    throw Error(ErrorCode::OutOfMemory, "the activations need " +
                                            byteAmount(static_cast<double>(lowered.arenaBytes)) +
                                            " in one buffer, " + device.name + " allows " +
                                            byteAmount(static_cast<double>(device.maxAllocation)) +
                                            ": a smaller batch or smaller inputs would help");
}

}  // namespace tessera
