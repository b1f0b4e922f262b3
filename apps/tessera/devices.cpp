// tessera devices
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <numeric>

#include "apps/common/files.hpp"
#include "apps/tessera/commands.hpp"

namespace tessera::app {
namespace {

std::string features(const DeviceCaps& caps) {
  std::string out;
  const auto add = [&](bool has, const std::string& name) {
    if (has) out += (out.empty() ? "" : ", ") + name;
  };
  add(caps.fp16, "fp16");
  add(caps.fp64, "fp64");
  add(caps.integerDotProduct, "integer dot product");
  add(caps.avx512Vnni, "AVX-512 VNNI");
  add(caps.nvidia, "PTX");
  add(caps.nvidiaComputeCapability > 0, "sm_" + std::to_string(caps.nvidiaComputeCapability));
  return out.empty() ? "none of those probed" : out;
}

// The body that INT8 kernels use, and what was wrong with the others.
std::string dot4Text(const Device& device) {
  std::string text = std::string(toString(device.int8Caps().dot4)), others;
  for (const auto& probe : device.dot4Probes()) {
    const bool chosen = probe.body == device.int8Caps().dot4;
    const std::string speed = probe.gops > 0 ? fmt::format("{:.0f} GOP/s", probe.gops) : "";
    if (chosen && !speed.empty()) text += ", " + speed;
    if (!chosen)
      others += fmt::format("\n                 {}: {}", toString(probe.body),
                            probe.works ? "slower, " + speed : probe.why);
  }
  return text + others;
}

Json dot4Json(const Device& device) {
  Json list = Json::array();
  for (const auto& probe : device.dot4Probes())
    list.push_back({{"body", std::string(toString(probe.body))},
                    {"chosen", probe.body == device.int8Caps().dot4},
                    {"works", probe.works},
                    {"gops", probe.gops},
                    {"why_not", probe.why}});
  return list;
}

Json deviceJson(std::size_t index, const Device& device) {
  const DeviceCaps& caps = device.caps();
  return {{"index", index},
          {"name", caps.name},
          {"platform", caps.platform},
          {"vendor", caps.vendor},
          {"driver", caps.driver},
          {"version", caps.version},
          {"kind", toString(caps.kind)},
          {"classes", caps.classes()},
          {"compute_units", caps.computeUnits},
          {"work_group_size", caps.maxWorkGroup},
          {"local_memory_bytes", caps.localMemory},
          {"global_memory_bytes", caps.globalMemory},
          {"max_allocation_bytes", caps.maxAllocation},
          {"fp16", caps.fp16},
          {"fp64", caps.fp64},
          {"integer_dot_product", caps.integerDotProduct},
          {"avx512_vnni", caps.avx512Vnni},
          {"nvidia_compute_capability", caps.nvidiaComputeCapability},
          {"dot4", dot4Json(device)},
          {"fingerprint", caps.fingerprint()}};
}

// All of them, or the one that the selector stands for.
std::vector<std::size_t> shown(const std::vector<Device>& devices, const std::string& selector) {
  std::vector<std::size_t> indices(devices.size());
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  if (selector.empty()) return indices;
  const std::string wanted = Device::select(selector).caps().fingerprint();  // throws: says what there is
  if (selector.find_first_not_of("0123456789") == std::string::npos) return {std::stoul(selector)};
  return {
      *std::ranges::find(indices, wanted, [&](std::size_t i) { return devices[i].caps().fingerprint(); })};
}

}  // namespace

Command addDevices(CLI::App& app, CommonOptions& common) {
  addDeviceOption(app, common);
  addOutputOptions(app, common);
  return [&common] {
    const auto devices = Device::all();
    if (devices.empty()) Device::select();  // throws: says what to install
    Json list = Json::array();
    for (const std::size_t i : shown(devices, common.device)) {
      const DeviceCaps& caps = devices[i].caps();
      list.push_back(deviceJson(i, devices[i]));
      fmt::print(
          "{}  {}\n   platform      {}\n   driver        {} ({})\n   kind          {} ({}), {} compute "
          "units, "
          "work-groups up "
          "to {}\n   memory        {}, one buffer up to {}, {} local\n   capabilities  {}\n   dot4          "
          "{}\n",
          i, caps.name, caps.platform, caps.driver, caps.version, toString(caps.kind),
          fmt::join(caps.classes(), ", "), caps.computeUnits, caps.maxWorkGroup, bytesText(caps.globalMemory),
          bytesText(caps.maxAllocation), bytesText(caps.localMemory), features(caps), dot4Text(devices[i]));
    }
    if (!common.json.empty()) writeJson(common.json, {{"devices", list}});
    return kDone;
  };
}

}  // namespace tessera::app
