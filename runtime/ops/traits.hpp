/// \file
/// Facts about operators that the rest of the project asks for. Each operator states its own
/// (Operator::traits); nothing outside this folder compares operator names for them.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace tessera {

struct OpView;

struct OperatorTraits {
  /// What the output is where it is the input's elements, or some of them: it may then need no kernel.
  enum class View {
    None,
    Same,      ///< the input itself, in any layout
    Reshaped,  ///< the input's elements in row-major order under another shape
    Part,      ///< what attributes `starts`, `sizes` and `steps` cut out of the input
  };
  View view = View::None;
  bool joins = false;        ///< its inputs lie one after another along attribute `axis`
  bool broadcasts = false;   ///< inputs are walked together with the output: equal extents, or 1
  bool mixesFloats = false;  ///< inputs behind the first may be f32 where the first and the result are f16
  bool elementwise = false;  ///< broadcasts and computes; no attribute or operand speaks of an axis

  bool window = false;  ///< a window with strides and pads slides over an image (ops/geometry.hpp)
  /// Which input holds the weights, and where channels lie in them. Bias, residual and slope are the inputs
  /// behind, `activation` an attribute (ops/epilogue.hpp).
  struct Weights {
    std::size_t input = 1, inputAxis = 1, outputAxis = 0;
  };
  std::optional<Weights> weights;
  /// Whether the window slides over the output and weights are listed by input channel first.
  bool transposed() const { return weights && weights->inputAxis == 0; }

  std::string_view integerTwin;  ///< the operator that computes the same on codes; empty: none
  std::string_view floatTwin;    ///< of an operator on codes: what it computes in floats
  /// Whether it computes on codes (QConvolution, ..). Quantize and Dequantize, which a model writes itself,
  /// are float operators.
  bool quantised() const { return !floatTwin.empty(); }

  using Work = double (*)(const OpView&);
  Work multiplyAdds = nullptr;  ///< of its sums, a pooling window's taps included; null: it has none
  Work otherWork = nullptr;     ///< what its reference takes beside that and its operands, in multiply-adds

  /// The output extent that extent `axis` of input `input` becomes, entry by entry; none where entries are
  /// mixed. Null: it mixes all.
  using Follow = std::optional<std::size_t> (*)(const OpView&, std::size_t input, std::size_t axis);
  Follow follow = nullptr;
  /// The extent of output 0 that is only a bound; output 1 says how many entries there are.
  std::optional<std::size_t> countedExtent;
  bool statistic = false;  ///< sums up a tensor for calibration: entries behind the last do no harm

  /// What the bits of its results depend on, beside its operands.
  enum class Bits {
    Defined,  ///< nothing: every kernel on every device gives the same
    Ordered,  ///< the order of its sums, which kernels choose where attribute `ordered` (ops/ordered.hpp) is
              ///< 0
    Device,   ///< functions that every device's library computes in its own way
  };
  using BitsOf = Bits (*)(const OpView&);
  BitsOf bits = nullptr;  ///< null: Defined
};

}  // namespace tessera
