/// \file
/// Expressions in plugin manifests: sizes, conditions and scalar references. They come from files of others,
/// so they have no loops but bounded sums and touch nothing but what they are given.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/tensor.hpp"

namespace tessera {

/// What the names in an expression stand for.
struct ExpressionNames {
  std::vector<std::string> numbers;   ///< ExpressionValues::numbers, by place
  std::vector<std::string> lists;     ///< likewise, written with an index: pads[0]
  std::vector<std::string> operands;  ///< tensors: extent(x, 1), and elements where these are known
  std::size_t readable = 0;           ///< so many of the operands have elements: x and x[i, j] may be read
};

/// What they are at one evaluation.
struct ExpressionValues {
  std::vector<double> numbers;
  std::vector<std::vector<double>> lists;
  std::vector<TensorDesc> operands;     ///< type None: absent
  std::span<const HostTensor> tensors;  ///< of the operands, where elements are read
  std::vector<std::int64_t> index;      ///< of the element of the result that is computed
};

/// A parsed expression; copies share it. docs/plugins.md describes the language.
class Expression {
 public:
  /// Steps that one value may take, so that no file can keep a process busy for ever.
  static constexpr std::int64_t kMostSteps = std::int64_t{1} << 24;

  Expression() = default;
  /// Throws Error(InvalidArgument) that quotes the text and says what is wrong, and where.
  static Expression parse(std::string_view text, const ExpressionNames& names);

  bool empty() const { return !code_; }
  const std::string& text() const;
  /// Throws Error(InvalidArgument): an index outside, an operand that is absent, too many steps. Adds the
  /// steps that it takes, about a multiply-add each, to `steps`.
  double value(const ExpressionValues& values, std::int64_t* steps = nullptr) const;
  /// The value, which has to be whole.
  std::int64_t whole(const ExpressionValues& values) const;
  /// About how many steps value() takes, without reading elements.
  double estimate(const ExpressionValues& values) const;

  struct Code;

 private:
  std::shared_ptr<const Code> code_;
};

}  // namespace tessera
