#include "exec/item_batch.hpp"

#include <algorithm>
#include <cstring>

#include "exec/engine_impl.hpp"

namespace tessera {
namespace {

std::size_t itemBytes(const HostTensor& tensor) {
  return tensor.data.size() / static_cast<std::size_t>(tensor.shape.at(0));
}

}  // namespace

std::int64_t itemsOf(const TensorMap& inputs, const std::vector<Binding>& bindings, std::int64_t most) {
  std::int64_t items = 0;
  std::size_t known = 0;
  for (const Binding& binding : bindings) {
    if (!binding.isInput) continue;
    const auto given = inputs.find(binding.name);
    if (given == inputs.end())
      throw Error(ErrorCode::InvalidArgument, "input '" + binding.name + "' was not given");
    ++known;
    const HostTensor& value = given->second;
    value.check("input '" + binding.name + "'");
    if (value.type != binding.type || value.shape.size() != binding.shape.size() || value.shape.empty())
      throw Error(ErrorCode::InvalidArgument,
                  "binding '" + binding.name + "' wants items of " + std::string(toString(binding.type)) +
                      ":" + toString(binding.shape) + ", it was given " + std::string(toString(value.type)) +
                      ":" + toString(value.shape));
    if (items != 0 && value.shape[0] != items)
      throw Error(ErrorCode::InvalidArgument, "input '" + binding.name + "' has " +
                                                  std::to_string(value.shape[0]) + " items, another has " +
                                                  std::to_string(items));
    items = value.shape[0];
    if (items < 1 || items > most)
      throw Error(ErrorCode::InvalidArgument, "input '" + binding.name + "' has " + std::to_string(items) +
                                                  " items; a request has 1 to " + std::to_string(most));
  }
  if (known != inputs.size())
    throw Error(ErrorCode::InvalidArgument, "a request gives " + std::to_string(inputs.size()) +
                                                " tensors, the network has " + std::to_string(known) +
                                                " inputs");
  return items;
}

bool sameItems(const TensorMap& a, const TensorMap& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
    const Shape &s = x.second.shape, &t = y.second.shape;
    return x.first == y.first && s.size() == t.size() && !s.empty() &&
           std::equal(s.begin() + 1, s.end(), t.begin() + 1);
  });
}

TensorMap joined(std::span<const TensorMap* const> requests, std::int64_t items) {
  TensorMap all;
  for (const auto& [name, first] : *requests.front()) {
    Shape shape = first.shape;
    shape[0] = items;
    HostTensor whole(first.type, shape);
    std::size_t at = 0;
    for (const TensorMap* request : requests) {
      const auto& data = request->at(name).data;
      if (!data.empty()) std::memcpy(whole.data.data() + at, data.data(), data.size());
      at += data.size();
    }
    all.emplace(name, std::move(whole));
  }
  return all;
}

TensorMap itemsFrom(const TensorMap& outputs, std::int64_t first, std::int64_t count) {
  TensorMap some;
  for (const auto& [name, value] : outputs) {
    Shape shape = value.shape;
    const std::size_t bytes = itemBytes(value);
    shape[0] = count;
    HostTensor part(value.type, shape);
    if (!part.data.empty())
      std::memcpy(part.data.data(), value.data.data() + static_cast<std::size_t>(first) * bytes,
                  part.data.size());
    some.emplace(name, std::move(part));
  }
  return some;
}

bool itemsMayChange(const Engine& engine) {
  const std::int64_t items = engine.bindings().front().shape.empty() ? 0 : engine.bindings().front().shape[0];
  return engine.impl().counted.empty() && std::ranges::all_of(engine.bindings(), [&](const Binding& b) {
           if (b.shape.empty() || b.shape[0] != items) return false;
           const auto range = engine.shapes().find(b.name);
           return !b.isInput || (range != engine.shapes().end() && range->second.min[0] == 1);
         });
}

InputShapes shapesOfItems(const Engine& engine, std::int64_t items) {
  InputShapes shapes;
  for (const auto& [name, range] : engine.shapes()) (shapes[name] = range.max)[0] = items;
  return shapes;
}

std::vector<std::int64_t> batchSizes(std::int64_t most) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t size = 1; size < most; size *= 2) sizes.push_back(size);
  sizes.push_back(most);
  return sizes;
}

}  // namespace tessera
