/// \file
/// A plan's messages: what is no plain bytes of it, and back.
#pragma once

#include <span>
#include <string>

#include "plan/pieces.hpp"
#include "plan/plan.hpp"

namespace tessera {

/// The portable part as two sections: a serialised tessera_plan::Network, and the constants' bytes, which are
/// those of the plan's graph.
struct NetworkSections {
  std::string network;
  Pieces constants;
};

NetworkSections networkSections(const Plan& plan);
/// Its constants are views of `constants`, which `keeper` keeps. Throws Error(BadCache) with the reason: what
/// does not parse, or is no network that operators accept.
Plan parseNetwork(std::string_view network, std::span<const std::byte> constants,
                  const std::shared_ptr<const void>& keeper = nullptr);

/// A device as two sections: a serialised tessera_plan::Device, and programs and weights, which are those of
/// the device.
struct DeviceSections {
  std::string device;
  Pieces parts;
};
DeviceSections deviceSections(const PlanDevice& device);
/// Its parts are views of `parts`, which `keeper` keeps; without them where there are none to read.
PlanDevice parseDevice(std::string_view device, std::optional<std::span<const std::byte>> parts,
                       const std::shared_ptr<const void>& keeper);

std::string goldenSection(const Golden& golden);
Golden parseGolden(std::string_view bytes);

}  // namespace tessera
