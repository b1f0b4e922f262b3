/// \file
/// More of plans than Engine::save(), appendTo() and load() say: what goes into one and comes out, whether it
/// computes what it computed, and what of it a device would use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tessera/engine.hpp"

namespace tessera {

/// What a plan takes from an engine beyond the network and the choice of its kernels.
struct SaveOptions {
  bool programs = true;  ///< compiled programs, where the driver gives them: nothing is compiled at the start
  bool weights = true;   ///< weights as the kernels want them: nothing is packed at the start
};

/// Engine::save(). Runs the network once, on inputs that a seed makes, and keeps what came out for
/// selfCheck().
void savePlan(const Engine& engine, const std::filesystem::path& file, const SaveOptions& options = {});

/// Engine::appendTo(). Throws Error(DeviceError), too, where this device does not compute what the plan says.
void appendToPlan(const Engine& engine, const std::filesystem::path& file, const SaveOptions& options = {});

/// What is taken from a plan. Network: kernels are chosen, and searched for where the tuning mode does that,
/// as if the plan had no section for the device.
enum class PlanUse { All, Network };

/// Engine::load(). A plan's programs are code: they are used where this user or root owns the file and not
/// everyone may write it. On a device or driver that the plan does not know, selfCheck() must pass.
std::shared_ptr<const Engine> loadPlan(const std::filesystem::path& file, const Device& device,
                                       const TuneOptions& tuning = {}, PlanUse use = PlanUse::All);

/// What selfCheck() found.
struct SelfCheck {
  std::size_t outputs = 0;  ///< that were compared
  bool exact = false;       ///< all to the bit
  double difference = 0;    ///< else the largest, as a share of its output's range
};

/// Runs the network once on the inputs that its plan was saved with, and compares what comes out with what
/// came out then: to the bit where every operator is defined so (INT8), else within a tolerance. None for an
/// engine that came from no plan. Throws Error(DeviceError) that names the output that is wrong.
std::optional<SelfCheck> selfCheck(const Engine& engine);

/// A plan's section for one device.
struct PlanSection {
  std::string fingerprint;           ///< of the device: platform, name, driver, limits
  bool used = false;                 ///< by the device that was asked about
  std::string why;                   ///< why it is not
  std::size_t kernels = 0;           ///< steps of its recipe; 0 where it is not used
  std::size_t programs = 0;          ///< that the steps need; as `kernels`
  std::size_t programsUsed = 0;      ///< of these, found in the plan and taken by the driver
  std::size_t packings = 0;          ///< packed weights of the steps; as `kernels`
  std::size_t packingsUsed = 0;      ///< of these, in the plan
  std::vector<std::string> dropped;  ///< what is compiled, packed or chosen anew though it is used, and why
};

/// What Engine::load() would find.
struct PlanReport {
  std::string name;                       ///< of the network
  Precision precision = Precision::Fp32;  ///< that it was built in
  std::uintmax_t bytes = 0;               ///< of the file
  std::size_t layers = 0;                 ///< of the network
  std::uintmax_t constants = 0;           ///< their bytes
  bool description = false;               ///< it says how images become the input
  std::size_t goldenOutputs = 0;          ///< that the self-check compares
  bool goldenExact = false;               ///< to the bit, on every device
  std::vector<PlanSection> sections;      ///< one per device

  /// Whether one of the sections is for the device.
  bool used() const;
};

/// Reads all of a plan and looks what `device` would use of it: lowers the network by the recipe and hands
/// the programs to the driver, but neither compiles nor uploads anything. Throws Error(BadCache) as
/// Engine::load().
PlanReport checkPlan(const std::filesystem::path& file, const Device& device);

}  // namespace tessera
