// Nodes of GraphDef messages as nodes of the importer: names, attributes, inputs and outputs.
#include <algorithm>
#include <map>
#include <set>

#include "importers/common/names.hpp"
#include "importers/tensorflow/read_graphdef.hpp"
#include "importers/tensorflow/table.hpp"
#include "importers/tensorflow/tensor_value.hpp"

namespace tessera::tensorflow {
namespace {

using ProtoNode = tessera_tensorflow::Node;
using tessera_tensorflow::AttrValue;

class GraphReader {
 public:
  GraphReader(const tessera_tensorflow::Graph& graph, const std::string& file) : graph_(graph) {
    source_.file = file;
    source_.format = "TensorFlow";
    for (const auto& node : graph.node()) {
      plain_ &= isUtf8(node.name()) && isUtf8(node.op());
      plain_ &=
          std::all_of(node.input().begin(), node.input().end(), [](const auto& n) { return isUtf8(n); });
    }
  }

  SourceGraph read() {
    std::set<std::string> names;
    for (const auto& node : graph_.node()) {
      const std::string name = text(node.name());
      if (name.empty() || !names.insert(name).second)
        throw Error(ErrorCode::BadModel,
                    source_.file + (name.empty() ? ": a node has no name."
                                                 : ": two nodes have the name '" + name + "'."));
      if (node.op() == "Placeholder")
        addInput(node, name);
      else
        addNode(node, name);
    }
    nameOutputs();
    findOutputs();
    return std::move(source_);
  }

 private:
  std::string text(const std::string& bytes) const { return plain_ ? bytes : escapeBytes(bytes); }

  static const AttrValue* find(const ProtoNode& node, const char* key) {
    for (const auto& attr : node.attr())
      if (attr.key() == key) return &attr.value();
    return nullptr;
  }

  /// Old producers write an empty shape where they know none.
  void addInput(const ProtoNode& node, const std::string& name) {
    DeclaredInput input{name, DataType::None, false, {}};
    if (const AttrValue* type = find(node, "dtype")) input.type = heldType(type->type());
    const AttrValue* shape = find(node, "shape");
    const bool old = graph_.versions().producer() < 24;
    if (shape && !shape->shape().unknown_rank() && !(old && shape->shape().dim_size() == 0)) {
      input.ranked = true;
      for (const auto& dim : shape->shape().dim())
        input.extents.push_back({dim.size() < 0 ? -1 : dim.size(), text(dim.name())});
    }
    source_.inputs.push_back(std::move(input));
  }

  void addNode(const ProtoNode& node, const std::string& name) {
    SourceNode added{name, text(node.op())};
    for (const auto& input : node.input()) {
      const std::string read = text(input);
      if (read.empty())
        throw Error(ErrorCode::BadModel, source_.file + ": node '" + name + "' has an input without name.");
      if (read[0] == '^')
        controlled_.insert(read.substr(1));
      else
        added.inputs.push_back(read.size() > 2 && read.ends_with(":0") ? read.substr(0, read.size() - 2)
                                                                       : read);
    }
    for (const auto& attr : node.attr()) addAttribute(added, attr.key(), attr.value());
    if (node.op() == "Const") {
      const AttrValue* value = find(node, "value");
      if (!value || !value->has_tensor())
        throw Error(ErrorCode::BadModel, source_.file + ": the constant '" + name + "' has no value.");
      added.value = [tensor = &value->tensor()](ImportBudget& budget) { return readTensor(*tensor, budget); };
    }
    if (node.op().rfind("Variable", 0) == 0 || node.op() == "VarHandleOp")
      added.refused = "it is a variable: freeze the graph, so that variables become constants";
    if (node.op() == "PartitionedCall" || node.op() == "StatefulPartitionedCall")
      added.refused = "it calls a function of the graph's library: freeze the graph with functions inlined";
    source_.nodes.push_back(std::move(added));
  }

  static std::string typeText(int type) {
    const DataType held = heldType(type);
    return held == DataType::None ? elementTypeName(type) : std::string(toString(held));
  }

  void addAttribute(SourceNode& node, const std::string& key, const AttrValue& value) const {
    auto& attributes = node.attributes;
    switch (value.value_case()) {
      case AttrValue::kS:
        attributes.set(key, text(value.s()));
        break;
      case AttrValue::kI:
        attributes.set(key, static_cast<std::int64_t>(value.i()));
        break;
      case AttrValue::kF:
        attributes.set(key, static_cast<double>(value.f()));
        break;
      case AttrValue::kB:
        attributes.set(key, static_cast<std::int64_t>(value.b()));
        break;
      case AttrValue::kType:
        attributes.set(key, typeText(value.type()));
        break;
      case AttrValue::kList: {
        if (value.list().f_size())
          attributes.set(key, std::vector<double>(value.list().f().begin(), value.list().f().end()));
        else
          attributes.set(key, std::vector<std::int64_t>(value.list().i().begin(), value.list().i().end()));
        break;
      }
      default:
        break;  // shapes that were inferred, functions, placeholders: no operator here asks for them
    }
  }

  /// How many results an operator has; the format does not say it.
  static std::size_t resultCount(const SourceNode& node) {
    static const std::map<std::string, std::size_t> kMany{{"Switch", 2},
                                                          {"RefSwitch", 2},
                                                          {"Merge", 2},
                                                          {"TopK", 2},
                                                          {"TopKV2", 2},
                                                          {"NonMaxSuppressionV4", 2},
                                                          {"NonMaxSuppressionV5", 3}};
    if (const auto many = kMany.find(node.type); many != kMany.end()) return many->second;
    std::int64_t count = 1;
    if (node.type == "Split" || node.type == "SplitV") count = node.attributes.integer("num_split", 1);
    if (node.type == "Unpack") count = node.attributes.integer("num", 1);
    if (node.type == "IdentityN" || node.type == "ShapeN")
      count = static_cast<std::int64_t>(node.inputs.size());
    return static_cast<std::size_t>(std::clamp<std::int64_t>(count, 1, 1 << 16));
  }

  static std::string outputName(const std::string& node, std::size_t i) {
    return i ? node + ":" + std::to_string(i) : node;
  }

  void nameOutputs() {
    std::map<std::string, std::size_t> most;  // what other nodes read of each
    for (const auto& node : source_.nodes)
      for (const auto& input : node.inputs) {
        read_.insert(input.substr(0, input.rfind(':')));
        const auto colon = input.rfind(':');
        if (colon == std::string::npos || input.size() - colon > 6) continue;
        const std::string digits = input.substr(colon + 1);
        if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) continue;
        auto& count = most[input.substr(0, colon)];
        count = std::max<std::size_t>(count, std::stoul(digits) + 1);
      }
    std::size_t all = 0;
    for (auto& node : source_.nodes) {
      const std::size_t count = std::max(resultCount(node), most.count(node.name) ? most[node.name] : 0);
      all += count;
      if (all > kMostResults + kResultsPerNode * source_.nodes.size())
        throw Error(ErrorCode::BadModel, source_.file + ": node '" + node.name + "' claims " +
                                             std::to_string(count) +
                                             " results, more than a network of this size has.");
      for (std::size_t i = 0; i < count; ++i) node.outputs.push_back(outputName(node.name, i));
    }
  }

  /// What no other node reads; where all is read by what only orders nodes, that does not count.
  void findOutputs() {
    for (const bool orders : {true, false}) {
      for (const auto& node : source_.nodes) {
        const bool constant = static_cast<bool>(node.value);
        if (constant || isIgnored(node.type) || read_.count(node.name)) continue;
        if (orders && controlled_.count(node.name)) continue;
        const bool values = node.type != "Switch" && node.type != "Merge";
        const std::size_t count = values ? resultCount(node) : 1;
        source_.outputs.insert(source_.outputs.end(), node.outputs.begin(),
                               node.outputs.begin() + static_cast<std::ptrdiff_t>(count));
      }
      if (!source_.outputs.empty()) return;
    }
  }

  static constexpr std::size_t kMostResults = 1 << 16, kResultsPerNode = 16;

  const tessera_tensorflow::Graph& graph_;
  SourceGraph source_;
  bool plain_ = true;                        ///< all names are UTF-8
  std::set<std::string> read_, controlled_;  ///< nodes that others read, or wait for
};

}  // namespace

SourceGraph sourceOf(const tessera_tensorflow::Graph& graph, const std::string& file) {
  return GraphReader(graph, file).read();
}

}  // namespace tessera::tensorflow
