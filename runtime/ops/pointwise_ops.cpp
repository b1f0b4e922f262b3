// The operators of the pointwise table: one Operator object per row of clkernels/common/pointwise.def.
#include <cmath>
#include <limits>
#include <memory>

#include "ops/curved.hpp"
#include "ops/follow.hpp"
#include "ops/operator.hpp"
#include "ops/pointwise.hpp"
#include "ops/shape_tools.hpp"

namespace tessera {
namespace {

using Kind = PointwiseKind;

/// Where a function is defined (or tame enough that its condition does not swamp the tolerance).
struct Domain {
  std::string_view op;
  double low, high;
};
constexpr Domain kDomains[] = {{"Log", 0.1, 4}, {"Sqrt", 0, 4},  {"Acosh", 1.1, 4},      {"Atanh", -0.9, 0.9},
                               {"Asin", -1, 1}, {"Acos", -1, 1}, {"Reciprocal", 0.5, 2}, {"Power", 0.1, 3},
                               {"Tan", -1, 1},  {"Exp", -4, 3},  {"Sinh", -3, 3},        {"Cosh", -3, 3}};

Domain domainOf(std::string_view op) {
  for (const Domain& domain : kDomains)
    if (domain.op == op) return domain;
  return {op, -4, 4};
}

class Pointwise final : public Operator {
 public:
  explicit Pointwise(const PointwiseOp& row) : row_(row) {}
  std::string_view name() const override { return row_.name; }
  bool takesHalf(std::size_t) const override { return true; }
  AttributeNames attributes() const override {
    AttributeNames names;  // those the row's expressions read
    for (const std::string_view constant : {"alpha", "beta"})
      if (row_.expression.find(constant) != std::string_view::npos ||
          row_.integerExpression.find(constant) != std::string_view::npos)
        names.push_back(constant);
    return names;
  }

  std::vector<TensorDesc> infer(const Attributes&, std::span<const TensorDesc> inputs) const override {
    const auto count = static_cast<std::size_t>(row_.arity());
    wantInputs(inputs, count, count);
    const DataType type = inputs[0].type;
    if (count == 2 && inputs[1].type != type)
      refuse("operands have different types: " + std::string(toString(type)) + " and " +
             std::string(toString(inputs[1].type)));
    checkType(type);
    Shape shape = broadcastShapes(inputs);
    if (shape.size() > 8) refuse("takes tensors of rank 8 at most");
    return {{row_.toBool() ? DataType::Bool : type, std::move(shape), {}}};
  }

  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const auto [alpha, beta] = pointwiseConstants(row_, view.attrs);
    const HostTensor& a = inputs[0];
    const HostTensor& b = inputs.size() > 1 ? inputs[1] : inputs[0];
    HostTensor& y = outputs[0];
    const auto as = broadcastStrides(a.shape, y.shape), bs = broadcastStrides(b.shape, y.shape);
    if (!isFloat(a.type) && row_.integer) {
      const std::int64_t ia = saturatedInteger(alpha), ib = saturatedInteger(beta);
      forEachIndex(y.shape, [&](std::int64_t i, auto at) {
        storeInteger(y, i, row_.integer(a.integer(dot(at, as)), b.integer(dot(at, bs)), ia, ib));
      });
    } else {
      forEachIndex(y.shape, [&, al = alpha, be = beta](std::int64_t i, auto at) {
        y.setNumber(i, row_.wide(a.number(dot(at, as)), b.number(dot(at, bs)), al, be));
      });
    }
  }

  Tolerance tolerance(const OpView& view) const override {
    if (row_.toBool() || !isFloat(view.inputs[0].type)) return {0, 0};
    return {4e-6, 1e-5};  // built-in functions may err by 16 ulp
  }
  QuantRule quantRule(const OpView&) const override {
    return row_.name == "Relu" ? QuantRule::SameScale : QuantRule::Float;
  }

  OperatorTraits traits() const override {
    return {.broadcasts = true, .elementwise = true, .follow = followBroadcast, .bits = [](const OpView& op) {
              return isFloat(op.inputs[0].type) && !definedPointwise(op.op) ? OperatorTraits::Bits::Device
                                                                            : OperatorTraits::Bits::Defined;
            }};
  }
  std::vector<OpInstance> samples() const override {
    std::vector<OpInstance> list;
    if (row_.arity() == 1)
      unarySamples(list);
    else
      binarySamples(list);
    return list;
  }

 private:
  void checkType(DataType type) const {
    const bool logical = row_.kind == Kind::Logic || row_.name == "Not";
    if (logical != (type == DataType::Bool) && row_.kind != Kind::Compare)
      refuse("does not take " + std::string(toString(type)));
    if (isInteger(type) && !row_.integer) refuse("takes no integers");
    if (isFloat(type) && !row_.wide) refuse("takes integers only");
  }

  static TensorDesc of(DataType type, Shape shape) { return {type, std::move(shape), {}}; }
  Fill fill(bool second, DataType type) const {
    if (type == DataType::Bool) return Fill::integers(0, 1);
    if (isInteger(type)) {
      const bool shifts = row_.name == "BitShiftLeft" || row_.name == "BitShiftRight";
      if (second && (shifts || row_.name == "Pow")) return Fill::integers(0, 3);
      return type == DataType::UInt8 || shifts ? Fill::integers(0, 9) : Fill::integers(-9, 9);
    }
    if (row_.kind == Kind::Compare) return Fill::integers(-2, 2);  // so that operands are often equal
    if (row_.name == "Pow") return Fill::uniform(0.1, 3);
    if (second && (row_.name == "Div" || row_.name == "Mod")) return Fill::uniform(0.5, 2);
    if (row_.arity() == 2) return Fill::uniform(-2, 2);
    const Domain domain = domainOf(row_.name);
    return Fill::uniform(domain.low, domain.high);
  }

  void unarySamples(std::vector<OpInstance>& list) const {
    const std::string name(row_.name);
    if (row_.name == "Not") {
      list.push_back(makeSample(name, {}, {of(DataType::Bool, {3, 7})}, {fill(false, DataType::Bool)}));
      return;
    }
    if (row_.kind == Kind::Predicate) {
      constexpr float kInf = std::numeric_limits<float>::infinity();
      const auto values = HostTensor::of<float>({2, 3}, {1, -kInf, 0, std::nanf(""), kInf, -2});
      list.push_back(makeSample(name, {}, {f32({2, 3})}, {Fill::of(values)}));
      for (const std::string_view constant : attributes())
        list.push_back(makeSample(name, {{std::string(constant), 0.0}}, {f32({2, 3})}, {Fill::of(values)}));
      return;
    }
    const Attributes attrs = row_.name == "Power"    ? Attributes{{"alpha", 2.5}}
                             : row_.name == "Clip"   ? Attributes{{"alpha", -1.0}, {"beta", 1.5}}
                             : row_.name == "Affine" ? Attributes{{"alpha", 1.5}, {"beta", -0.25}}
                                                     : Attributes{};
    const Fill values = fill(false, DataType::Float32);
    list.push_back(makeSample(name, attrs, {f32({7, 19})}, {values}));
    // Layouts matter for those that keep zeros (Relu), those that do not (Sigmoid) and those that give NaN
    // (Log).
    if (row_.name == "Relu" || row_.name == "Sigmoid" || row_.name == "Log") {
      list.push_back(makeSample(name, attrs, {f32({})}, {values}));
      list.push_back(makeSample(name, attrs, {f32({1, 19, 5, 7})}, {values}));
      list.push_back(makeSample(name, attrs, {f32({2, 16, 33, 31})}, {values}));
    }
    if (row_.integer)
      for (const DataType type : {DataType::Int32, DataType::Int64, DataType::Int8})
        list.push_back(makeSample(name, attrs, {of(type, {37})}, {fill(false, type)}));
  }

  void binarySamples(std::vector<OpInstance>& list) const {
    const std::string name(row_.name);
    const auto add = [&](DataType type, Shape a, Shape b, Attributes attrs = {}) {
      list.push_back(makeSample(name, std::move(attrs), {of(type, std::move(a)), of(type, std::move(b))},
                                {fill(false, type), fill(true, type)}));
    };
    const Attributes floatAttrs = row_.name == "Mod" ? Attributes{{"alpha", 1.0}} : Attributes{};
    if (row_.kind != Kind::Logic && row_.wide) {
      add(DataType::Float32, {5, 21}, {5, 21}, floatAttrs);
      add(DataType::Float32, {5, 21}, {5, 1}, floatAttrs);
      if (row_.name == "Add" || row_.name == "Div" || row_.name == "PRelu") {
        add(DataType::Float32, {2, 18, 5, 7}, {18, 1, 1});
        add(DataType::Float32, {2, 18, 5, 7}, {1});
        add(DataType::Float32, {2, 18, 5, 7}, {2, 18, 1, 1});
        add(DataType::Float32, {3, 1, 5}, {4, 1});
        add(DataType::Float32, {1, 3, 1, 5}, {2, 1, 4, 1});
        add(DataType::Float32, {2, 1, 3, 1, 2, 1, 3, 1}, {3, 1, 2, 1, 2, 1, 2});
        add(DataType::Float32, {}, {3});
        add(DataType::Float32, {2, 16, 33, 31}, {2, 16, 33, 31});
      }
    }
    if (row_.kind == Kind::Logic || row_.kind == Kind::Compare) {
      add(DataType::Bool, {3, 7}, {3, 7});
      if (row_.kind == Kind::Logic) add(DataType::Bool, {3, 4, 5}, {4, 1});
    }
    if (row_.kind != Kind::Logic)
      for (const DataType type : {DataType::Int32, DataType::Int64, DataType::UInt8})
        if (row_.integer) add(type, {7, 3}, {7, 1});
    if (row_.name == "Mul") add(DataType::Int32, {2, 7, 3}, {7, 1});
    if (row_.name == "Mod") add(DataType::Int32, {3, 7}, {3, 7}, {{"alpha", 1.0}});
  }

  const PointwiseOp& row_;
};

}  // namespace

void addOperators_pointwise_ops(OperatorList& list) {
  static const std::vector<std::unique_ptr<Pointwise>> operators = [] {
    std::vector<std::unique_ptr<Pointwise>> all;
    for (const PointwiseOp& row : pointwiseTable()) all.push_back(std::make_unique<Pointwise>(row));
    return all;
  }();
  for (const auto& one : operators) list.push_back(one.get());
}

}  // namespace tessera
