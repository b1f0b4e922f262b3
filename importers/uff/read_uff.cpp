// Reads UFF files: the first graph, its data, what is marked as output.
#include <cstring>
#include <set>

#include "importers/common/names.hpp"
#include "importers/common/protobuf_file.hpp"
#include "importers/uff/import.hpp"
#include "importers/uff/operators.hpp"

namespace tessera {
namespace uff {
namespace {

using tensorflow::SourceNode;

/// Types of the format: a class (1 integers, 2 floats) and bits.
enum DataTypes {
  kInt8 = 65544,
  kInt16 = 65552,
  kInt32 = 65568,
  kInt64 = 65600,
  kFloat16 = 131088,
  kFloat32 = 131104
};

DataType constantType(std::int64_t type) {
  if (type == kFloat32 || type == kFloat16) return DataType::Float32;
  if (type == kInt8) return DataType::Int8;
  if (type == kInt32 || type == kInt16) return DataType::Int32;
  return type == kInt64 ? DataType::Int64 : DataType::None;
}

HostTensor parseConstant(const std::string& bytes, std::int64_t type, const Shape& shape,
                         ImportBudget& budget) {
  const DataType held = constantType(type);
  if (held == DataType::None)
    throw Error(ErrorCode::Unsupported, "Tessera has no type for elements of type " + std::to_string(type));
  const std::size_t size = static_cast<std::size_t>(type & 0xffff) / 8;
  const auto count = static_cast<double>(elementCount(shape));
  if (static_cast<double>(bytes.size()) != count * static_cast<double>(size))
    throw Error(ErrorCode::BadModel, "its value holds " + std::to_string(bytes.size()) +
                                         " bytes, its shape " + toString(shape) + " of " +
                                         std::to_string(size) + " bytes each does not");
  budget.hold(held, shape);
  HostTensor value(held, shape);
  if (size == byteSize(held)) {
    if (!bytes.empty()) std::memcpy(value.data.data(), bytes.data(), bytes.size());
    return value;
  }
  for (std::int64_t i = 0; i < value.size(); ++i) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, bytes.data() + 2 * i, sizeof bits);
    value.setNumber(i, type == kFloat16 ? Half{bits}.toFloat() : static_cast<std::int16_t>(bits));
  }
  return value;
}

class GraphReader {
 public:
  GraphReader(const tessera_uff::MetaGraph& meta, const std::string& file) : graph_(meta.graphs(0)) {
    source_.file = file;
    source_.format = "UFF";
    source_.name = text(graph_.id());
    for (const auto& entry : meta.referenced_data()) referenced_[entry.key()] = &entry.value();
  }

  tensorflow::SourceGraph read() {
    for (const auto& node : graph_.nodes()) unique_.reserve(text(node.id()));
    for (const auto& node : graph_.nodes()) {
      const std::string name = text(node.id());
      if (name.empty() || !names_.insert(name).second)
        bad(name.empty() ? "a node has no name" : "two nodes have the name '" + name + "'");
      if (node.operation() == "MarkOutput") {
        for (const auto& input : node.inputs()) source_.outputs.push_back(text(input));
        continue;
      }
      try {
        addNode(node, name);
      } catch (const Error& e) {
        bad("node '" + name + "' (" + text(node.operation()) + "): " + e.what());
      }
    }
    if (source_.outputs.empty()) bad("no node is marked as output (MarkOutput)");
    return std::move(source_);
  }

 private:
  [[noreturn]] void bad(const std::string& why) const {
    throw Error(ErrorCode::BadModel, source_.file + ": " + why + ".");
  }
  static std::string text(const std::string& bytes) { return isUtf8(bytes) ? bytes : escapeBytes(bytes); }

  static std::int64_t typeOf(const Fields& fields) {
    const auto* type = fields.find("dtype");
    return type && type->has_dtype() ? type->dtype() : 0;
  }

  void addInput(const Fields& fields, const std::string& name) {
    const auto* shape = fields.find("shape");
    const std::int64_t type = typeOf(fields);
    DeclaredInput input{name, type == 0 ? DataType::Float32 : constantType(type), shape != nullptr, {}};
    for (const std::int64_t extent : fields.integers("shape"))
      input.extents.push_back({extent < 0 ? -1 : extent, ""});
    source_.inputs.push_back(std::move(input));
  }

  void addNode(const tessera_uff::Node& proto, const std::string& name) {
    const Fields fields(proto, referenced_);
    if (proto.operation() == "Input") return addInput(fields, name);
    SourceNode node{name, text(proto.operation())};
    node.outputs = {name};
    for (const auto& input : proto.inputs()) node.inputs.push_back(text(input));
    std::vector<SourceNode> helpers;
    if (proto.operation() == "Const") {
      addValue(node, fields);
    } else if (proto.operation().rfind('_', 0) == 0) {
      addCustom(node, fields);
    } else if (const Row* row = findRow(proto.operation())) {
      Operator op{fields, node, helpers, unique_};
      const std::string operation = node.type;
      node.type = row->type;
      if (row->read) row->read(op);
      if (!node.refused.empty())
        node.type = operation;
      else
        node.version = operation;
    }
    for (auto& helper : helpers) source_.nodes.push_back(std::move(helper));
    source_.nodes.push_back(std::move(node));
  }

  static void addCustom(SourceNode& node, const Fields& fields) {
    node.type.erase(0, 1);
    node.custom = true;
    try {
      node.attributes = fields.attributes();
    } catch (const Error& e) {
      if (e.code() != ErrorCode::Unsupported) throw;
      node.refused = e.what();
    }
  }

  static void addValue(SourceNode& node, const Fields& fields) {
    const auto* values = fields.find("values");
    if (!values || !values->has_blob()) throw Error(ErrorCode::BadModel, "it has no value");
    for (const std::int64_t extent : fields.integers("shape"))
      if (extent < 0) throw Error(ErrorCode::BadModel, "its shape has a negative extent");
    node.value = [&bytes = values->blob(), type = typeOf(fields), shape = Shape(fields.integers("shape"))](
                     ImportBudget& budget) { return parseConstant(bytes, type, shape, budget); };
  }

  const tessera_uff::Graph& graph_;
  tensorflow::SourceGraph source_;
  std::map<std::string, const tessera_uff::Data*> referenced_;
  Names unique_;
  std::set<std::string> names_;
};

tessera_uff::MetaGraph parse(const std::filesystem::path& file) {
  tessera_uff::MetaGraph meta;
  parseProtobuf(file, "UFF file", meta);
  if (meta.graphs_size() == 0) refuseFile(file, "UFF file");
  return meta;
}

}  // namespace
}  // namespace uff

Graph importUff(const std::filesystem::path& file, const ImportOptions& options) {
  const tessera_uff::MetaGraph meta = uff::parse(file);
  ImportBudget budget(options);
  budget.addFile(file);
  return tensorflow::importSource(uff::GraphReader(meta, file.string()).read(), options, budget);
}

}  // namespace tessera
