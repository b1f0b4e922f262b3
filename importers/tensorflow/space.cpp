// Blocks of cells: to channels and back, to batches and back. Batches of blocks around a convolution are how
// older models write a dilated one.
#include <algorithm>

#include "importers/tensorflow/node.hpp"

namespace tessera::tensorflow {
namespace {

void spaceToDepth(Node& node) {
  const Order order = node.imageOrder(0);
  node.result("SpaceToDepth", {node.image(0)}, {{"block", node.attributes().integer("block_size")}}, order);
}

void depthToSpace(Node& node) {
  const Order order = node.imageOrder(0);
  node.result("DepthToSpace", {node.image(0)},
              {{"block", node.attributes().integer("block_size")}, {"mode", "DCR"}}, order);
}

/// [N, 2] lists as begins, then ends.
std::vector<std::int64_t> beginsEnds(Node& node, std::size_t i, std::size_t count, const char* what) {
  const auto given = node.constantInts(i, what);
  if (given.size() != 2 * count) node.bad(std::string(what) + " wants a begin and an end per block");
  std::vector<std::int64_t> out(2 * count);
  for (std::size_t k = 0; k < count; ++k) {
    out[k] = given[2 * k];
    out[k + count] = given[2 * k + 1];
    if (std::min(out[k], out[k + count]) < 0 || std::max(out[k], out[k + count]) > (1 << 30))
      node.bad(std::string(what) + " is impossible");
  }
  return out;
}

std::vector<std::int64_t> blocksOf(Node& node) {
  const auto block = node.constantInts(1, "block_shape");
  if (node.rank(0) != 4 || block.empty() || block.size() > 2)
    node.unsupported("it is defined here for images of two spatial axes");
  for (const std::int64_t extent : block)
    if (extent < 1 || extent > (1 << 20)) node.bad("block_shape is impossible");
  return block;
}

/// Lists for one block of H become lists for H and W.
void widen(std::vector<std::int64_t>& block, std::vector<std::int64_t>& ends) {
  if (block.size() == 2) return;
  block.push_back(1);
  ends = {ends[0], 0, ends[1], 0};
}

void spaceToBatch(Node& node) {
  auto block = blocksOf(node);
  auto pads = beginsEnds(node, 2, block.size(), "paddings");
  widen(block, pads);
  const Order order = channelsSecond(4);
  const TensorId image = node.ordered(node.held(0), order);
  const TensorId padded =
      node.add("Pad", {image},
               {{"pads", std::vector<std::int64_t>{0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]}},
                {"mode", "constant"},
                {"value", 0.0}},
               "padded");
  const Shape x = node.shapeOf(padded);
  if (x[2] % block[0] != 0 || x[3] % block[1] != 0)
    node.bad("its padded image does not consist of whole blocks");
  const TensorId split = node.add(
      "Reshape", {padded},
      {{"shape", Shape{x[0], x[1], x[2] / block[0], block[0], x[3] / block[1], block[1]}}}, "blocks");
  const TensorId moved =
      node.add("Transpose", {split}, {{"perm", std::vector<std::int64_t>{3, 5, 0, 1, 2, 4}}}, "batches");
  node.result("Reshape", {moved},
              {{"shape", Shape{x[0] * block[0] * block[1], x[1], x[2] / block[0], x[3] / block[1]}}}, order);
  node.state().batched[node.outputs()[0].id] = {{image, order}, block, pads};
}

/// SpaceToBatch, a plain convolution, BatchToSpace: one dilated convolution; false where it is something
/// else.
bool foldedIntoDilation(Node& node, const std::vector<std::int64_t>& block,
                        const std::vector<std::int64_t>& crops) {
  const Order order = channelsSecond(4);
  const TensorId id = node.ordered(node.held(0), order);
  const Layer* maker = node.recentMaker(id);
  if (!maker || maker->op != "Convolution") return false;
  const Layer conv = *maker;
  const auto before = node.state().batched.find(conv.inputs[0]);
  if (before == node.state().batched.end() || before->second.block != block) return false;
  const auto all = [](const std::vector<std::int64_t>& list, std::int64_t value) {
    return std::all_of(list.begin(), list.end(), [&](auto entry) { return entry == value; });
  };
  if (!all(conv.attrs.integers("strides"), 1) || !all(conv.attrs.integers("dilations"), 1) ||
      !all(conv.attrs.integers("pads"), 0))
    return false;
  std::vector<std::int64_t> pads = before->second.pads;
  for (std::size_t i = 0; i < pads.size(); ++i) pads[i] -= crops[i];
  if (std::any_of(pads.begin(), pads.end(), [](auto p) { return p < 0; })) return false;
  Attributes attrs = conv.attrs;
  attrs.set("dilations", block).set("pads", pads);
  std::vector<TensorId> operands = conv.inputs;
  operands[0] = before->second.source.id;
  node.result("Convolution", std::move(operands), std::move(attrs), order);
  return true;
}

void batchToSpace(Node& node) {
  auto block = blocksOf(node);
  auto crops = beginsEnds(node, 2, block.size(), "crops");
  widen(block, crops);
  if (foldedIntoDilation(node, block, crops)) return;
  const Order order = channelsSecond(4);
  const TensorId image = node.ordered(node.held(0), order);
  const Shape x = node.shapeOf(image);
  const std::int64_t cells = block[0] * block[1];
  if (x[0] % cells != 0) node.bad("its batch does not consist of whole blocks");
  const Shape joined{x[0] / cells, x[1], x[2] * block[0], x[3] * block[1]};
  const TensorId split = node.add(
      "Reshape", {image}, {{"shape", Shape{block[0], block[1], joined[0], x[1], x[2], x[3]}}}, "blocks");
  const TensorId moved =
      node.add("Transpose", {split}, {{"perm", std::vector<std::int64_t>{2, 3, 4, 0, 5, 1}}}, "cells");
  const TensorId whole = node.add("Reshape", {moved}, {{"shape", joined}}, "image");
  const Shape sizes{joined[0], joined[1], joined[2] - crops[0] - crops[2], joined[3] - crops[1] - crops[3]};
  if (sizes[2] < 0 || sizes[3] < 0) node.bad("it crops more than there is");
  if (sizes == joined) return node.set(0, whole, order);
  node.result("Slice", {whole},
              {{"starts", std::vector<std::int64_t>{0, 0, crops[0], crops[1]}}, {"sizes", sizes}}, order);
}

}  // namespace

void addRows_space(RowList& rows) {
  rows.push_back({"SpaceToDepth", spaceToDepth});
  rows.push_back({"DepthToSpace", depthToSpace});
  rows.push_back({"SpaceToBatchND", spaceToBatch, "around a convolution: its dilation"});
  rows.push_back({"BatchToSpaceND", batchToSpace});
}

}  // namespace tessera::tensorflow
