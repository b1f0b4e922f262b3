/// \file
/// A network run step by step, for whoever looks for the one that is wrong.
#pragma once

#include <functional>
#include <vector>

#include "lower/step.hpp"
#include "tessera/context.hpp"

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
  /// Runs the network once, waiting for every step; `each` sees it and says whether to go on.
  static void run(Context& context, const TensorMap& inputs,
                  const std::function<bool(const TracedStep&)>& each);
};

}  // namespace tessera
