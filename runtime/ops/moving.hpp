/// \file
/// What operators that only move elements have in common.
#pragma once

#include "ops/operator.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {

/// Takes any element type, computes nothing: results are exact, and codes keep their scale.
class MovingOperator : public Operator {
 public:
  explicit MovingOperator(std::string_view name) : name_(name) {}
  std::string_view name() const override { return name_; }
  Tolerance tolerance(const OpView&) const override { return {0, 0}; }
  QuantRule quantRule(const OpView&) const override { return QuantRule::SameScale; }
  bool takesHalf(std::size_t) const override { return true; }

 protected:
  OpInstance sample(Attributes attrs, std::vector<TensorDesc> inputs, std::vector<Fill> fills = {}) const {
    return makeSample(std::string(name_), std::move(attrs), std::move(inputs), std::move(fills));
  }

 private:
  std::string_view name_;
};

/// A sample operand of any type.
inline TensorDesc anyTensor(DataType type, Shape shape) { return {type, std::move(shape), {}}; }
/// Values that every type holds.
inline Fill anyInteger(DataType type) {
  return type == DataType::Bool ? Fill::integers(0, 1)
                                : Fill::integers(type == DataType::UInt8 ? 0 : -100, 100);
}

/// Attribute of one integer per extent.
inline std::vector<std::int64_t> perExtent(const Attributes& attrs, const char* name, std::size_t count) {
  auto values = attrs.integers(name);
  if (values.size() != count)
    refuse("attribute " + std::string(name) + " has " + std::to_string(values.size()) +
           " entries instead of " + std::to_string(count));
  return values;
}

}  // namespace tessera
