/// \file
/// What of a plan a device can use.
#pragma once

#include <optional>
#include <string>

#include "lower/workspace.hpp"
#include "plan/plan.hpp"
#include "tessera/device.hpp"

namespace tessera {

struct PlanFit {
  const PlanDevice* section = nullptr;  ///< of the plan; null: none fits
  std::string why;                      ///< why none does
  DeviceCaps caps;                      ///< that the section was made with
  std::optional<Lowered> lowered;       ///< the network as the section's recipe says
};

/// The section made for this device and driver, where it still holds and keeps within the limit.
PlanFit fitOf(const Plan& plan, const Device& device, const WorkspaceLimit& limit = WorkspaceLimit());

/// How far a section fits, without lowering: empty, or why it does not.
std::string whyNotFor(const PlanDevice& section, const DeviceCaps& device);

}  // namespace tessera
