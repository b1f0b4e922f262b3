/// \file
/// A tuned network against the untuned one, as a whole: what is right alone may be wrong beside others.
#pragma once

#include <memory>
#include <optional>

#include "build/refine.hpp"
#include "tessera/engine.hpp"
#include "tune/tuner.hpp"

namespace tessera {

/// What is wrong with a network, and the step that is to blame where one was found.
struct NetworkFault {
  std::string what;
  std::optional<Step> step;
};

/// Runs both on equal random inputs, twice. Outputs that are equal to the bit are right. Where networks of
/// floats are nearly equal they are, too; else, and where `everyStep` asks for it, each step is compared with
/// another kernel that gets what it gets in the network: to the bit in INT8, within the operator's tolerance
/// elsewhere. `check` receives what was compared.
std::optional<NetworkFault> findFault(const std::shared_ptr<const Engine>& tuned,
                                      const std::shared_ptr<const Engine>& untuned, bool everyStep,
                                      NetworkCheck& check);

/// `tuned` if it computes what the untuned network does, which `assemble` makes (like another engine).
/// Otherwise the tactic to blame is marked bad, later builds take the untuned network, and it is returned,
/// with a warning.
std::shared_ptr<Engine> keepIfRight(Tuner& tuner, const Graph& graph, std::shared_ptr<Engine> tuned,
                                    bool everyStep, const AssembleLike& assemble);

}  // namespace tessera
