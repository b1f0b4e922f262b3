#include "build/plan_fit.hpp"

#include <algorithm>

#include "cl/device_impl.hpp"
#include "lower/recipe.hpp"

namespace tessera {
namespace {

// The parts of a fingerprint: platform, device, driver, limits.
std::vector<std::string> fields(const std::string& fingerprint) {
  std::vector<std::string> all(1);
  for (const char c : fingerprint) {
    if (c == '|')
      all.emplace_back();
    else
      all.back() += c;
  }
  return all;
}

std::string quoted(const std::string& features) { return features.empty() ? "none" : features; }

}  // namespace

std::string whyNotFor(const PlanDevice& section, const DeviceCaps& device) {
  if (section.fingerprint != device.fingerprint()) {
    const auto theirs = fields(section.fingerprint), ours = fields(device.fingerprint());
    if (theirs.size() < 3 || theirs[0] != ours[0] || theirs[1] != ours[1])
      return "it is for " + (theirs.size() > 1 ? theirs[1] + " (" + theirs[0] + ")" : section.fingerprint);
    if (theirs[2] != ours[2]) return "it is for driver " + theirs[2] + ", here is " + ours[2];
    return "it is for other limits of the device: " + section.fingerprint;
  }
  if (const std::string here = featuresOf(device); section.features != here)
    return "it is for a device with other features (" + quoted(section.features) + "; here: " + quoted(here) +
           ")";
  return {};
}

PlanFit fitOf(const Plan& plan, const Device& device, const WorkspaceLimit& limit) {
  PlanFit fit;
  fit.caps = device.caps();
  for (const PlanDevice& section : plan.devices) {
    const std::string why = whyNotFor(section, fit.caps);
    fit.why += why.empty() ? "" : (fit.why.empty() ? "" : "; ") + why;
    if (why.empty()) fit.section = &section;
  }
  if (!fit.section) {
    if (plan.devices.empty()) fit.why = "it has no section for any device";
    return fit;
  }
  fit.why.clear();
  try {
    if (!fit.section->dot4.empty()) {
      const auto caps = capsWithDot4(device, fit.section->dot4);
      if (!caps)
        throw Error(ErrorCode::BadCache, "dot products by " + fit.section->dot4 + " are not to be had here");
      fit.caps = *caps;
    }
    fit.lowered = lowerGraph(plan.graph, fit.caps, Recipe::parse(fit.section->recipe));
    if (const Step* above = limit.firstAbove(*fit.lowered)) {
      fit.why = "its kernels of '" + above->layer + "' take " + limit.refusal(workspaceOf(above->launch));
      fit.section = nullptr;
    }
  } catch (const Error& e) {
    if (e.code() != ErrorCode::BadCache && e.code() != ErrorCode::Unsupported) throw;
    fit.section = nullptr;
    fit.why = std::string("its recipe does not hold any more: ") + e.what();
  }
  return fit;
}

}  // namespace tessera
