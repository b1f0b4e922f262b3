// Sorts the nodes of a graph so that each follows those it reads from.
#include <queue>

#include "importers/onnx/import_graph.hpp"

namespace tessera::onnx {
namespace {

std::string label(const tessera_onnx::Node& node) {
  const std::string name = !node.name().empty() ? node.name() : node.output_size() ? node.output(0) : "?";
  return node.op_type() + " '" + name + "'";
}

/// Names a node reads, those its branches take from outside included.
void collectReads(const tessera_onnx::Node& node, std::set<std::string>& reads) {
  for (const auto& name : node.input())
    if (!name.empty()) reads.insert(name);
  for (const auto& attribute : node.attribute()) {
    if (!attribute.has_g()) continue;
    std::set<std::string> inner, made;
    for (const auto& nested : attribute.g().node()) {
      collectReads(nested, inner);
      made.insert(nested.output().begin(), nested.output().end());
    }
    for (const auto& output : attribute.g().output()) inner.insert(output.name());
    for (const auto& input : attribute.g().input()) made.insert(input.name());
    for (const auto& initializer : attribute.g().initializer()) made.insert(initializer.name());
    for (const auto& name : inner)
      if (!made.count(name)) reads.insert(name);
  }
}

}  // namespace

std::vector<int> executionOrder(const google::protobuf::RepeatedPtrField<tessera_onnx::Node>& nodes,
                                const Scope& scope, const std::string& file) {
  const auto bad = [&](const std::string& what) { throw Error(ErrorCode::BadModel, file + ": " + what); };
  std::map<std::string, int> maker;
  for (int i = 0; i < nodes.size(); ++i)
    for (const auto& output : nodes[i].output()) {
      if (output.empty()) continue;
      if (!maker.emplace(output, i).second || scope.values.count(output) || scope.unknown.count(output))
        bad("the value '" + output + "' is made twice, the second time by " + label(nodes[i]) + ".");
    }
  std::vector<std::vector<int>> readers(static_cast<std::size_t>(nodes.size()));
  std::vector<int> waiting(static_cast<std::size_t>(nodes.size()), 0);
  for (int i = 0; i < nodes.size(); ++i) {
    std::set<std::string> reads;
    collectReads(nodes[i], reads);
    for (const auto& name : reads) {
      if (const auto made = maker.find(name); made != maker.end()) {
        readers[static_cast<std::size_t>(made->second)].push_back(i);
        ++waiting[static_cast<std::size_t>(i)];
      } else if (!scope.find(name) && !scope.isUnknown(name)) {
        bad(label(nodes[i]) + " reads the value '" + name + "', which nothing makes.");
      }
    }
  }
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;  // the file's order wherever it is valid
  for (int i = 0; i < nodes.size(); ++i)
    if (!waiting[static_cast<std::size_t>(i)]) ready.push(i);
  std::vector<int> order;
  while (!ready.empty()) {
    const int i = ready.top();
    ready.pop();
    order.push_back(i);
    for (int reader : readers[static_cast<std::size_t>(i)])
      if (--waiting[static_cast<std::size_t>(reader)] == 0) ready.push(reader);
  }
  if (static_cast<int>(order.size()) < nodes.size()) {
    std::string stuck;
    int named = 0;
    for (int i = 0; i < nodes.size() && named < 5; ++i)
      if (waiting[static_cast<std::size_t>(i)]) stuck += (named++ ? ", " : "") + label(nodes[i]);
    bad("the graph has a cycle through or before " + stuck + ".");
  }
  return order;
}

}  // namespace tessera::onnx
