/// \file
/// A network ready to be run, as a value and as a file: what Engine::save() writes and Engine::load() reads.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "exec/counted_outputs.hpp"
#include "tessera/precision.hpp"

namespace tessera {

/// How the network runs on one device.
struct PlanDevice {
  std::string fingerprint;  ///< DeviceCaps::fingerprint()
  std::string recipe;       ///< Recipe::text()
  bool operator==(const PlanDevice&) const = default;
};

/// The portable part is all but `devices`.
struct Plan {
  std::string name;  ///< of the network, as its source had it
  Precision precision = Precision::Fp32;
  std::string description;  ///< EngineOptions::description
  Graph graph;              ///< optimised, in its precision
  std::vector<LayerPrecision> precisions;
  std::vector<CountedOutput> counted;
  std::vector<PlanDevice> devices;
};

/// The file's bytes as described in docs/cache_and_plan_format.md; equal plans give equal bytes.
void writePlan(const std::filesystem::path& file, const Plan& plan);

/// Whether two plans hold the same network in the same precision.
bool sameNetwork(const Plan& a, const Plan& b);

/// Throws Error(BadCache) that names the file and the reason where it is no plan, of another format, cut off
/// or damaged; nothing of such a file is used.
Plan readPlan(const std::filesystem::path& file);

}  // namespace tessera
