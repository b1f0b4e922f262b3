#include "apps/tessera/energy.hpp"

#include <dlfcn.h>
#include <spdlog/fmt/fmt.h>

#include <fstream>
#include <optional>
#include <vector>

namespace tessera::app {
namespace {

constexpr const char* kPowercap = "/sys/class/powercap";
constexpr const char* kNvml = "libnvidia-ml.so.1";

// A whole number that a file begins with; none where it can not be read.
std::optional<std::uint64_t> numberInFile(const fs::path& file) {
  std::ifstream in(file);
  std::uint64_t value = 0;
  return in >> value ? std::optional(value) : std::nullopt;
}

// Counters of microjoules that begin again at their range.
class Rapl final : public EnergyMeter {
 public:
  struct Package {
    fs::path counter;
    std::uint64_t range = 0, last = 0;
  };
  explicit Rapl(std::vector<Package> packages) : packages_(std::move(packages)) {}
  double joules() override {
    for (Package& package : packages_) {
      const auto now = numberInFile(package.counter);
      if (!now)
        throw Error(ErrorCode::DeviceError, "the counter " + package.counter.string() + " can not be read");
      sum_ += *now >= package.last ? *now - package.last : *now + package.range - package.last;
      package.last = *now;
    }
    return static_cast<double>(sum_) * 1e-6;
  }
  std::string what() const override {
    return fmt::format("RAPL, {} processor package{}", packages_.size(), packages_.size() == 1 ? "" : "s");
  }

 private:
  std::vector<Package> packages_;
  std::uint64_t sum_ = 0;
};

struct CloseLibrary {
  void operator()(void* library) const { ::dlclose(library); }
};
using Library = std::unique_ptr<void, CloseLibrary>;

// The few functions of NVML that are needed, by its stable binary interface.
class Nvml final : public EnergyMeter {
 public:
  using Device = void*;
  using Init = int (*)();
  using ByAddress = int (*)(const char*, Device*);
  using ByIndex = int (*)(unsigned, Device*);
  using Energy = int (*)(Device, unsigned long long*);
  using ErrorText = const char* (*)(int);

  explicit Nvml(Library library) : library_(std::move(library)) {}
  ~Nvml() override {
    if (shutdown_) shutdown_();
  }

  // Empty, or why it can not be used.
  std::string open(const std::string& address) {
    const auto init = function<Init>("nvmlInit_v2");
    energy_ = function<Energy>("nvmlDeviceGetTotalEnergyConsumption");
    const auto byAddress = function<ByAddress>("nvmlDeviceGetHandleByPciBusId_v2");
    const auto byIndex = function<ByIndex>("nvmlDeviceGetHandleByIndex_v2");
    if (!init || !energy_ || !byAddress || !byIndex) return "it lacks a function that counts energy";
    if (const int code = init(); code != 0) return text(code);
    shutdown_ = function<Init>("nvmlShutdown");
    const int found = address.empty() ? byIndex(0, &device_) : byAddress(address.c_str(), &device_);
    if (found != 0) return text(found);
    if (const int code = energy_(device_, &first_); code != 0) return text(code);
    return {};
  }
  double joules() override {
    unsigned long long now = 0;
    if (const int code = energy_(device_, &now); code != 0) throw Error(ErrorCode::DeviceError, text(code));
    return static_cast<double>(now - first_) * 1e-3;
  }
  std::string what() const override { return "NVML, the whole GPU"; }

 private:
  template <class Function>
  Function function(const char* name) const {
    return reinterpret_cast<Function>(::dlsym(library_.get(), name));
  }
  std::string text(int code) const {
    const auto describe = function<ErrorText>("nvmlErrorString");
    return "NVML says: " + (describe ? std::string(describe(code)) : std::to_string(code));
  }

  Library library_;
  Init shutdown_ = nullptr;
  Energy energy_ = nullptr;
  Device device_ = nullptr;
  unsigned long long first_ = 0;
};

// NVIDIA's extension tells bus, slot and domain of a device.
std::string pciAddress(cl_device_id device) {
  constexpr cl_device_info kBus = 0x4008, kSlot = 0x4009, kDomain = 0x400A;
  cl_uint bus = 0, slot = 0, domain = 0;
  if (clGetDeviceInfo(device, kBus, sizeof bus, &bus, nullptr) != CL_SUCCESS ||
      clGetDeviceInfo(device, kSlot, sizeof slot, &slot, nullptr) != CL_SUCCESS)
    return {};
  if (clGetDeviceInfo(device, kDomain, sizeof domain, &domain, nullptr) != CL_SUCCESS) domain = 0;
  return fmt::format("{:04x}:{:02x}:{:02x}.{}", domain, bus, slot >> 3, slot & 7);
}

}  // namespace

EnergySource raplMeter(const fs::path& folder) {
  std::vector<Rapl::Package> packages;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    // "intel-rapl:0" is a package, "intel-rapl:0:1" a part of one.
    const auto colon = name.find(':');
    if (!name.starts_with("intel-rapl") || colon == std::string::npos ||
        name.find(':', colon + 1) != std::string::npos)
      continue;
    const fs::path counter = entry.path() / "energy_uj";
    const auto now = numberInFile(counter);
    if (!now) return {nullptr, counter.string() + " can not be read; only root may on most systems"};
    packages.push_back({counter, numberInFile(entry.path() / "max_energy_range_uj").value_or(0), *now});
  }
  if (packages.empty()) return {nullptr, "this system shows no energy counters in " + folder.string()};
  return {std::make_unique<Rapl>(std::move(packages)), {}};
}

EnergySource nvmlMeter(const std::string& library, const std::string& pciAddress) {
  Library handle(::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!handle) return {nullptr, library + " is not here"};
  auto meter = std::make_unique<Nvml>(std::move(handle));
  if (std::string why = meter->open(pciAddress); !why.empty()) return {nullptr, std::move(why)};
  return {std::move(meter), {}};
}

EnergySource energyMeterOf(const Context& context) {
  const DeviceCaps& caps = context.engine().device().caps();
  if (caps.isCpu()) return raplMeter(kPowercap);
  if (!caps.nvidia) return {nullptr, "only NVIDIA's GPUs and processors tell here"};
  cl_device_id device = nullptr;
  if (clGetCommandQueueInfo(context.queue(), CL_QUEUE_DEVICE, sizeof device, &device, nullptr) != CL_SUCCESS)
    return {nullptr, "the driver does not say which device it is"};
  return nvmlMeter(kNvml, pciAddress(device));
}

}  // namespace tessera::app
