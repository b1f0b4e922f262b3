// What a device can do, and every vendor quirk Tessera knows.
#include <algorithm>

#include "cl/builtins.hpp"
#include "cl/device_impl.hpp"

namespace tessera {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) text.pop_back();
  return text;
}

// cl_nv_device_attribute_query
constexpr cl_device_info kComputeCapabilityMajor = 0x4000, kComputeCapabilityMinor = 0x4001;

int nvidiaCapability(const cl::Device& device) {
  cl_uint major = 0, minor = 0;
  if (clGetDeviceInfo(device(), kComputeCapabilityMajor, sizeof major, &major, nullptr) != CL_SUCCESS)
    return 0;
  if (clGetDeviceInfo(device(), kComputeCapabilityMinor, sizeof minor, &minor, nullptr) != CL_SUCCESS)
    return 0;
  return static_cast<int>(major * 10 + minor);
}

bool hostHasAvx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f");
#else
  return false;
#endif
}

bool hostHasVnni() {
#if defined(__x86_64__)
  return hostHasAvx512() && __builtin_cpu_supports("avx512vnni");
#else
  return false;
#endif
}

// Vendors of GPUs, by a part of the name that their drivers give.
constexpr std::pair<std::string_view, std::string_view> kGpuVendors[] = {
    {"NVIDIA", "nvidia"},   {"AMD", "amd"},    {"Advanced Micro Devices", "amd"}, {"Intel", "intel-gpu"},
    {"ARM", "arm"},         {"Arm", "arm"},    {"QUALCOMM", "qualcomm"},          {"Qualcomm", "qualcomm"},
    {"Imagination", "img"}, {"Apple", "apple"}};

}  // namespace

DeviceCaps probeDevice(const cl::Platform& platform, const cl::Device& device) {
  DeviceCaps caps;
  caps.platform = trimmed(platform.getInfo<CL_PLATFORM_NAME>());
  caps.name = trimmed(device.getInfo<CL_DEVICE_NAME>());
  caps.vendor = trimmed(device.getInfo<CL_DEVICE_VENDOR>());
  caps.driver = trimmed(device.getInfo<CL_DRIVER_VERSION>());
  caps.version = trimmed(device.getInfo<CL_DEVICE_VERSION>());
  const auto type = device.getInfo<CL_DEVICE_TYPE>();
  // Mesa's llvmpipe calls itself a GPU on some versions; it computes on the host's processor.
  const bool softwareRasteriser = contains(caps.name, "llvmpipe");
  caps.kind = (type & CL_DEVICE_TYPE_CPU) || softwareRasteriser ? DeviceKind::Cpu
              : (type & CL_DEVICE_TYPE_GPU)                     ? DeviceKind::Gpu
                                                                : DeviceKind::Other;
  caps.computeUnits = static_cast<int>(device.getInfo<CL_DEVICE_MAX_COMPUTE_UNITS>());
  caps.maxWorkGroup = device.getInfo<CL_DEVICE_MAX_WORK_GROUP_SIZE>();
  const auto items = device.getInfo<CL_DEVICE_MAX_WORK_ITEM_SIZES>();
  for (std::size_t i = 0; i < 3 && i < items.size(); ++i) caps.maxWorkItem[i] = items[i];
  caps.localMemory = device.getInfo<CL_DEVICE_LOCAL_MEM_SIZE>();
  caps.globalMemory = device.getInfo<CL_DEVICE_GLOBAL_MEM_SIZE>();
  caps.maxAllocation = device.getInfo<CL_DEVICE_MAX_MEM_ALLOC_SIZE>();
  caps.addressAlign = std::max<std::size_t>(device.getInfo<CL_DEVICE_MEM_BASE_ADDR_ALIGN>() / 8, 16);
  caps.vectorFloat = static_cast<int>(device.getInfo<CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT>());
  const std::string extensions = device.getInfo<CL_DEVICE_EXTENSIONS>();
  caps.fp16 = contains(extensions, "cl_khr_fp16");
  caps.fp64 = contains(extensions, "cl_khr_fp64");
  caps.integerDotProduct = contains(extensions, "cl_khr_integer_dot_product");
  caps.pocl = contains(caps.platform, "Portable Computing Language");
  caps.nvidia = contains(caps.vendor, "NVIDIA") && !caps.pocl;
  if (caps.nvidia) caps.nvidiaComputeCapability = nvidiaCapability(device);
  // NVIDIA's driver (580) crashes in clReleaseMemObject once many overlapping sub-buffers of one buffer
  // exist.
  caps.subBuffers = !caps.nvidia;
  // Oclgrind 21.10 crashes inside clang, now and then, when two threads build programs at once.
  caps.parallelBuilds = !contains(caps.platform, "Oclgrind");
  // OpenCL 1.2 promises it nowhere: in PTX there is an instruction for it, and x86 keeps the order of stores.
#if defined(__x86_64__)
  caps.fences = caps.pocl && caps.isCpu();
#endif
  caps.fences |= caps.nvidia;
  caps.avx512 = caps.pocl && caps.isCpu() && hostHasAvx512();
  caps.avx512Vnni = caps.pocl && caps.isCpu() && hostHasVnni();
  return caps;
}

// PoCL 3 (Debian 12) reads Clang's opencl-c.h, 0.9 MB, to preprocess a program and again to compile it: 75 of
// the 100 ms that a small program takes, and 20 of 25 ms where its cache has it. Later versions were not
// tried.
bool readsLanguageHeader(const DeviceCaps& device) {
  return device.pocl && device.isCpu() && device.driver.starts_with("3.");
}

const std::vector<std::string_view>& DeviceCaps::allClasses() {
  static const std::vector<std::string_view> all = [] {
    std::vector<std::string_view> names{"cpu-avx512", "cpu", "gpu", "other"};
    for (const auto& [_, name] : kGpuVendors)
      if (!std::count(names.begin(), names.end(), name)) names.push_back(name);
    return names;
  }();
  return all;
}

std::vector<std::string_view> DeviceCaps::classes() const {
  if (isCpu())
    return avx512 ? std::vector<std::string_view>{"cpu-avx512", "cpu"} : std::vector<std::string_view>{"cpu"};
  if (kind != DeviceKind::Gpu) return {"other"};
  for (const auto& [part, gpuClass] : kGpuVendors)
    if (contains(vendor, part)) return {gpuClass, "gpu"};
  return {"gpu"};
}

}  // namespace tessera
