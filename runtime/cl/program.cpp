// Building OpenCL programs.
#include "cl/program.hpp"

#include <spdlog/logger.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <mutex>
#include <set>
#include <span>
#include <thread>
#include <utility>

#include "cl/builtins.hpp"
#include "cl/ptx_target.hpp"
#include "clkernels/embedded.hpp"
#include "tessera/log.hpp"

namespace tessera {

ProgramSource ProgramSource::of(const KernelCall& call) {
  ProgramSource source;
  source.text = call.prologue + kernelSource(call.source);
  source.options = "-cl-std=CL1.2";
  for (const auto& [name, value] : call.defines) source.options += " -D " + name + "=" + value;
  if (!call.options.empty()) source.options += " " + call.options;
  return source;
}

std::uint64_t ProgramSource::hash() const {
  return XXH3_64bits_withSeed(text.data(), text.size(), XXH3_64bits(options.data(), options.size()));
}

namespace {

// Drivers print "2 warnings generated" on stderr; they interest whoever edits kernels.
std::string buildOptions(const ProgramSource& source) {
  return source.options + (std::getenv("TESSERA_KERNEL_DIR") ? "" : " -w");
}

std::string labelOf(const KernelCall& call) { return call.source + ":" + call.entry; }

// A null program where the driver refuses the binary.
cl::Program fromBinary(const Device& device, const unsigned char* data, std::size_t size,
                       const std::string& options) {
  const auto& impl = device.impl();
  cl_int status = CL_SUCCESS, loaded = CL_SUCCESS;
  cl::Program program(
      clCreateProgramWithBinary(impl.context()(), 1, &impl.device(), &size, &data, &loaded, &status));
  if (status == CL_SUCCESS && loaded == CL_SUCCESS &&
      clBuildProgram(program(), 1, &impl.device(), options.c_str(), nullptr, nullptr) == CL_SUCCESS)
    return program;
  return {};
}

// A null program where there is no binary or the driver refuses it.
cl::Program fromCache(const Device& device, ProgramCache& cache, const std::string& identity,
                      const std::string& options) {
  const auto binary = cache.find(identity);
  if (!binary) return {};
  cl::Program program = fromBinary(device, binary->data(), binary->size(), options);
  if (!program()) cache.drop(identity);
  return program;
}

cl::Program created(const Device& device, const std::string& text, const std::string& label) {
  return guarded("creating program " + label, [&] { return cl::Program(device.impl().context(), text); });
}

std::pair<cl::Program, cl_int> compile(const Device& device, const std::string& text,
                                       const std::string& options, const std::string& label) {
  log().trace("compiling {} with '{}'", label, options);
  cl::Program program = created(device, text, label);
  const cl_int status =
      clBuildProgram(program(), 1, &device.impl().device(), options.c_str(), nullptr, nullptr);
  return {std::move(program), status};
}

// What is compiled of a source that declares what it uses of the language, where the driver would read a
// large header for that: with the header's guard defined it does not.
ProgramSource declaring(const ProgramSource& source) {
  return {.options = buildOptions(source) + " -D _OPENCL_H_",
          .text = builtinDeclarations(source.text) + "#line 1\n" + source.text};
}

// A program with declarations. Null where the driver reads no header, or where they do not suffice.
cl::Program withDeclarations(const Device& device, const ProgramSource& source, const std::string& label) {
  if (!readsLanguageHeader(device.caps())) return {};
  const ProgramSource declared = declaring(source);
  auto [program, status] = compile(device, declared.text, declared.options, label);
  if (status == CL_SUCCESS) return std::move(program);
  log().debug("{} uses more of OpenCL C than is declared for it, or does not compile", label);
  return {};
}

// LLVM's code of a program, out of a binary of PoCL 3: the file program.bc in it, behind its length. Empty
// where there is none.
std::vector<unsigned char> codeIn(const std::vector<unsigned char>& binary) {
  constexpr std::string_view kFile = "/program.bc", kMagic = "BC\xc0\xde";
  const std::string_view text(reinterpret_cast<const char*>(binary.data()), binary.size());
  std::size_t at = text.find(kFile);
  std::uint32_t length = 0;
  if (at == std::string_view::npos || (at += kFile.size()) + sizeof(length) > text.size()) return {};
  std::memcpy(&length, text.data() + at, sizeof(length));
  at += sizeof(length);
  if (length > text.size() - at || !text.substr(at).starts_with(kMagic)) return {};
  const auto begin = binary.begin() + static_cast<std::ptrdiff_t>(at);
  return {begin, begin + length};
}

// PoCL finds what it compiled by the text that its preprocessor makes of a source, 6 to 10 ms for each
// program; of a program's code it takes the hash alone. So all programs are built from their code, which the
// cache keeps. Null where the driver gives none.
cl::Program fromCode(const Device& device, const ProgramSource& source, const std::string& label,
                     ProgramCache* cache) {
  if (!readsLanguageHeader(device.caps())) return {};
  const std::string identity = codeIdentityOf(device, source), options = buildOptions(source);
  if (cache)
    if (cl::Program program = fromCache(device, *cache, identity, options); program()) return program;
  const std::vector<unsigned char> code = codeOf(device, source, label);
  if (code.empty()) return {};
  cl::Program program = fromBinary(device, code.data(), code.size(), options);
  if (program() && cache) cache->save(identity, code);
  return program;
}

// A program compiled from source, as it is or for the PTX target that its options name.
cl::Program forTarget(const Device& device, const cl::Program& program, const std::string& options,
                      const std::string& label) {
  const std::string target = ptxTargetOf(options);
  if (target.empty()) return program;
  if (const auto ptx = forPtxTarget(binaryOf(program), target)) {
    // The driver wants the text's end within the binary.
    const auto* data = reinterpret_cast<const unsigned char*>(ptx->c_str());
    if (cl::Program rewritten = fromBinary(device, data, ptx->size() + 1, options); rewritten())
      return rewritten;
  }
  throw Error(ErrorCode::DeviceError, label + ": " + device.caps().name +
                                          " takes no program whose binary was rewritten for " + target);
}

}  // namespace

cl::Program programFromBinary(const Device& device, const ProgramSource& source, const KeptBytes& bytes) {
  return fromBinary(device, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    buildOptions(source));
}

std::string identityOf(const Device& device, const ProgramSource& source) {
  return ProgramCache::identity(device.caps(), source.text, buildOptions(source));
}

std::string codeIdentityOf(const Device& device, const ProgramSource& source) {
  return identityOf(device, source) + "\ncode";
}

std::vector<unsigned char> codeOf(const Device& device, const ProgramSource& source,
                                  const std::string& label) {
  const ProgramSource declared = declaring(source);
  log().trace("code of {} with '{}'", label, declared.options);
  const cl::Program program = created(device, declared.text, label);
  if (clCompileProgram(program(), 1, &device.impl().device(), declared.options.c_str(), 0, nullptr, nullptr,
                       nullptr, nullptr) == CL_SUCCESS)
    return codeIn(binaryOf(program));
  return {};
}

std::vector<unsigned char> binaryOf(const cl::Program& program) {
  std::size_t size = 0;
  if (clGetProgramInfo(program(), CL_PROGRAM_BINARY_SIZES, sizeof(size), &size, nullptr) != CL_SUCCESS ||
      size == 0)
    return {};
  std::vector<unsigned char> binary(size);
  unsigned char* data = binary.data();
  if (clGetProgramInfo(program(), CL_PROGRAM_BINARIES, sizeof(data), &data, nullptr) != CL_SUCCESS) return {};
  return binary;
}

cl::Program buildProgram(const Device& device, const ProgramSource& source, const std::string& label,
                         ProgramCache* cache, bool* found) {
  const std::string options = buildOptions(source);
  if (found) *found = false;
  if (cache) {
    const std::string identity = identityOf(device, source);
    if (cl::Program program = fromCache(device, *cache, identity, options); program()) {
      log().debug("program cache HIT {}", label);
      if (found) *found = true;
      return program;
    }
    log().debug("program cache MISS {}", label);
  }
  if (cl::Program program = fromCode(device, source, label, cache); program()) return program;
  if (cl::Program program = withDeclarations(device, source, label); program()) return program;
  const auto [program, status] = compile(device, source.text, options, label);
  if (status == CL_SUCCESS) return forTarget(device, program, options, label);
  std::string buildLog;
  try {
    buildLog = program.getBuildInfo<CL_PROGRAM_BUILD_LOG>(device.impl().device);
  } catch (const cl::Error&) {
    buildLog = "(the driver gives no build log)";
  }
  throw Error(ErrorCode::DeviceError, "clBuildProgram failed with " + std::string(clErrorName(status)) +
                                          " for " + label + " on " + device.caps().name + " with options '" +
                                          source.options + "':\n" + buildLog);
}

void ProgramSet::share(const ProgramSet& other, const std::vector<const KernelCall*>& calls) {
  const std::lock_guard lock(*other.mutex_);
  for (const KernelCall* call : calls) {
    if (!call->library.empty()) continue;
    const auto it = other.programs_.find(ProgramSource::of(*call));
    if (it == other.programs_.end()) continue;
    if (it->second.program())
      programs_.insert(*it);
    else if (const auto& planned = it->second.planned)
      given_[planned->identity] = planned;
  }
}

void ProgramSet::useBinaries(const std::shared_ptr<const std::vector<ProgramBinary>>& binaries) {
  for (const ProgramBinary& binary : *binaries)
    if (!binary.bytes.empty())
      given_[binary.identity] = std::shared_ptr<const ProgramBinary>(binaries, &binary);
}

std::shared_ptr<const ProgramBinary> ProgramSet::givenFor(const ProgramSource& source) const {
  if (given_.empty()) return nullptr;
  const auto given = given_.find(identityOf(device_, source));
  return given == given_.end() ? nullptr : given->second;
}

ProgramSet::Built ProgramSet::made(const ProgramSource& source, const std::string& label) const {
  Built built{{}, label, false, givenFor(source)};
  if (built.planned) built.program = programFromBinary(device_, source, built.planned->bytes);
  if (built.program()) return built;
  built.planned = nullptr;
  built.program = buildProgram(device_, source, label, cache_.get(), &built.cached);
  return built;
}

void ProgramSet::defer(const std::vector<const KernelCall*>& calls) {
  for (const KernelCall* call : calls) {
    if (!call->library.empty()) continue;
    const auto [at, added] = programs_.try_emplace(ProgramSource::of(*call));
    if (added) at->second = {{}, labelOf(*call), false, givenFor(at->first)};
  }
}

const cl::Program& ProgramSet::used(const ProgramSource& source, Built& built) const {
  if (built.program()) return built.program;
  Built now = made(source, built.label);
  log().debug("{} was built at its first use", now.label);
  if (built.planned && !now.planned)
    log().warn("{} was compiled anew: the plan's does not fit this driver", now.label);
  built = std::move(now);
  return built.program;
}

std::size_t ProgramSet::planned() const {
  const std::lock_guard lock(*mutex_);
  return std::ranges::count_if(programs_, [](const auto& entry) { return entry.second.planned != nullptr; });
}

std::size_t ProgramSet::deferred() const {
  const std::lock_guard lock(*mutex_);
  return std::ranges::count_if(programs_, [](const auto& entry) { return !entry.second.program(); });
}

std::map<ProgramSource, std::exception_ptr> ProgramSet::buildAll(const std::vector<const KernelCall*>& calls,
                                                                 bool goOn) {
  std::vector<std::pair<ProgramSource, const KernelCall*>> missing;
  std::set<ProgramSource> listed;
  std::map<ProgramSource, std::exception_ptr> failures;
  for (const KernelCall* call : calls) {
    if (!call->library.empty()) continue;  // it builds its own
    auto source = ProgramSource::of(*call);
    if (const auto known = programs_.find(source); known != programs_.end() && known->second.program())
      continue;
    if (!listed.insert(source).second) continue;
    missing.emplace_back(std::move(source), call);
  }
  if (missing.empty()) return failures;
  device_.impl().context();
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < missing.size();) try {
        Built built = made(missing[i].first, labelOf(*missing[i].second));
        const std::lock_guard lock(mutex);
        programs_.insert_or_assign(missing[i].first, std::move(built));
      } catch (...) {
        const std::lock_guard lock(mutex);
        failures.emplace(missing[i].first, std::current_exception());
        if (!goOn) next = missing.size();
      }
  };
  // PoCL reads binaries behind one lock, where more threads only wait for each other.
  const bool inTurn = !device_.caps().parallelBuilds || (device_.caps().pocl && !given_.empty());
  const std::size_t most = inTurn ? 1 : std::max(1u, std::thread::hardware_concurrency());
  const std::size_t count = std::min(missing.size(), most);
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < count; ++i) threads.emplace_back(work);
  work();
  for (auto& thread : threads) thread.join();
  log().debug("built {} programs", missing.size() - failures.size());
  return failures;
}

void ProgramSet::build(const std::vector<const KernelCall*>& calls) {
  for (const auto& [source, failure] : buildAll(calls, false)) std::rethrow_exception(failure);
}

std::map<ProgramSource, std::string> ProgramSet::tryBuild(const std::vector<const KernelCall*>& calls) {
  std::map<ProgramSource, std::string> texts;
  for (const auto& [source, failure] : buildAll(calls, true)) try {
      std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      texts[source] = e.what();
    }
  return texts;
}

void ProgramSet::save() {
  if (!cache_) return;
  const std::lock_guard lock(*mutex_);
  for (auto& [source, built] : programs_) {
    if (built.cached || built.planned || !built.program()) continue;
    const std::string identity = identityOf(device_, source);
    built.cached = true;
    if (cache_->find(identity)) continue;  // another process was quicker
    if (const auto binary = binaryOf(built.program); !binary.empty()) cache_->save(identity, binary);
    log().debug("program cache SAVE {}", built.label);
  }
}

std::vector<ProgramBinary> ProgramSet::binaries(bool bytes) const {
  std::vector<ProgramBinary> all;
  const std::lock_guard lock(*mutex_);
  for (auto& [source, built] : programs_) {
    if (built.planned && bytes) {
      all.push_back(*built.planned);
      continue;
    }
    ProgramBinary& kept = all.emplace_back(ProgramBinary{identityOf(device_, source), {}});
    if (!bytes || !ProgramCache::pays(device_.caps())) continue;
    std::optional<std::vector<unsigned char>> binary = cache_ ? cache_->find(kept.identity) : std::nullopt;
    if (!binary) {
      binary = binaryOf(used(source, built));
      if (cache_ && !binary->empty()) cache_->save(kept.identity, *binary);
    }
    const auto view = std::as_bytes(std::span(*binary));
    kept.bytes = KeptBytes({view.begin(), view.end()});
  }
  return all;
}

cl::Kernel ProgramSet::kernel(const KernelCall& call) const {
  const std::lock_guard lock(*mutex_);
  const auto it = programs_.find(ProgramSource::of(call));
  if (it == programs_.end()) throw Error(ErrorCode::Internal, "kernel " + call.entry + " was never built");
  const cl::Program& program = used(it->first, it->second);
  return guarded("creating kernel " + call.entry, [&] { return cl::Kernel(program, call.entry.c_str()); });
}

}  // namespace tessera
