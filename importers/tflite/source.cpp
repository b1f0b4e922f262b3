// The graph of a TensorFlow Lite file as nodes of the importer. Operators compute on numbers: tensors of
// codes are decoded before and encoded behind them.
#include <cstring>
#include <set>

#include "importers/common/names.hpp"
#include "importers/tflite/model.hpp"
#include "importers/tflite/operators.hpp"
#include "importers/tflite/sparse.hpp"

namespace tessera::tflite {
namespace {

using tensorflow::SourceNode;
using Tensor = tessera_tflite::Tensor;

class SubGraphReader {
 public:
  SubGraphReader(const ModelFile& file, const std::string& name)
      : model_(*file.model), graph_(*file.model->subgraphs()->Get(0)) {
    source_.file = name;
    source_.format = "TFLite";
    if (graph_.name()) source_.name = text(*graph_.name());
    tensors_ = graph_.tensors() ? graph_.tensors()->size() : 0;
  }

  tensorflow::SourceGraph read() {
    nameTensors();
    addInputs();
    if (graph_.operators())
      for (flatbuffers::uoffset_t i = 0; i < graph_.operators()->size(); ++i)
        addOperator(*graph_.operators()->Get(i));
    if (graph_.outputs())
      for (const auto given : *graph_.outputs()) {
        const std::size_t index = checked(given);
        known(index);
        source_.outputs.push_back(names_[index]);
      }
    return std::move(source_);
  }

 private:
  [[noreturn]] void bad(const std::string& why) const {
    throw Error(ErrorCode::BadModel, source_.file + ": " + why + ".");
  }

  static std::string text(const flatbuffers::String& bytes) {
    return isUtf8(bytes.string_view()) ? bytes.str() : escapeBytes(bytes.string_view());
  }

  std::size_t checked(std::int64_t index) const {
    if (index < 0 || index >= static_cast<std::int64_t>(tensors_))
      bad("tensor " + std::to_string(index) + " is read, there are " + std::to_string(tensors_));
    return static_cast<std::size_t>(index);
  }
  const Tensor& tensor(std::size_t index) const {
    return *graph_.tensors()->Get(static_cast<flatbuffers::uoffset_t>(index));
  }

  /// Tensors may share names, or have none. What is added later gets none that the file has.
  void nameTensors() {
    for (std::size_t i = 0; i < tensors_; ++i) {
      const auto* name = tensor(i).name();
      names_.push_back(unique_.unique(name && name->size() ? text(*name) : "tensor" + std::to_string(i)));
    }
    made_.assign(tensors_, false);
    decoded_.assign(tensors_, {});
  }

  void addInputs() {
    if (!graph_.inputs()) return;
    for (const auto given : *graph_.inputs()) {
      const std::size_t index = checked(given);
      if (made_[index]) bad("the input '" + names_[index] + "' is listed twice");
      made_[index] = true;
      const Tensor& t = tensor(index);
      DeclaredInput input{names_[index], heldType(t.type()), true, {}};
      const auto* shape =
          t.shape_signature() && t.shape_signature()->size() ? t.shape_signature() : t.shape();
      if (shape)
        for (const auto extent : *shape) input.extents.push_back({extent < 0 ? -1 : extent, ""});
      source_.inputs.push_back(std::move(input));
    }
  }

  /// Bytes of a tensor that is no result of an operator.
  const flatbuffers::Vector<std::uint8_t>* stored(const Tensor& t) const {
    const auto* buffers = model_.buffers();
    if (!buffers || t.buffer() >= buffers->size())
      bad("a tensor has the buffer " + std::to_string(t.buffer()));
    return buffers->Get(t.buffer())->data();
  }

  Shape shapeOf(const Tensor& t, const std::string& name) const {
    Shape shape;
    if (t.shape())
      for (const auto extent : *t.shape()) {
        if (extent < 0) bad("the constant '" + name + "' has a negative extent");
        shape.push_back(extent);
      }
    return shape;
  }

  void addConstant(std::size_t index) {
    const Tensor& t = tensor(index);
    const std::string& name = names_[index];
    SourceNode node{name, "Const"};
    node.outputs = {name};
    const auto* bytes = stored(t);
    const Shape shape = shapeOf(t, name);
    if (t.is_variable()) {
      node.refused = "it is a variable that keeps its value between runs";
    } else if (const auto* sparsity = t.sparsity()) {
      node.value = [bytes, shape, type = t.type(), sparsity](ImportBudget& budget) {
        return sparseValue(*sparsity, bytes ? bytes->data() : nullptr, bytes ? bytes->size() : 0, shape, type,
                           budget);
      };
    } else {
      node.value = [bytes, shape, type = t.type()](ImportBudget& budget) {
        return constantValue(bytes ? bytes->data() : nullptr, bytes ? bytes->size() : 0, shape, type, budget);
      };
    }
    source_.nodes.push_back(std::move(node));
  }

  static HostTensor sparseValue(const tessera_tflite::SparsityParameters& sparsity, const std::uint8_t* bytes,
                                std::size_t size, const Shape& shape, tessera_tflite::TensorType type,
                                ImportBudget& budget);
  static HostTensor constantValue(const std::uint8_t* bytes, std::size_t size, const Shape& shape,
                                  tessera_tflite::TensorType type, ImportBudget& budget);

  /// What no operator makes before it is read is a constant.
  void known(std::size_t index) {
    if (made_[index]) return;
    made_[index] = true;
    addConstant(index);
  }

  /// The name under which a tensor of codes is read as numbers, and any other as it is.
  std::string operand(std::size_t index) {
    known(index);
    if (!isCoded(tensor(index))) return names_[index];
    if (decoded_[index].empty()) {
      SourceNode node{unique_.unique(names_[index] + "/decoded"), "Decode"};
      node.inputs = {names_[index]};
      node.outputs = {node.name};
      setCoding(node, tensor(index));
      decoded_[index] = node.name;
      source_.nodes.push_back(std::move(node));
    }
    return decoded_[index];
  }

  static bool isCoded(const Tensor& t) {
    using T = tessera_tflite::TensorType;
    const auto* q = t.quantization();
    const bool integers =
        t.type() == T::INT8 || t.type() == T::UINT8 || t.type() == T::INT16 || t.type() == T::INT32;
    return integers && q && q->scale() && q->scale()->size() > 0;
  }

  void setCoding(SourceNode& node, const Tensor& t) const {
    const auto& q = *t.quantization();
    std::vector<double> scales(q.scale()->begin(), q.scale()->end());
    std::vector<std::int64_t> zeros;
    if (q.zero_point()) zeros.assign(q.zero_point()->begin(), q.zero_point()->end());
    if (zeros.size() > 1 && zeros.size() != scales.size())
      bad("a tensor has as many scales as it has zero points not");
    using T = tessera_tflite::TensorType;
    if (t.type() == T::INT16) node.refused = "its codes have 16 bits; 8 are supported";
    node.attributes.set("scales", scales)
        .set("zeros", zeros)
        .set("axis", std::int64_t{q.quantized_dimension()})
        .set("to", std::string(toString(heldType(t.type()))));
  }

  static std::string whyNoRow(int code) {
    constexpr int kCallOnce = 129, kVarHandle = 142, kAssignVariable = 144;
    if (code == kCallOnce || (code >= kVarHandle && code <= kAssignVariable))
      return "it belongs to a variable that keeps its value between runs: export the network with its states "
             "as "
             "inputs and outputs";
    return "the importer has no operator of this code (" + std::to_string(code) + ")";
  }

  std::string typeOf(const tessera_tflite::Operator& op, const Row*& row, SourceNode& node) const {
    const auto* codes = model_.operator_codes();
    if (!codes || op.opcode_index() >= codes->size())
      bad("an operator has the code " + std::to_string(op.opcode_index()));
    const auto& code = *codes->Get(op.opcode_index());
    const int number = std::max<int>(code.deprecated_builtin_code(), code.builtin_code());
    if (number == 32) {
      node.custom = true;
      const std::string name = code.custom_code() ? text(*code.custom_code()) : "";
      row = findCustomRow(name);
      return name;
    }
    row = findRow(number);
    if (!row) node.refused = whyNoRow(number);
    return row ? std::string(row->name) : "operator " + std::to_string(number);
  }

  /// It is there for what it does beside: of those that the importer knows there is none.
  void addWithoutResult(SourceNode node) {
    if (node.refused.empty()) bad("an operator " + node.type + " has no result");
    node.name = unique_.unique(node.type);
    source_.nodes.push_back(std::move(node));
  }

  void addOperator(const tessera_tflite::Operator& op) {
    const Row* row = nullptr;
    SourceNode node{"", ""};
    node.type = typeOf(op, row, node);
    std::vector<std::size_t> results;
    if (op.outputs())
      for (const auto index : *op.outputs()) results.push_back(checked(index));
    if (results.empty()) return addWithoutResult(std::move(node));
    node.name = names_[results[0]];
    if (op.inputs())
      for (const auto index : *op.inputs()) node.inputs.push_back(index < 0 ? "" : operand(checked(index)));
    std::vector<SourceNode> behind;
    for (const std::size_t index : results) {
      if (made_[index]) bad("the tensor '" + names_[index] + "' is made twice, or is read before it is made");
      made_[index] = true;
      if (!isCoded(tensor(index))) {
        node.outputs.push_back(names_[index]);
        continue;
      }
      node.outputs.push_back(unique_.unique(names_[index] + "/exact"));
      SourceNode encode{unique_.unique(names_[index] + "/codes"), "Encode"};
      encode.inputs = {node.outputs.back()};
      encode.outputs = {names_[index]};
      setCoding(encode, tensor(index));
      behind.push_back(std::move(encode));
    }
    const DataType held = heldType(tensor(results[0]).type());
    node.attributes.set("result", held == DataType::None ? elementTypeName(tensor(results[0]).type())
                                                         : std::string(toString(held)));
    std::vector<SourceNode> helpers;
    Operator reading{op, node, helpers, unique_};
    if (node.custom && !row) readCustomOptions(reading);
    if (row) {
      node.custom = false;
      if (row->read) row->read(reading);
      node.version = std::string(row->name);
      node.type = row->type;
    }
    for (auto& helper : helpers) source_.nodes.push_back(std::move(helper));
    source_.nodes.push_back(std::move(node));
    for (auto& encode : behind) source_.nodes.push_back(std::move(encode));
  }

  const tessera_tflite::Model& model_;
  const tessera_tflite::SubGraph& graph_;
  tensorflow::SourceGraph source_;
  std::size_t tensors_ = 0;
  Names unique_;
  std::vector<std::string> names_, decoded_;
  std::vector<bool> made_;  ///< inputs, results of operators so far, constants that were read
};

template <class T>
T element(const std::uint8_t* bytes, std::int64_t i) {
  T value;
  std::memcpy(&value, bytes + static_cast<std::size_t>(i) * sizeof(T), sizeof(T));
  return value;
}

/// One number of a type that Tessera holds in another.
double numberOf(const std::uint8_t* bytes, std::int64_t i, tessera_tflite::TensorType type) {
  using T = tessera_tflite::TensorType;
  switch (type) {
    case T::FLOAT16:
      return Half{element<std::uint16_t>(bytes, i)}.toFloat();
    case T::BFLOAT16: {
      const std::uint32_t bits = std::uint32_t{element<std::uint16_t>(bytes, i)} << 16;
      float value;
      std::memcpy(&value, &bits, sizeof value);
      return value;
    }
    case T::FLOAT64:
      return element<double>(bytes, i);
    case T::INT16:
      return element<std::int16_t>(bytes, i);
    case T::UINT16:
      return element<std::uint16_t>(bytes, i);
    default:
      return element<std::uint32_t>(bytes, i);
  }
}

std::size_t storedBytes(tessera_tflite::TensorType type) {
  using T = tessera_tflite::TensorType;
  if (type == T::FLOAT16 || type == T::BFLOAT16 || type == T::INT16 || type == T::UINT16) return 2;
  if (type == T::FLOAT64 || type == T::UINT64) return 8;
  if (type == T::UINT32) return 4;
  return byteSize(heldType(type));
}

HostTensor SubGraphReader::constantValue(const std::uint8_t* bytes, std::size_t size, const Shape& shape,
                                         tessera_tflite::TensorType type, ImportBudget& budget) {
  const DataType held = heldType(type);
  if (held == DataType::None)
    throw Error(ErrorCode::Unsupported, "Tessera has no type for elements of type " + elementTypeName(type));
  const double wanted = static_cast<double>(elementCount(shape)) * static_cast<double>(storedBytes(type));
  if (static_cast<double>(size) != wanted)
    throw Error(ErrorCode::BadModel, "its value holds " + std::to_string(size) + " bytes, its shape " +
                                         toString(shape) + " does not; or nothing makes it");
  budget.hold(held, shape);
  HostTensor value(held, shape);
  if (storedBytes(type) == byteSize(held)) {
    if (size > 0) std::memcpy(value.data.data(), bytes, size);
    if (held == DataType::Bool)
      for (auto& byte : value.data) byte = byte == std::byte{0} ? byte : std::byte{1};
    return value;
  }
  for (std::int64_t i = 0; i < value.size(); ++i) value.setNumber(i, numberOf(bytes, i, type));
  return value;
}

HostTensor SubGraphReader::sparseValue(const tessera_tflite::SparsityParameters& sparsity,
                                       const std::uint8_t* bytes, std::size_t size, const Shape& shape,
                                       tessera_tflite::TensorType type, ImportBudget& budget) {
  if (const DataType held = heldType(type); held != DataType::None) budget.hold(held, shape);  // in between
  const auto all = densified(sparsity, shape, {bytes, size}, storedBytes(type));
  return constantValue(all.data(), all.size(), shape, type, budget);
}

}  // namespace

tensorflow::SourceGraph sourceOf(const ModelFile& file, const std::string& name) {
  return SubGraphReader(file, name).read();
}

}  // namespace tessera::tflite
