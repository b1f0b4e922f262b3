// Codes: fake quantisation of trained graphs, and the pairs that TFLite's tensors become.
#include "importers/tensorflow/quantize.hpp"

#include <algorithm>
#include <cmath>

namespace tessera::tensorflow {
namespace {

/// Scale and zero point as operands; of several, lists.
std::vector<TensorId> operandsOf(Node& node, const Coding& coding, const std::string& part) {
  const bool list = coding.scales.size() > 1;
  const Shape shape = list ? Shape{static_cast<std::int64_t>(coding.scales.size())} : Shape{};
  HostTensor scales(DataType::Float32, shape), zeros(coding.type, shape);
  for (std::size_t i = 0; i < coding.scales.size(); ++i) {
    scales.setNumber(static_cast<std::int64_t>(i), coding.scales[i]);
    const std::int64_t zero = coding.zeros.empty() ? 0 : coding.zeros[coding.zeros.size() > 1 ? i : 0];
    zeros.setNumber(static_cast<std::int64_t>(i), static_cast<double>(zero));
  }
  std::vector<TensorId> ids{node.constantOf(std::move(scales), part + "/scale")};
  ids.push_back(node.constantOf(std::move(zeros), part + "/zero"));
  return ids;
}

}  // namespace

namespace {
/// Biases are codes of 32 bits, which need no place of their own.
HostTensor biasNumbers(Node& node, const HostTensor& codes, const Coding& coding) {
  HostTensor numbers = node.allocate(DataType::Float32, codes.shape);
  const auto count = static_cast<std::int64_t>(coding.scales.size());
  if (count > 1 && codes.size() != count) node.unsupported("its codes of 32 bits are no list of biases");
  for (std::int64_t i = 0; i < codes.size(); ++i)
    numbers.setNumber(i, codes.number(i) * coding.scales[static_cast<std::size_t>(count > 1 ? i : 0)]);
  return numbers;
}
}  // namespace

Held decoded(Node& node, const Held& codes, const Coding& coding, const std::string& part) {
  const HostTensor* known = node.valueOf(codes.id);
  if (coding.type == DataType::Int32) {
    if (!known) node.unsupported("its codes of 32 bits are computed at run time");
    return {node.constantOf(biasNumbers(node, *known, coding), part + "/numbers"), codes.order};
  }
  std::vector<TensorId> operands{codes.id};
  for (const TensorId id : operandsOf(node, coding, part)) operands.push_back(id);
  const TensorId numbers =
      node.add("Dequantize", std::move(operands), {{"axis", storedAxis(codes.order, coding.axis)}}, part);
  if (known && codes.order.empty()) node.state().coded[numbers] = {codes.id, coding};
  return {numbers, codes.order};
}

bool isKnown(const Node& node, TensorId id) {
  return node.valueOf(id) != nullptr || node.state().coded.count(id) != 0;
}

TensorId changedWeights(Node& node, TensorId weights, const std::function<TensorId(TensorId)>& change,
                        const std::function<std::int64_t(std::int64_t)>& axis) {
  const auto found = node.state().coded.find(weights);
  if (found == node.state().coded.end()) return change(weights);
  CodedConstant coded = found->second;
  coded.coding.axis = axis(coded.coding.axis);
  return decoded(node, {change(coded.codes)}, coded.coding, "decoded").id;
}

Held encoded(Node& node, const Held& x, const Coding& coding, const std::string& part) {
  std::vector<TensorId> operands{x.id};
  for (const TensorId id : operandsOf(node, coding, part)) operands.push_back(id);
  return {node.add("Quantize", std::move(operands),
                   {{"axis", storedAxis(x.order, coding.axis)}, {"to", std::string(toString(coding.type))}},
                   part),
          x.order};
}

namespace {

/// Rounded to codes from `low` to 255 (or 1 to 255), after the range has been moved so that 0 is a code.
Coding nudged(Node& node, double least, double greatest) {
  const std::int64_t bits = node.attributes().integer("num_bits", 8);
  if (bits != 8) node.unsupported("it rounds to " + std::to_string(bits) + " bits; 8 are supported");
  if (node.attributes().integer("narrow_range") != 0) node.unsupported("it uses a narrow range of codes");
  if (!(least <= 0 && greatest >= 0 && greatest > least)) node.bad("its range does not hold 0");
  const float scale = static_cast<float>((greatest - least) / 255);
  const auto zero = static_cast<std::int64_t>(std::round(std::clamp(-least / scale, 0.0, 255.0)));
  return {{scale}, {zero}, 0, DataType::UInt8};
}

void fakeQuant(Node& node) {
  const bool args = node.type() == "FakeQuantWithMinMaxArgs";
  const double least = args ? node.attributes().number("min", -6) : node.constantNumber(1, "min"),
               greatest = args ? node.attributes().number("max", 6) : node.constantNumber(2, "max");
  const Coding coding = nudged(node, least, greatest);
  node.set(0, decoded(node, encoded(node, node.held(0), coding, "codes"), coding, ""));
}

}  // namespace

void addRows_quantize(RowList& rows) {
  for (const char* type : {"FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxArgs"})
    rows.push_back({type, fakeQuant, "8 bits; a pair of QuantizeLinear and DequantizeLinear"});
}

}  // namespace tessera::tensorflow
