// Sequences of tensors: lists that exist during the import only, so everything about them has to be known
// then.
#include <algorithm>

#include "importers/onnx/node.hpp"

namespace tessera::onnx {
namespace {

using Tensors = std::vector<TensorId>;

const Sequence& sequenceAt(const Node& node, std::size_t i) {
  const TensorId id = node.in(i);
  if (!isSequence(id)) node.bad("input " + std::to_string(i) + " is no sequence");
  return node.state().sequence(id);
}

/// What a list of so many tensors takes; throws BudgetExceeded.
void holdList(Node& node, std::size_t count) {
  node.state().builder.budget.hold(static_cast<double>(sizeof(Sequence) + count * sizeof(TensorId)),
                                   "list of tensors");
}

TensorId tensorAt(const Node& node, std::size_t i) {
  const TensorId id = node.in(i);
  if (isSequence(id)) node.bad("input " + std::to_string(i) + " is a sequence");
  return id;
}

void give(Node& node, Tensors tensors) {
  const std::size_t count = tensors.size();
  node.set(0, node.state().addSequence({std::make_shared<Tensors>(std::move(tensors)), count}));
}

/// A sequence and one more tensor behind it. Where nothing was appended to the list yet, the two share it, so
/// that loops which collect their results take time and memory in proportion to them.
void giveAppended(Node& node, Sequence sequence, TensorId added) {
  holdList(node, 1);
  if (sequence.list->size() != sequence.count) {
    holdList(node, sequence.count);
    const auto kept = sequence.view();
    sequence.list = std::make_shared<Tensors>(kept.begin(), kept.end());
  }
  sequence.list->push_back(added);
  ++sequence.count;
  node.set(0, node.state().addSequence(std::move(sequence)));
}

/// A position below `limit`, counted from the end of `count` elements where negative; `fallback` where the
/// input is absent.
std::int64_t positionAt(const Node& node, std::size_t i, std::int64_t count, std::int64_t limit,
                        std::int64_t fallback) {
  if (!node.has(i)) return fallback;
  tensorAt(node, i);
  const std::int64_t given = node.constantInt(i, "position"), position = given < 0 ? given + count : given;
  if (position < 0 || position >= limit)
    node.bad("position " + std::to_string(given) + " lies outside a sequence of " + std::to_string(count));
  return position;
}

void sequenceEmpty(Node& node) { give(node, {}); }

void sequenceConstruct(Node& node) {
  Tensors made;
  for (std::size_t i = 0; i < node.inputCount(); ++i) made.push_back(tensorAt(node, i));
  give(node, std::move(made));
}

void sequenceInsert(Node& node) {
  const Sequence sequence = sequenceAt(node, 0);
  const TensorId added = tensorAt(node, 1);
  const auto count = static_cast<std::int64_t>(sequence.count);
  const std::int64_t position = positionAt(node, 2, count, count + 1, count);
  if (position == count) return giveAppended(node, sequence, added);
  holdList(node, sequence.count + 1);
  const auto kept = sequence.view();
  Tensors made(kept.begin(), kept.end());
  made.insert(made.begin() + position, added);
  give(node, std::move(made));
}

void sequenceErase(Node& node) {
  Sequence sequence = sequenceAt(node, 0);
  if (sequence.count == 0) node.bad("it takes from an empty sequence");
  const auto count = static_cast<std::int64_t>(sequence.count);
  const std::int64_t position = positionAt(node, 1, count, count, count - 1);
  if (position == count - 1) {
    --sequence.count;
    node.set(0, node.state().addSequence(std::move(sequence)));
    return;
  }
  holdList(node, sequence.count);
  const auto kept = sequence.view();
  Tensors made(kept.begin(), kept.end());
  made.erase(made.begin() + position);
  give(node, std::move(made));
}

void sequenceElement(Node& node) {
  const auto sequence = sequenceAt(node, 0).view();
  tensorAt(node, 1);
  const auto count = static_cast<std::int64_t>(sequence.size());
  const std::int64_t position = positionAt(node, 1, count, count, 0);
  node.set(0, sequence[static_cast<std::size_t>(position)]);
}

void sequenceLength(Node& node) {
  const auto count = static_cast<std::int64_t>(sequenceAt(node, 0).count);
  node.set(0, node.constantOf(HostTensor::of<std::int64_t>({}, {count}), "length"));
}

void concatFromSequence(Node& node) {
  const auto sequence = sequenceAt(node, 0).view();
  Tensors parts(sequence.begin(), sequence.end());
  if (parts.empty()) node.bad("it joins an empty sequence");
  const bool stacks = node.flag("new_axis");
  const auto rank = static_cast<std::int64_t>(node.shapeOf(parts[0]).size());
  const std::int64_t axis = node.axis(node.integer("axis"), rank + (stacks ? 1 : 0));
  for (TensorId& part : parts) {
    Shape shape = node.shapeOf(part);
    if (static_cast<std::int64_t>(shape.size()) != rank) node.bad("its parts differ in rank");
    if (!stacks) continue;
    shape.insert(shape.begin() + axis, 1);
    part = node.add("Reshape", {part}, {{"shape", shape}}, "part");
  }
  if (parts.size() == 1) return node.set(0, parts[0]);
  node.result("Concat", std::move(parts), {{"axis", axis}});
}

void splitToSequence(Node& node) {
  const TensorId x = tensorAt(node, 0);
  const Shape shape = node.shapeOf(x);
  const std::int64_t axis = node.axis(node.integer("axis", 0), node.rank(0));
  const std::int64_t extent = shape[static_cast<std::size_t>(axis)];
  std::vector<std::int64_t> sizes;
  const auto equal = [&](std::int64_t size) {
    if (size < 1) node.bad("a part has no extent");
    for (std::int64_t done = 0; done < extent; done += size) {
      node.state().builder.budget.addLayers(1);
      sizes.push_back(std::min(size, extent - done));
    }
  };
  if (!node.has(1)) {
    equal(1);
  } else {
    tensorAt(node, 1);
    const auto given = node.constantInts(1, "split");
    if (node.shape(1).empty())
      equal(given.at(0));
    else
      sizes = given;
  }
  const bool drops = !node.has(1) && node.integer("keepdims", 1) == 0;
  Tensors parts;
  std::vector<std::int64_t> starts(shape.size(), 0);
  const std::vector<std::int64_t> steps(shape.size(), 1);
  Shape part = shape;
  std::int64_t start = 0;
  for (const std::int64_t size : sizes) {
    if (size < 0 || size > extent - start) node.bad("the parts do not sum up to the extent");
    starts[static_cast<std::size_t>(axis)] = start;
    part[static_cast<std::size_t>(axis)] = size;
    start += size;
    TensorId id = node.add("Slice", {x}, {{"starts", starts}, {"sizes", part}, {"steps", steps}}, "part");
    if (drops) {
      Shape dropped = part;
      dropped.erase(dropped.begin() + axis);
      id = node.add("Reshape", {id}, {{"shape", dropped}}, "part");
    }
    parts.push_back(id);
  }
  if (start != extent) node.bad("the parts do not sum up to the extent");
  give(node, std::move(parts));
}

}  // namespace

bool takesSequences(std::string_view type) {
  for (const char* known : {"SequenceInsert", "SequenceErase", "SequenceAt", "SequenceLength",
                            "ConcatFromSequence", "Identity", "Loop", "If"})
    if (type == known) return true;
  return false;
}

void addRows_sequences(RowList& rows) {
  rows.push_back({"SequenceEmpty", 11, kNewest, sequenceEmpty});
  rows.push_back({"SequenceConstruct", 11, kNewest, sequenceConstruct});
  rows.push_back({"SequenceInsert", 11, kNewest, sequenceInsert});
  rows.push_back({"SequenceErase", 11, kNewest, sequenceErase});
  rows.push_back({"SequenceAt", 11, kNewest, sequenceElement});
  rows.push_back({"SequenceLength", 11, kNewest, sequenceLength});
  rows.push_back({"ConcatFromSequence", 11, kNewest, concatFromSequence});
  rows.push_back({"SplitToSequence", 11, kNewest, splitToSequence});
}

}  // namespace tessera::onnx
