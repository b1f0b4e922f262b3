// tessera devices
#include <spdlog/fmt/fmt.h>

#include "apps/common/files.hpp"
#include "apps/tessera/commands.hpp"

namespace tessera::app {
namespace {

const char* kindText(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::Cpu:
      return "cpu";
    case DeviceKind::Gpu:
      return "gpu";
    case DeviceKind::Other:
      return "other";
  }
  return "?";
}

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

Json deviceJson(std::size_t index, const DeviceCaps& caps) {
  return {{"index", index},
          {"name", caps.name},
          {"platform", caps.platform},
          {"vendor", caps.vendor},
          {"driver", caps.driver},
          {"version", caps.version},
          {"kind", kindText(caps.kind)},
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
          {"fingerprint", caps.fingerprint()}};
}

}  // namespace

Command addDevices(CLI::App& app, CommonOptions& common) {
  addOutputOptions(app, common);
  return [&common] {
    const auto devices = Device::all();
    if (devices.empty()) Device::select();  // throws: says what to install
    Json list = Json::array();
    for (std::size_t i = 0; i < devices.size(); ++i) {
      const DeviceCaps& caps = devices[i].caps();
      list.push_back(deviceJson(i, caps));
      fmt::print(
          "{}  {}\n   platform      {}\n   driver        {} ({})\n   kind          {}, {} compute units, "
          "work-groups up "
          "to {}\n   memory        {}, one buffer up to {}, {} local\n   capabilities  {}\n",
          i, caps.name, caps.platform, caps.driver, caps.version, kindText(caps.kind), caps.computeUnits,
          caps.maxWorkGroup, bytesText(caps.globalMemory), bytesText(caps.maxAllocation),
          bytesText(caps.localMemory), features(caps));
    }
    if (!common.json.empty()) writeJson(common.json, {{"devices", list}});
    return kDone;
  };
}

}  // namespace tessera::app
