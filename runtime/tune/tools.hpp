/// \file
/// What programs see of the runtime beside the public API (docs/architecture.md): records, candidates and who
/// runs them, default tactics, problems as text, the cost model, and the device's ceilings.
#pragma once

#include "launch/caps_for.hpp"
#include "launch/roofline.hpp"
#include "lower/cost_model.hpp"
#include "ops/operator.hpp"
#include "tune/defaults.hpp"
#include "tune/problem.hpp"
#include "tune/records/record_store.hpp"
#include "tune/trial/candidates.hpp"
#include "tune/trial/worker.hpp"
