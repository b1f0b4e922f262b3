/// \file
/// A plan's messages: the network without the bytes of its constants, and back.
#pragma once

#include <span>
#include <string>

#include "plan/plan.hpp"

namespace tessera {

/// The portable part as two sections: a serialised tessera_plan::Network, and the constants' bytes, each at a
/// multiple of kConstantAlignment.
struct NetworkSections {
  std::string network, constants;
};
inline constexpr std::size_t kConstantAlignment = 64;

NetworkSections networkSections(const Plan& plan);
/// Throws Error(BadCache) with the reason: what does not parse, or is no network that operators accept.
Plan parseNetwork(std::string_view network, std::span<const char> constants);

std::string deviceSection(const PlanDevice& device);
PlanDevice parseDevice(std::string_view bytes);

}  // namespace tessera
