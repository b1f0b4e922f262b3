/// \file
/// What an operator owns: shape and type inference, its scalar reference, input domain, tolerance and
/// samples. One file per operator in this folder; ops.def is the list; docs/operators.md the catalogue.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/traits.hpp"
#include "tessera/attributes.hpp"
#include "tessera/tensor.hpp"

namespace tessera {

/// One operator with its operands described, detached from any graph. Canonical identity of a tuning problem.
struct OpView {
  std::string op;
  Attributes attrs;
  std::vector<TensorDesc> inputs;  ///< type None: absent
  std::vector<TensorDesc> outputs;

  bool has(std::size_t input) const { return input < inputs.size() && inputs[input].present(); }
  std::string text() const;  ///< "Convolution{pads=[1,1,1,1]}(f32:1x3x8x8,f32:4x3x3x3)->(f32:1x4x8x8)"
  bool operator==(const OpView&) const = default;
};

/// How tests fill one input of an instance.
struct Fill {
  enum class Kind { Uniform, SmallIntegers, Values } kind = Kind::Uniform;
  double low = -1, high = 1;
  HostTensor values;  ///< for Kind::Values (indices, statistics that must be positive, ...)
  static Fill uniform(double low, double high) { return {Kind::Uniform, low, high, {}}; }
  static Fill integers(double low, double high) { return {Kind::SmallIntegers, low, high, {}}; }
  static Fill of(HostTensor v) { return {Kind::Values, 0, 0, std::move(v)}; }
};

/// An operator with concrete shapes, for tests and benchmarks. `fills` may be shorter than the inputs
/// (uniform [-1,1]).
struct OpInstance {
  OpView view;
  std::vector<Fill> fills;
};

/// |device - reference| <= absolute + relative * |reference| is a pass.
struct Tolerance {
  double absolute = 0, relative = 0;
};

/// What happens to scales in INT8 (DESIGN.md section 4).
enum class QuantRule {
  Float,       ///< computed in floating point only
  Requantise,  ///< has an integer body with scales of its own (convolution, fully connected, residual add)
  SameScale,   ///< moves or picks codes; input and output share one scale (max pool, concat, crop)
};

/// What an operator's attributes are called.
using AttributeNames = std::vector<std::string_view>;

class Operator {
 public:
  virtual ~Operator() = default;
  virtual std::string_view name() const = 0;
  /// Every attribute it knows; a layer with another one is refused.
  virtual AttributeNames attributes() const { return {}; }
  /// Output types and shapes from attributes and inputs; throws Error(InvalidArgument) with the reason.
  virtual std::vector<TensorDesc> infer(const Attributes& attrs,
                                        std::span<const TensorDesc> inputs) const = 0;
  /// Computes the outputs, plainly and with wide accumulators; `outputs` come sized and zeroed. Absent inputs
  /// are empty.
  virtual void reference(const OpView& view, std::span<const HostTensor> inputs,
                         std::span<HostTensor> outputs) const = 0;
  virtual Tolerance tolerance(const OpView& view) const { return {1e-6, 1e-5}; }
  virtual QuantRule quantRule(const OpView& view) const { return QuantRule::Float; }
  /// Whether input i may be kept in half precision, where it holds floats; it computes in f32 all the same.
  virtual bool takesHalf(std::size_t input) const { return input == 0; }
  /// Facts about it that the rest of the project asks for.
  virtual OperatorTraits traits() const { return {}; }
  /// Instances that stress its edges; tests run all of them through every family that applies.
  virtual std::vector<OpInstance> samples() const = 0;
};

/// What graphs infer layers with: refuses attributes that the operator does not know, integers beyond
/// kMostElements in them, and outputs that no tensor can be; throws Error(InvalidArgument) with the reason.
std::vector<TensorDesc> inferOutputs(const Operator& op, const Attributes& attrs,
                                     std::span<const TensorDesc> inputs);

/// The tolerance of an operator's results on a device: its own, and where results are kept in half what
/// rounding to it adds, unless they are exact.
Tolerance toleranceOf(const OpView& view);

/// The operator with every operand that may be half kept so (takesHalf()), its outputs as it then infers
/// them; none where it has no float operand that may.
std::optional<OpView> inHalf(const OpView& view);

/// Finds an operator by name; null where there is none.
const Operator* findOperator(std::string_view name);
/// As findOperator, but throws Error(Unsupported).
const Operator& operatorNamed(std::string_view name);
/// Traits of the operator of that name; throws Error(Unsupported) where there is none.
inline OperatorTraits traitsOf(std::string_view name) { return operatorNamed(name).traits(); }
/// All operators, in the order of ops.def.
const std::vector<const Operator*>& allOperators();

/// Builds a sample: infers the outputs, too. `constants[i]` marks input i as constant (weights); shorter:
/// false.
OpInstance makeSample(const std::string& op, Attributes attrs, std::vector<TensorDesc> inputs,
                      std::vector<Fill> fills = {}, std::vector<bool> constants = {});
/// f32 planar operand of a shape, for samples.
inline TensorDesc f32(Shape shape) { return {DataType::Float32, std::move(shape), {}}; }
inline TensorDesc absent() { return {}; }

/// Collects operators from the add functions that ops.def names.
using OperatorList = std::vector<const Operator*>;

}  // namespace tessera
