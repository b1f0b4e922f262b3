// Cast: converts the element type. Input: x. Attribute to: name of the type.
//
// A number becomes an integer by truncation; numbers outside the type's range saturate, NaN becomes 0.
// Integers become narrower integers by dropping high bits. Bool is "not equal to 0".
#include <cmath>
#include <limits>

#include "ops/follow.hpp"
#include "ops/operator.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

template <class T>
double saturated(double value) {
  if (std::isnan(value)) return 0;
  using Limits = std::numeric_limits<T>;
  return std::fmin(std::fmax(value, static_cast<double>(Limits::min())), static_cast<double>(Limits::max()));
}

void castFloat(HostTensor& y, std::int64_t i, double value) {
  switch (y.type) {
    case DataType::Int8:
      y.setNumber(i, saturated<std::int8_t>(value));
      return;
    case DataType::UInt8:
      y.setNumber(i, saturated<std::uint8_t>(value));
      return;
    case DataType::Int32:
      y.setNumber(i, saturated<std::int32_t>(value));
      return;
    case DataType::Int64:  // the largest i64 is no double: 2^63 would overflow
      y.as<std::int64_t>()[i] = value >= 9223372036854775808.0
                                    ? std::numeric_limits<std::int64_t>::max()
                                    : static_cast<std::int64_t>(saturated<std::int64_t>(value));
      return;
    default:
      y.setNumber(i, value);
      return;
  }
}

class Cast final : public Operator {
 public:
  std::string_view name() const override { return "Cast"; }
  AttributeNames attributes() const override { return {"to"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const DataType to = parseDataType(attrs.string("to"));
    if (to == DataType::None) refuse("attribute to must name an element type");
    return {{to, inputs[0].shape, {}}};
  }
  void reference(const OpView&, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const HostTensor& x = inputs[0];
    HostTensor& y = outputs[0];
    for (std::int64_t i = 0; i < x.size(); ++i) {
      if (isFloat(x.type))
        castFloat(y, i, x.number(i));
      else if (isFloat(y.type) && x.type == DataType::Int64)
        y.setNumber(i, static_cast<float>(x.integer(i)));
      else
        storeInteger(y, i, x.integer(i));
    }
  }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  OperatorTraits traits() const override {
    return {.broadcasts = true, .elementwise = true, .follow = followBroadcast};
  }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> list;
    for (const DataType from : {DataType::Float32, DataType::Float16, DataType::Int8, DataType::UInt8,
                                DataType::Int32, DataType::Int64, DataType::Bool})
      for (const char* to : {"f32", "f16", "i8", "u8", "i32", "i64", "bool"}) {
        const Fill fill = from == DataType::Float32 ? Fill::uniform(-3, 3)
                          : from == DataType::Bool || from == DataType::UInt8
                              ? Fill::integers(0, from == DataType::Bool ? 1 : 200)
                              : Fill::integers(-100, 100);
        list.push_back(makeSample("Cast", {{"to", std::string(to)}}, {{from, {3, 7}, {}}}, {fill}));
      }
    list.push_back(makeSample("Cast", {{"to", std::string("f32")}}, {{DataType::UInt8, {1, 3, 33, 31}, {}}},
                              {Fill::integers(0, 255)}));
    list.push_back(makeSample(
        "Cast", {{"to", std::string("i8")}}, {f32({6})},
        {Fill::of(HostTensor::of<float>({6}, {1e9f, -1e9f, std::nanf(""), 127.9f, -128.9f, -0.9f}))}));
    return list;
  }
};

}  // namespace

void addOperators_cast(OperatorList& list) {
  static const Cast cast;
  list.push_back(&cast);
}

}  // namespace tessera
