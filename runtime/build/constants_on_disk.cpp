#include "build/constants_on_disk.hpp"

#include <map>

#include "base/own_file.hpp"

namespace tessera {

void moveToDisk(Graph& graph, std::size_t least) {
  std::map<const HostTensor*, std::shared_ptr<const HostTensor>> moved;
  const auto folders = ownFileFolders();
  for (TensorId id = 0; id < static_cast<TensorId>(graph.tensors().size()); ++id) {
    const auto& constant = graph.tensors()[id].constant;
    if (!constant || constant->data.isView() || constant->data.size() < least) continue;
    auto& copy = moved[constant.get()];
    if (!copy) {
      auto data = inOwnFile(constant->data, folders);
      if (!data) return;  // others find no room either
      HostTensor tensor;
      tensor.type = constant->type, tensor.shape = constant->shape, tensor.data = std::move(*data);
      copy = std::make_shared<const HostTensor>(std::move(tensor));
    }
    auto& held = graph.tensor(id).constant;
    // The heap may keep the pages of what is freed.
    if (held.use_count() == 1) dropPages(held->data);
    held = copy;
  }
}

void releaseConstants(const Graph& graph) {
  for (const GraphTensor& tensor : graph.tensors())
    if (tensor.constant) releaseOwnFile(tensor.constant->data);
}

}  // namespace tessera
