// tessera/plan.hpp
#include "tessera/plan.hpp"

#include <algorithm>
#include <map>

#include "base/read_file.hpp"
#include "build/plan_fit.hpp"
#include "cl/program.hpp"

namespace tessera {
namespace {

std::string plural(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// What of a section's programs and weights a start would use.
void checkParts(const PlanDevice& planned, const Lowered& lowered, const Device& device,
                const std::string& foreign, PlanSection& section) {
  std::map<std::string, const KeptBytes*> known;
  for (const ProgramBinary& program : planned.parts.programs) known[program.identity] = &program.bytes;
  std::map<ProgramSource, bool> usable;  // every program, and whether its source is the plan's
  std::size_t without = 0, refused = 0, changed = 0, repacked = 0, unpacked = 0;
  for (const Step& step : lowered.steps)
    for (const KernelCall& call : step.launch.calls) {
      if (!call.library.empty()) continue;
      const ProgramSource source = ProgramSource::of(call);
      if (usable.count(source)) continue;
      const auto found = known.find(identityOf(device, source));
      usable[source] = found != known.end();
      if (found == known.end())
        ++changed;
      else if (found->second->empty())
        ++without;
      else if (!foreign.empty() || !programFromBinary(device, source, *found->second)())
        ++refused;
    }
  section.programs = usable.size();
  section.programsUsed = usable.size() - without - refused - changed;
  const auto& weights = planned.parts.weights;
  for (std::size_t i = 0; i < lowered.steps.size(); ++i) {
    const Launch& launch = lowered.steps[i].launch;
    const bool same = std::ranges::all_of(launch.calls, [&](const KernelCall& call) {
      return !call.library.empty() || usable.at(ProgramSource::of(call));
    });
    for (std::size_t k = 0; k < launch.packed.size(); ++k) {
      const bool there =
          std::ranges::any_of(weights, [&](const PlannedWeights& w) { return w.step == i && w.index == k; });
      ++section.packings;
      section.packingsUsed += there && same;
      repacked += there && !same;
      unpacked += !there;
    }
  }
  const auto drop = [&](std::size_t count, const char* what, const std::string& why) {
    if (count > 0) section.dropped.push_back(plural(count, what) + ": " + why);
  };
  drop(changed, "program", "its source is another in this build of Tessera, compiled anew");
  drop(without, "program", "the plan has no binary of it, compiled at every start");
  drop(refused, "program", foreign.empty() ? "the driver refuses its binary, compiled anew" : foreign);
  drop(repacked, "packing", "its kernel's source is another in this build of Tessera, packed anew");
  drop(unpacked, "packing", "the plan has no weights of it, packed at every start");
}

}  // namespace

bool PlanReport::used() const { return std::ranges::any_of(sections, &PlanSection::used); }

PlanReport checkPlan(const std::filesystem::path& file, const Device& device) {
  const Plan plan = readPlan(file);
  PlanReport report;
  report.name = plan.name;
  report.precision = plan.precision;
  report.bytes = plan.file->bytes().size();
  report.layers = plan.graph.layers().size();
  for (const GraphTensor& tensor : plan.graph.tensors())
    if (tensor.isConstant()) report.constants += tensor.constant->data.size();
  report.description = !plan.description.empty();
  report.goldenOutputs = plan.golden.outputs.size();
  report.goldenExact = plan.golden.exact;
  const PlanFit fit = fitOf(plan, device);
  const std::string foreign = whyForeign(file);
  for (const PlanDevice& planned : plan.devices) {
    PlanSection& section = report.sections.emplace_back();
    section.fingerprint = planned.fingerprint;
    section.used = &planned == fit.section;
    if (section.used) {
      section.kernels = fit.lowered->steps.size();
      checkParts(planned, *fit.lowered, device, foreign, section);
    } else {
      section.why = whyNotFor(planned, device.caps());
      if (section.why.empty()) section.why = fit.why;
    }
  }
  return report;
}

}  // namespace tessera
