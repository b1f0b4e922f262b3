// Reordering and joining.
#include <algorithm>
#include <numeric>

#include "importers/onnx/node.hpp"

namespace tessera::onnx {
namespace {

void transpose(Node& node) {
  auto perm = node.integers("perm");
  const std::int64_t rank = node.rank(0);
  if (perm.empty())
    for (std::int64_t i = rank; i-- > 0;) perm.push_back(i);
  auto sorted = node.axes(perm, rank);  // also refuses axes that appear twice
  if (static_cast<std::int64_t>(sorted.size()) != rank) node.bad("attribute perm wants one entry per extent");
  for (auto& axis : perm) axis = node.axis(axis, rank);
  if (rank == 0) return node.set(0, node.in(0));
  node.result("Transpose", {node.in(0)}, {{"perm", perm}});
}

void concat(Node& node) {
  const std::int64_t given = node.opset() < 4 ? node.integer("axis", 1) : node.integer("axis");
  const std::int64_t axis = node.axis(given, node.rank(0));
  std::vector<TensorId> parts;
  for (std::size_t i = 0; i < node.inputCount(); ++i) {
    const bool empty = node.rank(i) == 1 && node.shape(i)[0] == 0;  // exporters start lists with an empty one
    if (!empty || node.inputCount() == 1) parts.push_back(node.in(i));
  }
  if (parts.empty()) parts.push_back(node.in(0));
  if (parts.size() == 1) return node.set(0, parts[0]);
  node.result("Concat", std::move(parts), {{"axis", axis}});
}

std::int64_t blockSize(const Node& node) {
  const std::int64_t block = node.integer("blocksize");
  if (block < 1 || block > (1 << 20))
    node.bad("attribute blocksize has the impossible value " + std::to_string(block));
  return block;
}

void depthToSpace(Node& node) {
  const std::string mode = node.string("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") node.bad("attribute mode has the unknown value " + mode);
  node.result("DepthToSpace", {node.in(0)}, {{"block", blockSize(node)}, {"mode", mode}});
}

void spaceToDepth(Node& node) {
  if (node.string("mode", "DCR") != "DCR")
    node.unsupported("its mode is " + node.string("mode", "DCR") + ", not DCR");
  node.result("SpaceToDepth", {node.in(0)}, {{"block", blockSize(node)}});
}

void trilu(Node& node) {
  const std::int64_t k = node.has(1) ? node.constantInt(1, "k") : 0;
  node.result("Trilu", {node.in(0)}, {{"upper", node.integer("upper", 1)}, {"k", k}});
}

}  // namespace

void addRows_moving(RowList& rows) {
  rows.push_back({"Transpose", 1, kNewest, transpose});
  rows.push_back({"Concat", 1, kNewest, concat});
  rows.push_back({"DepthToSpace", 1, kNewest, depthToSpace});
  rows.push_back({"SpaceToDepth", 1, kNewest, spaceToDepth});
  rows.push_back({"Trilu", 14, kNewest, trilu});
}

}  // namespace tessera::onnx
