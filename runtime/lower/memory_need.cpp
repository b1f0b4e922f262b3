// Compares what a network needs with what a device has.
#include "lower/memory_need.hpp"

#include <set>

#include "graph/amount.hpp"

namespace tessera {
namespace {

double bytesOf(const GraphTensor& tensor) {
  double bytes = static_cast<double>(byteSize(tensor.type));
  for (const auto extent : tensor.shape) bytes *= static_cast<double>(extent);
  return bytes;
}

void requireRoom(double needed, const std::string& what, const DeviceCaps& device) {
  if (device.globalMemory && needed > static_cast<double>(device.globalMemory))
    throw Error(ErrorCode::OutOfMemory, what + " needs " + byteAmount(needed) + ", " + device.name + " has " +
                                            byteAmount(static_cast<double>(device.globalMemory)) +
                                            ": a smaller batch or smaller inputs would help");
}

}  // namespace

void requireMemory(const Graph& graph, const DeviceCaps& device) {
  std::set<TensorId> bindings(graph.inputs().begin(), graph.inputs().end());
  bindings.insert(graph.outputs().begin(), graph.outputs().end());
  const GraphTensor* largest = nullptr;
  double bound = 0, between = 0;
  for (TensorId id = 0; id < static_cast<TensorId>(graph.tensors().size()); ++id) {
    const GraphTensor& tensor = graph.tensor(id);
    if (tensor.isConstant()) continue;  // weights may be packed smaller
    const double bytes = bytesOf(tensor);
    if (!largest || bytes > bytesOf(*largest)) largest = &tensor;
    if (bindings.count(id))
      bound += bytes;
    else
      between = std::max(between, bytes);
  }
  if (!largest) return;
  const std::string name = "tensor '" + largest->name + "' (" + largest->desc().text() + ")";
  const double bytes = bytesOf(*largest);
  requireRoom(bytes, name, device);
  requireRoom(bound + between, "the network (inputs, outputs and its largest tensors, such as " + name + ")",
              device);
  if (device.maxAllocation && bytes > static_cast<double>(device.maxAllocation))
    throw Error(ErrorCode::OutOfMemory, name + " needs a buffer of " + byteAmount(bytes) + ", " +
                                            device.name + " allows " +
                                            byteAmount(static_cast<double>(device.maxAllocation)) +
                                            ": a smaller batch or smaller inputs would help");
}

void requireMemory(const Lowered& lowered, const DeviceCaps& device) {
  double needed = static_cast<double>(lowered.arenaBytes);
  for (const Storage& storage : lowered.storages)
    if (storage.kind != Storage::Kind::Arena) needed += static_cast<double>(storage.bytes);
  requireRoom(needed, "the network (weights, inputs, outputs and activations)", device);
}

}  // namespace tessera
