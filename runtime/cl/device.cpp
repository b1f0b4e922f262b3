// Listing and choosing devices.
#include <algorithm>
#include <charconv>

#include "base/text.hpp"
#include "cl/device_impl.hpp"

namespace tessera {

const cl::Context& Device::Impl::context() const {
  std::call_once(once_, [this] {
    context_ = guarded("creating a context on " + caps.name, [this] { return cl::Context(device); });
  });
  return context_;
}

const DeviceCaps& Device::caps() const { return impl_->caps; }

std::string_view toString(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::Cpu:
      return "cpu";
    case DeviceKind::Gpu:
      return "gpu";
    case DeviceKind::Other:
      break;
  }
  return "other";
}

std::string DeviceCaps::fingerprint() const {
  return platform + "|" + name + "|" + driver + "|cu" + std::to_string(computeUnits) + "|wg" +
         std::to_string(maxWorkGroup) + "|lm" + std::to_string(localMemory);
}

std::vector<Device> Device::all() {
  std::vector<cl::Platform> platforms;
  try {
    cl::Platform::get(&platforms);
  } catch (const cl::Error&) {  // the ICD loader reports "no platform" as an error
    return {};
  }
  std::vector<Device> devices;
  for (const auto& platform : platforms) {
    std::vector<cl::Device> found;
    try {
      platform.getDevices(CL_DEVICE_TYPE_ALL, &found);
    } catch (const cl::Error&) {  // a platform without devices
      continue;
    }
    for (const auto& device : found) {
      auto impl = std::make_shared<Impl>();
      impl->platform = platform;
      impl->device = device;
      impl->caps = guarded("reading a device's properties", [&] { return probeDevice(platform, device); });
      devices.emplace_back(std::move(impl));
    }
  }
  return devices;
}

namespace {

std::string listing(const std::vector<Device>& devices) {
  std::string out;
  for (std::size_t i = 0; i < devices.size(); ++i)
    out += (i ? "; " : "") + std::to_string(i) + ": " + devices[i].caps().name + " (" +
           devices[i].caps().platform + ")";
  return out;
}

}  // namespace

Device Device::select(std::string_view selector) {
  const auto devices = all();
  if (devices.empty())
    throw Error(ErrorCode::DeviceError,
                "no OpenCL device found: install a driver (on a CPU: Debian's pocl-opencl-icd) and check "
                "with clinfo");
  const auto ofKind = [&](DeviceKind kind) -> const Device* {
    const auto it =
        std::find_if(devices.begin(), devices.end(), [&](const Device& d) { return d.caps().kind == kind; });
    return it == devices.end() ? nullptr : &*it;
  };
  const std::string wanted = lowerCase(selector);
  const Device* found = nullptr;
  std::size_t index = 0;
  if (wanted.empty()) {
    found = ofKind(DeviceKind::Gpu);
    if (!found) found = &devices.front();
  } else if (wanted == "cpu") {
    found = ofKind(DeviceKind::Cpu);
  } else if (wanted == "gpu") {
    found = ofKind(DeviceKind::Gpu);
  } else if (const auto [end, failed] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), index);
             end == wanted.data() + wanted.size()) {  // a number, though perhaps too large for one
    if (failed == std::errc{} && index < devices.size()) found = &devices[index];
  } else {
    for (const auto& device : devices)
      if (!found &&
          lowerCase(device.caps().name + " " + device.caps().platform).find(wanted) != std::string::npos)
        found = &device;
  }
  if (!found)
    throw Error(ErrorCode::DeviceError,
                "no OpenCL device matches '" + std::string(selector) + "'; there are: " + listing(devices));
  return *found;
}

}  // namespace tessera
