/// \file
/// What a network computes on inputs that a seed makes, kept in plans and compared on other devices and
/// drivers.
#pragma once

#include "plan/plan.hpp"
#include "tessera/plan.hpp"

namespace tessera {

/// Runs the network once.
Golden makeGolden(const Engine& engine);

/// Runs the network once and compares. Throws Error(DeviceError) that names the output where it computes
/// something else: exactly where every operator is defined to the bit; else within a tolerance of its range,
/// a few samples aside, which near ties of a class map or a rounding may turn.
SelfCheck compareWithGolden(const Engine& engine, const Golden& golden);

}  // namespace tessera
