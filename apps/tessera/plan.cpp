// tessera plan check
#include "tessera/plan.hpp"

#include <spdlog/fmt/fmt.h>

#include "apps/common/files.hpp"
#include "apps/common/numbers.hpp"
#include "apps/tessera/commands.hpp"

namespace tessera::app {
namespace {

Json reportJson(const std::string& file, const PlanReport& report, const std::string& device) {
  Json json{{"plan", file},
            {"model", report.name},
            {"precision", toString(report.precision)},
            {"bytes", report.bytes},
            {"layers", report.layers},
            {"constants_bytes", report.constants},
            {"description", report.description},
            {"self_check", {{"outputs", report.goldenOutputs}, {"exact", report.goldenExact}}},
            {"device", device},
            {"used", report.used()},
            {"sections", Json::array()}};
  for (const PlanSection& section : report.sections)
    json["sections"].push_back({{"fingerprint", section.fingerprint},
                                {"used", section.used},
                                {"why", section.why},
                                {"kernels", section.kernels},
                                {"programs", section.programs},
                                {"programs_used", section.programsUsed},
                                {"packings", section.packings},
                                {"packings_used", section.packingsUsed},
                                {"dropped", section.dropped}});
  return json;
}

int check(const std::string& file, const CommonOptions& common) {
  const Device device = common.selectDevice();
  const PlanReport report = checkPlan(file, device);
  fmt::print("{}: '{}' in {}, {} layers, {} of constants, {} in all; self-check of {} outputs{}{}\n", file,
             report.name, toString(report.precision), report.layers, bytesText(report.constants),
             bytesText(report.bytes), report.goldenOutputs, report.goldenExact ? ", to the bit" : "",
             report.description ? "" : "; no description of its images");
  for (const PlanSection& section : report.sections) {
    if (!section.used) {
      fmt::print("  not used: {}\n    {}\n", section.fingerprint, section.why);
      continue;
    }
    fmt::print("  used: {}\n    {} kernels, {} of {} programs, {} of {} packed weights\n",
               section.fingerprint, section.kernels, section.programsUsed, section.programs,
               section.packingsUsed, section.packings);
    for (const std::string& dropped : section.dropped) fmt::print("    dropped: {}\n", dropped);
  }
  if (!report.used()) fmt::print("  {} would run the network with kernels chosen anew\n", device.caps().name);
  if (!common.json.empty()) writeJson(common.json, reportJson(file, report, device.caps().name));
  return kDone;
}

}  // namespace

Command addPlan(CLI::App& app, CommonOptions& common) {
  app.require_subcommand(1);
  CLI::App* checking = app.add_subcommand(
      "check", "Says what of a plan a device would use, what not, and why; builds nothing");
  auto file = std::make_shared<std::string>();
  checking->add_option("plan,--plan", *file, "The plan")->required()->type_name("FILE");
  addDeviceOption(*checking, common);
  addPluginsOption(*checking, common);
  addOutputOptions(*checking, common);
  return [file, &common] { return check(*file, common); };
}

}  // namespace tessera::app
