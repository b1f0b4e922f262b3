// Orders of axes, and reshapes that keep them apart.
#include "importers/tensorflow/order.hpp"

#include <algorithm>
#include <numeric>

namespace tessera::tensorflow {

Order normalized(Order order) {
  for (std::size_t i = 0; i < order.size(); ++i)
    if (order[i] != static_cast<std::int64_t>(i)) return order;
  return {};
}

Order listed(const Order& order, std::size_t rank) {
  if (!order.empty()) return order;
  Order all(rank);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

Order channelsSecond(std::size_t rank) {
  if (rank < 3) return {};
  Order order{0, static_cast<std::int64_t>(rank) - 1};
  for (std::size_t i = 1; i + 1 < rank; ++i) order.push_back(static_cast<std::int64_t>(i));
  return order;
}

std::int64_t storedAxis(const Order& order, std::int64_t axis) {
  if (order.empty()) return axis;
  return std::find(order.begin(), order.end(), axis) - order.begin();
}

Shape modelShape(const Order& order, const Shape& tensor) {
  if (order.empty()) return tensor;
  Shape shape(tensor.size());
  for (std::size_t i = 0; i < tensor.size(); ++i) shape[static_cast<std::size_t>(order[i])] = tensor[i];
  return shape;
}

Order withoutAxes(const Order& order, std::size_t rank, const std::vector<std::int64_t>& removed) {
  Order kept;
  for (const std::int64_t axis : listed(order, rank)) {
    if (std::find(removed.begin(), removed.end(), axis) != removed.end()) continue;
    kept.push_back(axis - std::count_if(removed.begin(), removed.end(), [&](auto r) { return r < axis; }));
  }
  return normalized(std::move(kept));
}

std::vector<std::int64_t> between(const Order& from, const Order& to, std::size_t rank) {
  std::vector<std::int64_t> perm;
  for (const std::int64_t axis : listed(to, rank)) perm.push_back(storedAxis(from, axis));
  return normalized(std::move(perm));
}

bool movesNothing(const std::vector<std::int64_t>& perm, const Shape& shape) {
  std::int64_t last = -1;
  for (const std::int64_t axis : perm) {
    if (shape[static_cast<std::size_t>(axis)] == 1) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

namespace {

/// Axes [from, fromEnd) become axes [to, toEnd).
struct Group {
  std::size_t from, fromEnd, to, toEnd;
};

/// The smallest groups of axes with equal numbers of elements.
std::vector<Group> groupsOf(const Shape& from, const Shape& to) {
  std::vector<Group> groups;
  std::size_t i = 0, k = 0;
  while (i < from.size() || k < to.size()) {
    Group group{i, i, k, k};
    std::int64_t a = 1, b = 1;
    if (i < from.size()) a = from[i++];
    if (k < to.size()) b = to[k++];
    while (a != b) {
      if (a < b && i < from.size())
        a *= from[i++];
      else if (k < to.size())
        b *= to[k++];
      else
        return {};
    }
    group.fromEnd = i;
    group.toEnd = k;
    groups.push_back(group);
  }
  return groups;
}

}  // namespace

std::optional<Order> reshapedOrder(const Order& order, const Shape& from, const Shape& to) {
  if (order.empty()) return Order{};
  if (elementCount(from) == 0) return std::nullopt;
  const auto groups = groupsOf(from, to);
  if (groups.empty()) return std::nullopt;
  std::vector<std::size_t> groupOf(from.size());
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (std::size_t i = groups[g].from; i < groups[g].fromEnd; ++i) groupOf[i] = g;
  // Axes longer than 1 have to come group by group, and in order within each.
  std::vector<std::size_t> sequence;
  std::vector<bool> seen(groups.size(), false);
  std::int64_t last = -1;
  for (const std::int64_t axis : order) {
    if (from[static_cast<std::size_t>(axis)] == 1) continue;
    const std::size_t g = groupOf[static_cast<std::size_t>(axis)];
    const bool same = !sequence.empty() && sequence.back() == g;
    if (same ? axis < last : seen[g]) return std::nullopt;
    if (!same) sequence.push_back(g);
    seen[g] = true;
    last = axis;
  }
  // Groups of one element stand behind the group before them.
  Order result;
  const auto append = [&](std::size_t g) {
    for (std::size_t k = groups[g].to; k < groups[g].toEnd; ++k)
      result.push_back(static_cast<std::int64_t>(k));
  };
  std::size_t leading = 0;
  for (; leading < groups.size() && !seen[leading]; ++leading) append(leading);
  for (const std::size_t g : sequence) {
    append(g);
    for (std::size_t after = g + 1; after < groups.size() && !seen[after]; ++after) append(after);
  }
  return normalized(std::move(result));
}

}  // namespace tessera::tensorflow
