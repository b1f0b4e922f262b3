/// \file
/// A network ready to be run, as a value and as a file: what Engine::save() writes and Engine::load() reads.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.hpp"
#include "exec/counted_outputs.hpp"
#include "exec/planned.hpp"
#include "graph/graph_family.hpp"
#include "tessera/precision.hpp"

namespace tessera {

/// How the network runs on one device.
struct PlanDevice {
  std::string fingerprint;  ///< DeviceCaps::fingerprint()
  std::string recipe;       ///< Recipe::text()
  std::string features;     ///< featuresOf(): what the fingerprint does not tell
  std::string dot4;         ///< toString(Dot4Body) for networks that compute on codes; else empty
  PlannedParts parts;       ///< compiled programs and packed weights
  bool operator==(const PlanDevice&) const = default;
};

/// What a device can do that drivers' names do not tell, as text; kernels are chosen by it.
std::string featuresOf(const DeviceCaps& device);

/// What an output was on inputs that a seed makes.
struct GoldenOutput {
  std::string name;
  std::array<std::uint64_t, 2> checksum{};  ///< of its bytes
  double range = 0;                         ///< its largest finite number
  std::vector<double> samples;              ///< numbers at equal distances, kGoldenSamples at most
  bool operator==(const GoldenOutput&) const = default;
};
/// What the network computed when the plan was made; every device must agree.
struct Golden {
  std::uint32_t seed = 0;
  bool exact = false;  ///< every operator is defined to the bit; else samples are compared
  std::vector<GoldenOutput> outputs;
  bool operator==(const Golden&) const = default;
};

/// The portable part is all but `devices`.
struct Plan {
  std::string name;  ///< of the network, as its source had it
  Precision precision = Precision::Fp32;
  std::string description;  ///< EngineOptions::description
  Graph graph;              ///< optimised, in its precision
  std::vector<LayerPrecision> precisions;
  std::vector<CountedOutput> counted;
  ShapeProfile shapes;           ///< of inputs that may change; `graph` has the largest
  std::vector<ShapeRule> rules;  ///< GraphFamily::rules()
  Golden golden;
  std::vector<PlanDevice> devices;
  /// That it was read from: constants, programs and weights are views of it.
  std::shared_ptr<const MappedFile> file;
  std::span<const std::byte> constants;  ///< where they lie in the file
};

/// The file's bytes as described in docs/cache_and_plan_format.md; equal plans give equal bytes.
void writePlan(const std::filesystem::path& file, const Plan& plan);

/// Whether two plans hold the same network in the same precision.
bool sameNetwork(const Plan& a, const Plan& b);

/// Throws Error(BadCache) that names the file and the reason where it is no plan, of another format, cut off
/// or damaged; nothing of such a file is used. Of a fat plan, programs and weights for other devices than
/// `only` are neither read nor checked, and left out; none: all are.
Plan readPlan(const std::filesystem::path& file, const std::optional<std::string>& only = std::nullopt);

}  // namespace tessera
