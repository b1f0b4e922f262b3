/// \file
/// Which layers stay in fp32 since INT8 does not pay on a device: what was decided, as values and as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// A layer that runs in fp32 though it could run in INT8.
struct KeptLayer {
  int layer = 0;        ///< index in the optimised network
  double reformat = 0;  ///< milliseconds that conversions would take more if it alone ran in INT8
  double gain = 0;      ///< milliseconds that it would take less itself
  bool operator==(const KeptLayer&) const = default;
};

/// One way to spread precision over a network.
struct PrecisionDecision {
  std::string name;  ///< "rules": every layer that can; "cut": as the times say; "fp32": none
  std::vector<KeptLayer> kept;
  double rulesMs = 0, ms = 0;  ///< of the whole network, by the rules and decided so, where they ran in turns
  bool full = false;           ///< decided with TuneMode::Full
  std::string text() const;    ///< without the name
  static std::optional<PrecisionDecision> parse(std::string_view name, std::string_view text);
  /// "kept fp32: reformat 0.12 ms > gain 0.05 ms"
  std::string reason(const KeptLayer& kept) const;
  bool operator==(const PrecisionDecision&) const = default;
};

}  // namespace tessera
