// Packed constants as float or half.
#include "clkernels/common/storage.hpp"

#include <list>

#include "base/half.hpp"

namespace tessera {

PackedConstant inStorage(DataType storage, PackedConstant packed) {
  return {packed.name + (storage == DataType::Float16 ? " in half" : ""),
          [storage, pack = std::move(packed.pack)](const std::vector<const HostTensor*>& inputs) {
            std::vector<const HostTensor*> seen = inputs;
            std::list<HostTensor> wide;
            for (const HostTensor*& input : seen)
              if (input && input->type == DataType::Float16) input = &wide.emplace_back(floatOf(*input));
            HostTensor made = pack(seen);
            return storage == DataType::Float16 ? halfOf(made) : std::move(made);
          }};
}

}  // namespace tessera
