// Dealing kernels out to processes that compile them.
#include "tune/trial/compile_ahead.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>

#include "base/hex.hpp"
#include "base/read_file.hpp"
#include "base/write_file.hpp"
#include "cl/program.hpp"
#include "tessera/log.hpp"
#include "tune/records/lines.hpp"
#include "tune/trial/child_process.hpp"
#include "tune/trial/worker_lines.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLeastKernels = 4;  // a process takes as long to start as one or two kernels to compile
constexpr std::size_t kMostWorkers = 8;   // each holds the compiler, 150 MB
constexpr double kPatience = 120;         // seconds for one kernel

// How many processes pay: one for each core, unless the machine has other work for all of them twice, or
// $TESSERA_COMPILE_WORKERS says it. Some starts in a row are load, too.
std::size_t wantedWorkers() {
  if (const char* wanted = std::getenv("TESSERA_COMPILE_WORKERS"))
    return std::min<std::size_t>(static_cast<std::size_t>(std::max(0.0, numberIn(wanted))), kMostWorkers);
  const std::size_t cores = std::min<std::size_t>(std::thread::hardware_concurrency(), kMostWorkers);
  double load = 0;
  const bool busy = ::getloadavg(&load, 1) == 1 && load > 2.0 * static_cast<double>(cores);
  return busy || cores < 2 ? 0 : cores;
}

// What tells two compilations apart.
std::string keyOf(const KernelCall& call) {
  const ProgramSource source = ProgramSource::of(call);
  std::string key = hexText(source.hash()) + " " + call.entry;
  for (const std::size_t extent : call.local) key += " " + std::to_string(extent);
  return key;
}

// A file that says that a set of kernels was compiled. It lies where PoCL keeps them, and goes with them.
fs::path markOf(const DeviceCaps& device, const std::map<std::string, const KernelWork*>& kernels) {
  const fs::path folder = CompileAhead::poclFolder();
  if (folder.empty()) return {};
  std::string text = device.fingerprint();
  for (const auto& [key, _] : kernels) text += "\n" + key;
  return folder / "tessera" / hexText(textHash(text));
}

void leave(const fs::path& mark) noexcept {
  try {
    fs::create_directories(mark.parent_path());
    AtomicFile(mark).commit();
  } catch (const std::exception& e) {
    log().debug("not marked as compiled: {}", e.what());
  }
}

}  // namespace

// What the threads that speak to the processes have in common.
struct CompileAhead::Shared {
  std::vector<std::string> command;
  std::string device;
  std::vector<std::string> requests;
  fs::path mark;
  std::atomic<std::size_t> next{0}, done{0};

  void serve() {
    ChildProcess child(command, {kWorkerDevice, device});
    bool hung = false;
    auto answer = child.receive(kPatience, hung);
    if (!answer || *answer != "ready") return;
    for (std::size_t i; (i = next++) < requests.size();) {
      child.send(requests[i]);
      answer = child.receive(kPatience, hung);
      if (!answer || *answer != "compiled") {
        log().debug("a process that compiled kernels was lost{}", hung ? ": it hung" : "");
        return;
      }
      ++done;
    }
  }
};

fs::path CompileAhead::poclFolder() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value ? value : "");
  };
  if (variable("POCL_KERNEL_CACHE") == "0") return {};
  if (const auto own = variable("POCL_CACHE_DIR"); !own.empty()) return own;
  if (const auto cache = variable("XDG_CACHE_HOME"); !cache.empty()) return fs::path(cache) / "pocl/kcache";
  if (const auto home = variable("HOME"); !home.empty()) return fs::path(home) / ".cache/pocl/kcache";
  return {};
}

CompileAhead::CompileAhead(const std::vector<std::string>& command, const DeviceCaps& device,
                           const std::vector<KernelWork>& kernels, const std::vector<KernelWork>& known) {
  const std::size_t wanted = wantedWorkers();
  if (command.empty() || !device.pocl || !device.isCpu() || wanted == 0) return;
  std::map<std::string, const KernelWork*> distinct;
  for (const KernelWork& kernel : kernels)
    if (kernel.call.library.empty()) distinct.emplace(keyOf(kernel.call), &kernel);
  for (const KernelWork& kernel : known)
    if (kernel.call.library.empty()) distinct.erase(keyOf(kernel.call));
  if (distinct.size() < kLeastKernels) return;
  const fs::path mark = markOf(device, distinct);
  std::error_code ignored;
  if (mark.empty() || fs::exists(mark, ignored)) return;
  shared_ = std::make_shared<Shared>();
  shared_->command = command;
  shared_->device = device.fingerprint();
  shared_->mark = mark;
  for (const auto& [key, kernel] : distinct) shared_->requests.push_back("kernel\t" + lineOf(*kernel) + "\n");
  workers_ = std::min(wanted, distinct.size() / 2);
  log().debug("{} processes compile {} kernels", workers_, distinct.size());
  for (std::size_t i = 0; i < workers_; ++i) threads_.emplace_back([shared = shared_] { shared->serve(); });
}

CompileAhead::~CompileAhead() {
  if (shared_) shared_->next = shared_->requests.size();  // nobody waits for the rest
  finish();
}

void CompileAhead::finish() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  if (shared_ && shared_->done == shared_->requests.size()) leave(shared_->mark);
  shared_.reset();
}

}  // namespace tessera
