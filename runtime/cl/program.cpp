// Building OpenCL programs.
#include "cl/program.hpp"

#include <spdlog/logger.h>
#include <xxhash.h>

#include <atomic>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <thread>

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

// A null program where there is no binary or the driver refuses it.
cl::Program fromCache(const Device& device, ProgramCache& cache, const std::string& identity,
                      const std::string& options) {
  const auto binary = cache.find(identity);
  if (!binary) return {};
  const auto& impl = device.impl();
  const unsigned char* data = binary->data();
  const std::size_t size = binary->size();
  cl_int status = CL_SUCCESS, loaded = CL_SUCCESS;
  cl::Program program(
      clCreateProgramWithBinary(impl.context()(), 1, &impl.device(), &size, &data, &loaded, &status));
  if (status == CL_SUCCESS && loaded == CL_SUCCESS &&
      clBuildProgram(program(), 1, &impl.device(), options.c_str(), nullptr, nullptr) == CL_SUCCESS)
    return program;
  cache.drop(identity);
  return {};
}

}  // namespace

void saveProgram(const Device& device, const ProgramSource& source, const cl::Program& program,
                 ProgramCache& cache) {
  std::size_t size = 0;
  if (clGetProgramInfo(program(), CL_PROGRAM_BINARY_SIZES, sizeof(size), &size, nullptr) != CL_SUCCESS ||
      size == 0)
    return;
  std::vector<unsigned char> binary(size);
  unsigned char* data = binary.data();
  if (clGetProgramInfo(program(), CL_PROGRAM_BINARIES, sizeof(data), &data, nullptr) == CL_SUCCESS)
    cache.save(ProgramCache::identity(device.caps(), source.text, buildOptions(source)), binary);
}

cl::Program buildProgram(const Device& device, const ProgramSource& source, const std::string& label,
                         ProgramCache* cache, bool* found) {
  const auto& impl = device.impl();
  const std::string options = buildOptions(source);
  if (found) *found = false;
  if (cache) {
    const std::string identity = ProgramCache::identity(device.caps(), source.text, options);
    if (cl::Program program = fromCache(device, *cache, identity, options); program()) {
      log().debug("program cache HIT {}", label);
      if (found) *found = true;
      return program;
    }
    log().debug("program cache MISS {}", label);
  }
  cl::Program program =
      guarded("creating program " + label, [&] { return cl::Program(impl.context(), source.text); });
  const cl_int status = clBuildProgram(program(), 1, &impl.device(), options.c_str(), nullptr, nullptr);
  if (status == CL_SUCCESS) return program;
  std::string buildLog;
  try {
    buildLog = program.getBuildInfo<CL_PROGRAM_BUILD_LOG>(impl.device);
  } catch (const cl::Error&) {
    buildLog = "(the driver gives no build log)";
  }
  throw Error(ErrorCode::DeviceError, "clBuildProgram failed with " + std::string(clErrorName(status)) +
                                          " for " + label + " on " + device.caps().name + " with options '" +
                                          source.options + "':\n" + buildLog);
}

void ProgramSet::share(const ProgramSet& other, const std::vector<const KernelCall*>& calls) {
  for (const KernelCall* call : calls) {
    if (!call->library.empty()) continue;
    if (const auto it = other.programs_.find(ProgramSource::of(*call)); it != other.programs_.end())
      programs_.insert(*it);
  }
}

std::map<ProgramSource, std::exception_ptr> ProgramSet::buildAll(const std::vector<const KernelCall*>& calls,
                                                                 bool goOn) {
  std::vector<std::pair<ProgramSource, const KernelCall*>> missing;
  std::map<ProgramSource, bool> listed;
  std::map<ProgramSource, std::exception_ptr> failures;
  for (const KernelCall* call : calls) {
    if (!call->library.empty()) continue;  // it builds its own
    auto source = ProgramSource::of(*call);
    if (programs_.count(source) || listed.count(source)) continue;
    listed[source] = true;
    missing.emplace_back(std::move(source), call);
  }
  if (missing.empty()) return failures;
  device_.impl().context();
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < missing.size();) try {
        Built built;
        built.label = missing[i].second->source + ":" + missing[i].second->entry;
        built.program = buildProgram(device_, missing[i].first, built.label, cache_.get(), &built.cached);
        const std::lock_guard lock(mutex);
        programs_.emplace(missing[i].first, std::move(built));
      } catch (...) {
        const std::lock_guard lock(mutex);
        failures.emplace(missing[i].first, std::current_exception());
        if (!goOn) next = missing.size();
      }
  };
  const std::size_t most =
      device_.caps().parallelBuilds ? std::max(1u, std::thread::hardware_concurrency()) : 1;
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
  for (auto& [source, built] : programs_) {
    if (built.cached) continue;
    // Another process may have been quicker.
    built.cached =
        cache_->find(ProgramCache::identity(device_.caps(), source.text, buildOptions(source))).has_value();
    if (built.cached) continue;
    saveProgram(device_, source, built.program, *cache_);
    log().debug("program cache SAVE {}", built.label);
    built.cached = true;
  }
}

cl::Kernel ProgramSet::kernel(const KernelCall& call) const {
  const auto it = programs_.find(ProgramSource::of(call));
  if (it == programs_.end()) throw Error(ErrorCode::Internal, "kernel " + call.entry + " was never built");
  return guarded("creating kernel " + call.entry,
                 [&] { return cl::Kernel(it->second.program, call.entry.c_str()); });
}

}  // namespace tessera
