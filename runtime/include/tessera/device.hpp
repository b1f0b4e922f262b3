/// \file
/// OpenCL devices and what they can do.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// What OpenCL says a device is.
enum class DeviceKind { Cpu, Gpu, Other };
std::string_view toString(DeviceKind kind);  ///< "cpu", "gpu", "other"

/// How four products of signed bytes are summed (clkernels/common/dot4.cl); the values are D_DOT4's.
enum class Dot4Body { Emulated = 0, Khr = 1, Arm = 2, Amd = 3, NvidiaPtx = 4, Vnni = 5 };
std::string_view toString(Dot4Body body);  ///< for people

/// Facts about a device that families and tactics may depend on: plain values, so tests can invent devices.
/// Filled in one place, runtime/cl/device_caps.cpp, where every probe and vendor quirk lives.
struct DeviceCaps {
  std::string platform;                       ///< name of the platform
  std::string name;                           ///< of the device
  std::string vendor;                         ///< as the device gives it
  std::string driver;                         ///< its version
  std::string version;                        ///< "OpenCL 3.0 ..", as the device gives it
  DeviceKind kind = DeviceKind::Other;        ///< see there
  int computeUnits = 1;                       ///< OpenCL's: cores of a CPU, multiprocessors of a GPU
  std::size_t maxWorkGroup = 64;              ///< work-items of a group, at most
  std::size_t maxWorkItem[3] = {64, 64, 64};  ///< of them along each dimension, at most
  std::size_t localMemory = 32 << 10;         ///< bytes a work-group may use
  std::size_t globalMemory = 0;               ///< bytes
  std::size_t maxAllocation = 0;              ///< bytes of one buffer
  std::size_t addressAlign = 128;             ///< bytes; sub-buffers begin at multiples of it
  bool subBuffers = true;      ///< false: the driver fails on them, activations get buffers of their own
  bool parallelBuilds = true;  ///< false: the driver's compiler crashes when several threads build programs
  bool fences = false;  ///< after a fence and an atomic, other work-groups of a kernel see what was written
  bool fp64 = false;    ///< computes in double
  bool fp16 = false;    ///< arithmetic declared by the driver; storage needs nothing
  bool pocl = false;    ///< CPU through PoCL: has a kernel cache of its own, shares the host's CPU
  bool nvidia = false;  ///< takes inline PTX
  int nvidiaComputeCapability = 0;  ///< e.g. 90 for sm_90; 0: not NVIDIA or unknown
  bool avx512 = false;              ///< PoCL on a host with AVX-512
  bool avx512Vnni = false;          ///< PoCL on a host with AVX-512 VNNI: takes vpdpbusd inline assembly
  bool amxInt8 = false;            ///< PoCL on a host with tile registers for codes (AMX); in int8Caps() only
  bool integerDotProduct = false;  ///< cl_khr_integer_dot_product with packed 4x8 signed input
  Dot4Body dot4 = Dot4Body::Emulated;  ///< body INT8 kernels use; probed before an INT8 engine is built
  int vectorFloat = 1;                 ///< preferred float vector width

  /// Whether kernels run on a CPU.
  bool isCpu() const { return kind == DeviceKind::Cpu; }
  /// Identity of device and driver for caches: platform, name, driver, units, limits.
  std::string fingerprint() const;
  /// Classes of devices that it belongs to, the narrowest first: default tactics are looked up by them. Never
  /// empty.
  std::vector<std::string_view> classes() const;
  /// Every name classes() may give.
  static const std::vector<std::string_view>& allClasses();
};

/// One OpenCL device, chosen and probed. Cheap to copy.
class Device {
 public:
  /// Every device of every platform, in the order the ICD loader gives. Empty where there is no OpenCL.
  static std::vector<Device> all();
  /// `selector`: an index into all(), "cpu", "gpu", or part of a name (any case); "" prefers a GPU.
  /// Throws Error(DeviceError) that lists what there is.
  static Device select(std::string_view selector = "");

  /// Facts about it, without those that int8Caps() adds.
  const DeviceCaps& caps() const;
  /// caps() with what INT8 kernels use: the fastest dot4 body that compiled and computed right here, and tile
  /// registers. Probed once, at the first call; of PoCL's device on this processor CPUID says what is
  /// fastest.
  DeviceCaps int8Caps() const;
  /// What probing found, body by body.
  struct Dot4Probe {
    Dot4Body body;       ///< which of them
    bool works = false;  ///< compiled, and computed right
    double gops = 0;     ///< 10^9 operations per second (a product and a sum count two); 0: not measured
    std::string why;     ///< why it can not be used
  };
  const std::vector<Dot4Probe>& dot4Probes() const;  ///< one per body, timed; at the first call

  struct Impl;  ///< OpenCL handles; runtime/cl/device_impl.hpp
  /// For the library itself, as all() and select() do.
  explicit Device(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  const Impl& impl() const { return *impl_; }  ///< for the library itself

 private:
  std::shared_ptr<const Impl> impl_;
};

}  // namespace tessera
