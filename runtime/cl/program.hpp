/// \file
/// Building OpenCL programs from kernel calls, each distinct one once.
#pragma once

#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cl/device_impl.hpp"
#include "cl/program_cache.hpp"
#include "clkernels/family.hpp"

namespace tessera {

/// Source text and build options of a program: its identity.
struct ProgramSource {
  std::string options, text;  ///< options first: they tell programs of one source apart at once
  static ProgramSource of(const KernelCall& call);
  std::uint64_t hash() const;
  auto operator<=>(const ProgramSource&) const = default;
};

/// Compiles one program, or takes its binary from `cache` (may be null), which `found` then says. Throws
/// Error(DeviceError) with the build log.
cl::Program buildProgram(const Device& device, const ProgramSource& source, const std::string& label,
                         ProgramCache* cache = nullptr, bool* found = nullptr);
/// A program's binary; empty where the driver gives none.
std::vector<unsigned char> binaryOf(const cl::Program& program);
/// The program of such a binary; null where the driver refuses it.
cl::Program programFromBinary(const Device& device, const ProgramSource& source, const KeptBytes& bytes);
/// ProgramCache::identity() of a program on a device; and of its code.
std::string identityOf(const Device& device, const ProgramSource& source);
std::string codeIdentityOf(const Device& device, const ProgramSource& source);
/// LLVM's code of a program by PoCL 3, compiled with declarations (builtins.hpp): what it can build programs
/// of without looking at their text. Empty where the driver gives none, or the declarations do not suffice.
std::vector<unsigned char> codeOf(const Device& device, const ProgramSource& source,
                                  const std::string& label);

/// The programs of an engine, keyed by source and options.
class ProgramSet {
 public:
  explicit ProgramSet(Device device) : device_(std::move(device)) {}
  /// Binaries are looked for there from now on; null for nowhere.
  void useCache(std::shared_ptr<ProgramCache> cache) { cache_ = std::move(cache); }
  /// Binaries that a plan brings; those that the driver takes are used before any cache.
  void useBinaries(const std::shared_ptr<const std::vector<ProgramBinary>>& binaries);
  /// Takes over what another set on the same device has of `calls`: it need not be built again.
  void share(const ProgramSet& other, const std::vector<const KernelCall*>& calls);
  /// Leaves what is not built yet to its first use: kernels that no run needs, only those who look into one.
  /// From then on such a set may be asked for kernels by several threads.
  void defer(const std::vector<const KernelCall*>& calls);
  /// Builds what is not built yet, on several threads.
  void build(const std::vector<const KernelCall*>& calls);
  /// As build, but goes on after a failure; returns what did not build, with the error's text.
  std::map<ProgramSource, std::string> tryBuild(const std::vector<const KernelCall*>& calls);
  /// Keeps in the cache what it does not hold yet.
  void save();
  /// Binaries of all programs, in an order that depends on nothing but the programs: as they were found, else
  /// from the cache, else from the driver, which the cache then keeps. On PoCL, kernels must have run before:
  /// what it compiles for a run goes into the binary. Without `bytes`, only their identities.
  std::vector<ProgramBinary> binaries(bool bytes = true) const;
  /// How many programs were made of useBinaries()'s, or will be at their first use.
  std::size_t planned() const;
  /// How many wait for their first use.
  std::size_t deferred() const;
  /// A kernel object of its own: kernel objects are not thread-safe and never shared. Throws as
  /// buildProgram() where its program was left to its first use.
  cl::Kernel kernel(const KernelCall& call) const;
  std::size_t size() const { return programs_.size(); }

 private:
  struct Built {
    cl::Program program;  ///< null: left to its first use
    std::string label;
    bool cached = false;
    std::shared_ptr<const ProgramBinary> planned;  ///< of useBinaries(), where it is made of that
  };
  std::map<ProgramSource, std::exception_ptr> buildAll(const std::vector<const KernelCall*>& calls,
                                                       bool goOn);
  std::shared_ptr<const ProgramBinary> givenFor(const ProgramSource& source) const;
  Built made(const ProgramSource& source, const std::string& label) const;
  /// Builds it where it is not; its lock is held.
  const cl::Program& used(const ProgramSource& source, Built& built) const;

  Device device_;
  std::shared_ptr<ProgramCache> cache_;
  std::map<std::string, std::shared_ptr<const ProgramBinary>> given_;   ///< by identity
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();  ///< of programs_, once it is in use
  mutable std::map<ProgramSource, Built> programs_;
};

}  // namespace tessera
