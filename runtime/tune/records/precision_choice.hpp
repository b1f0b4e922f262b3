/// \file
/// Which layers stay in floats since INT8 does not pay on a device: what was decided, as values and as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lower/precision_plan.hpp"

namespace tessera {

/// A layer that runs in fp32 or fp16 though the rules have it in INT8, or in fp32 though they have it in
/// fp16.
struct KeptLayer {
  int layer = 0;        ///< index in the optimised network
  double reformat = 0;  ///< milliseconds that conversions would take more if it alone ran by the rules
  double gain = 0;      ///< milliseconds that it would take less itself
  Precision precision = Precision::Fp32;  ///< that it runs in
  Precision rule = Precision::Int8;       ///< that the rules have it in
  bool operator==(const KeptLayer&) const = default;
};

/// One way to spread precision over a network.
struct PrecisionDecision {
  /// "rules": every layer that can runs in INT8; "cut": as the times say; "fp32", "fp16": none does.
  std::string name;
  std::vector<KeptLayer> kept;
  double rulesMs = 0, ms = 0;  ///< of the whole network, by the rules and decided so, where they ran in turns
  bool full = false;           ///< decided with TuneMode::Full
  std::string text() const;    ///< without the name
  static std::optional<PrecisionDecision> parse(std::string_view name, std::string_view text);
  /// "kept fp32: reformat 0.12 ms > gain 0.05 ms"
  std::string reason(const KeptLayer& kept) const;
  /// The decision for a network whose layers run as `rules` has them by the rules. Throws Error(BadCache)
  /// where it names a layer that is not there.
  PrecisionPlan plan(const PrecisionPlan& rules) const;
  bool operator==(const PrecisionDecision&) const = default;
};

}  // namespace tessera
