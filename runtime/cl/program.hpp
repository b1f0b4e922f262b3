/// \file
/// Building OpenCL programs from kernel calls, each distinct one once.
#pragma once

#include <exception>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cl/device_impl.hpp"
#include "cl/program_cache.hpp"
#include "clkernels/family.hpp"

namespace tessera {

/// Source text and build options of a program: its identity.
struct ProgramSource {
  std::string text, options;
  static ProgramSource of(const KernelCall& call);
  std::uint64_t hash() const;
  auto operator<=>(const ProgramSource&) const = default;
};

/// Compiles one program, or takes its binary from `cache` (may be null), which `found` then says. Throws
/// Error(DeviceError) with the build log.
cl::Program buildProgram(const Device& device, const ProgramSource& source, const std::string& label,
                         ProgramCache* cache = nullptr, bool* found = nullptr);
/// Keeps a program's binary; nothing where the driver gives none.
void saveProgram(const Device& device, const ProgramSource& source, const cl::Program& program,
                 ProgramCache& cache);

/// The programs of an engine, keyed by source and options.
class ProgramSet {
 public:
  explicit ProgramSet(Device device) : device_(std::move(device)) {}
  /// Binaries are looked for there from now on; null for nowhere.
  void useCache(std::shared_ptr<ProgramCache> cache) { cache_ = std::move(cache); }
  /// Takes over what another set on the same device has of `calls`: it need not be built again.
  void share(const ProgramSet& other, const std::vector<const KernelCall*>& calls);
  /// Builds what is not built yet, on several threads.
  void build(const std::vector<const KernelCall*>& calls);
  /// As build, but goes on after a failure; returns what did not build, with the error's text.
  std::map<ProgramSource, std::string> tryBuild(const std::vector<const KernelCall*>& calls);
  /// Keeps in the cache what it does not hold yet.
  void save();
  /// A kernel object of its own: kernel objects are not thread-safe and never shared.
  cl::Kernel kernel(const KernelCall& call) const;
  std::size_t size() const { return programs_.size(); }

 private:
  std::map<ProgramSource, std::exception_ptr> buildAll(const std::vector<const KernelCall*>& calls,
                                                       bool goOn);

  struct Built {
    cl::Program program;
    std::string label;
    bool cached = false;
  };

  Device device_;
  std::shared_ptr<ProgramCache> cache_;
  std::map<ProgramSource, Built> programs_;
};

}  // namespace tessera
