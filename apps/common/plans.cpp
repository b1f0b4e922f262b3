#include "apps/common/plans.hpp"

#include <spdlog/fmt/fmt.h>

namespace tessera::app {
namespace {

// Every option of the programs that is about making a network, not about running it.
constexpr const char* kChoices[] = {"--batch",
                                    "--max-batch",
                                    "--shape",
                                    "--min-shape",
                                    "--max-shape",
                                    "--freeze",
                                    "--passes-off",
                                    "--precision",
                                    "--precision-choice",
                                    "--keep-fp32",
                                    "--keep-first-last",
                                    "--precision-rest",
                                    "--deterministic",
                                    "--launches",
                                    "--calibration-images",
                                    "--calibration-cache",
                                    "--calibration-cache-format",
                                    "--calibration-method",
                                    "--calibration-limit",
                                    "--calibration-seed",
                                    "--calibration-fp32-share",
                                    "--calibration-fp16-share"};

// `shaped`: the plan has a range of shapes, of which --shape takes one.
void requireNoChoices(const std::string& plan, const CLI::App& app, bool shaped) {
  std::string names;
  std::size_t given = 0;
  for (const char* name : kChoices) {
    if (shaped && std::string_view(name) == "--shape") continue;
    if (const CLI::Option* option = app.get_option_no_throw(name); option && option->count() > 0)
      names += (given++ ? ", " : "") + std::string(name);
  }
  if (given > 0)
    throw UsageError(plan + " is a plan, which was built already: " + names +
                     (given == 1 ? " goes with a model." : " go with a model."));
}

}  // namespace

std::shared_ptr<const Engine> loadPlan(const std::string& plan, const CLI::App& app,
                                       const CommonOptions& common, const Device& device,
                                       const TuneOptions& tuning, PlanUse use, bool takesShape) {
  requireNoChoices(plan, app, takesShape);
  auto engine = tessera::loadPlan(plan, device, tuning, use);
  if (takesShape && engine->shapes().empty()) requireNoChoices(plan, app, false);
  if (!common.selfCheck) return engine;
  if (const auto check = selfCheck(*engine))
    fmt::print(stderr, "{}: self-check passed: {} outputs, {}\n", plan, check->outputs,
               check->exact
                   ? "equal to the bit"
                   : fmt::format("largest difference {:.2g} of an output's range", check->difference));
  return engine;
}

void requireNoSelfCheck(const std::string& model, const CommonOptions& common) {
  if (common.selfCheck)
    throw UsageError("--self-check goes with a plan, which holds what to compare with; " + model +
                     " is a model.");
}

}  // namespace tessera::app
