// One node of an ONNX graph while it is imported.
#include "importers/onnx/node.hpp"

#include "importers/onnx/tensor_value.hpp"

namespace tessera::onnx {

using tessera_onnx::Attribute;

int ImportState::elementType(TensorId id) const {
  const auto found = elementTypes.find(id);
  return found == elementTypes.end() ? tessera_onnx::Tensor::INT32 : found->second;
}

void ImportState::note(int onnxType) {
  using tessera_onnx::Tensor;
  holdsUnsigned |= onnxType == Tensor::UINT16 || onnxType == Tensor::UINT32 || onnxType == Tensor::UINT64;
}

namespace {
std::string nodeName(const tessera_onnx::Node& proto) {
  if (!proto.name().empty()) return proto.name();
  for (const auto& output : proto.output())
    if (!output.empty()) return output;
  return proto.op_type();
}
}  // namespace

Node::Node(ImportState& state, const tessera_onnx::Node& proto, int opset, std::vector<TensorId> inputs)
    : LayerMaker(state.builder, state.tensorNames, state.layerNames, nodeName(proto)),
      state_(state),
      proto_(proto),
      opset_(opset),
      inputs_(std::move(inputs)),
      outputs_(static_cast<std::size_t>(proto.output_size()), kNoTensor) {}

TensorId Node::in(std::size_t i) const {
  if (!has(i)) bad("input " + std::to_string(i) + " is missing");
  return inputs_[i];
}

const HostTensor& Node::constant(std::size_t i, std::string_view what) const { return known(in(i), i, what); }

std::vector<std::int64_t> Node::constantInts(std::size_t i, std::string_view what) const {
  return knownInts(in(i), i, what);
}

std::vector<double> Node::constantNumbers(std::size_t i, std::string_view what) const {
  const HostTensor& value = constant(i, what);
  std::vector<double> out;
  for (std::int64_t k = 0; k < value.size(); ++k) out.push_back(value.number(k));
  return out;
}

std::int64_t Node::constantInt(std::size_t i, std::string_view what) const {
  return knownInt(in(i), i, what);
}

const Attribute* Node::find(std::string_view name) const {
  for (const auto& attribute : proto_.attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}

namespace {
/// Old files leave the kind out; then the field that is present tells.
int kindOf(const Attribute& a) {
  if (a.has_type() && a.type() != Attribute::UNDEFINED) return a.type();
  if (a.has_f()) return Attribute::FLOAT;
  if (a.has_i()) return Attribute::INT;
  if (a.has_s()) return Attribute::STRING;
  if (a.has_t()) return Attribute::TENSOR;
  if (a.has_g()) return Attribute::GRAPH;
  if (a.floats_size()) return Attribute::FLOATS;
  if (a.ints_size()) return Attribute::INTS;
  if (a.strings_size()) return Attribute::STRINGS;
  return Attribute::UNDEFINED;
}

void wantKind(const Attribute& a, int kind) {
  if (kindOf(a) == kind) return;
  const bool emptyList =
      kindOf(a) == Attribute::UNDEFINED && (kind == Attribute::INTS || kind == Attribute::FLOATS);
  if (emptyList) return;
  throw Error(ErrorCode::BadModel, "attribute " + a.name() + " is of another kind than " +
                                       Attribute::Type_Name(static_cast<Attribute::Type>(kind)));
}
}  // namespace

std::int64_t Node::integer(std::string_view name, std::int64_t fallback) const {
  const Attribute* a = find(name);
  if (!a) return fallback;
  wantKind(*a, Attribute::INT);
  return a->i();
}

std::int64_t Node::integer(std::string_view name) const {
  if (!find(name)) bad("attribute " + std::string(name) + " is missing");
  return integer(name, 0);
}

double Node::number(std::string_view name, double fallback) const {
  const Attribute* a = find(name);
  if (!a) return fallback;
  if (kindOf(*a) == Attribute::INT) return static_cast<double>(a->i());
  wantKind(*a, Attribute::FLOAT);
  return a->f();
}

std::string Node::string(std::string_view name, const std::string& fallback) const {
  const Attribute* a = find(name);
  if (!a) return fallback;
  wantKind(*a, Attribute::STRING);
  return a->s();
}

std::vector<std::int64_t> Node::integers(std::string_view name, std::vector<std::int64_t> fallback) const {
  const Attribute* a = find(name);
  if (!a) return fallback;
  wantKind(*a, Attribute::INTS);
  return {a->ints().begin(), a->ints().end()};
}

std::vector<double> Node::numbers(std::string_view name, std::vector<double> fallback) const {
  const Attribute* a = find(name);
  if (!a) return fallback;
  wantKind(*a, Attribute::FLOATS);
  return {a->floats().begin(), a->floats().end()};
}

HostTensor Node::tensor(std::string_view name) const {
  const Attribute* a = find(name);
  if (!a) bad("attribute " + std::string(name) + " is missing");
  wantKind(*a, Attribute::TENSOR);
  state_.note(a->t().data_type());
  return readTensor(a->t(), state_.files, &state_.builder.budget);
}

const tessera_onnx::Graph& Node::graph(std::string_view name) const {
  const Attribute* a = find(name);
  if (!a) bad("attribute " + std::string(name) + " is missing");
  wantKind(*a, Attribute::GRAPH);
  return a->g();
}

void Node::set(std::size_t i, TensorId id) {
  if (i >= outputs_.size()) return;  // an optional output the model does not ask for
  outputs_[i] = id;
}

}  // namespace tessera::onnx
