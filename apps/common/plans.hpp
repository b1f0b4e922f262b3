/// \file
/// Plans in a model's place on the command line.
#pragma once

#include <memory>
#include <string>

#include "apps/common/program.hpp"
#include "tessera/plan.hpp"

namespace tessera::app {

/// The engine of a plan, after its self-check where --self-check asks for it. Throws UsageError that names
/// the options given to `app` that only go with a model: what they choose, a plan has decided already. With
/// `takesShape`, --shape goes with a plan of a range of shapes.
std::shared_ptr<const Engine> loadPlan(const std::string& plan, const CLI::App& app,
                                       const CommonOptions& common, const Device& device,
                                       const TuneOptions& tuning, PlanUse use = PlanUse::All,
                                       bool takesShape = false);

/// Throws UsageError where --self-check is given with a model.
void requireNoSelfCheck(const std::string& model, const CommonOptions& common);

}  // namespace tessera::app
