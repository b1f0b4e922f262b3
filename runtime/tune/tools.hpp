/// \file
/// What programs see of the runtime beside the public API (docs/architecture.md): records, candidates and who
/// runs them, default tactics, problems as text, the cost model, and the device's ceilings.
#pragma once

#include "launch/roofline.hpp"
#include "lower/cost_model.hpp"
#include "ops/operator.hpp"
#include "tune/defaults.hpp"
#include "tune/problem.hpp"
#include "tune/records/record_store.hpp"
#include "tune/trial/candidates.hpp"
#include "tune/trial/worker.hpp"

namespace tessera {

/// Facts for families of an operator: one that computes on codes wants the dot4 body, which is probed once.
inline DeviceCaps capsFor(const Device& device, std::string_view op) {
  return traitsOf(op).quantised() ? device.int8Caps() : device.caps();
}

}  // namespace tessera
