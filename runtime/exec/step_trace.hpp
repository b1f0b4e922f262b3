/// \file
/// A network run step by step, for whoever looks for the one that is wrong.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "lower/step.hpp"
#include "tessera/context.hpp"
#include "tessera/profile.hpp"

namespace tessera {

/// A step of a run: what its operands held before it, and its results after it, planar. Absent ones are
/// empty.
struct TracedStep {
  const Step& step;
  std::vector<HostTensor> inputs, outputs;
};

struct StepTrace {
  /// Of a context whose engine runs in one launch, after a run: the clock of a unit, in its cycles, at the
  /// beginning of each phase and at the end.
  static std::vector<std::uint64_t> phaseClocks(Context& context);
  using Each = std::function<bool(const TracedStep&)>;
  /// What operand `i` of a step is to be instead of `value`, which is what it holds; none: it stays.
  using Replace =
      std::function<std::optional<HostTensor>(const Step& step, std::size_t i, const Value& value)>;
  /// Runs the network once, waiting for every step; `each` sees it and says whether to go on. `replace`,
  /// where given, is asked before every step for each of its inputs that is no constant.
  static void run(Context& context, const TensorMap& inputs, const Each& each, const Replace& replace = {});
  /// Every launch of one run.
  static std::vector<LaunchTime> launches(Context& context);
  /// The steps that run() shows.
  static const Lowered& stepsOf(const Context& context);
};

}  // namespace tessera
