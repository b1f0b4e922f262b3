// The worker's side of the pipes.
#include <spdlog/logger.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>

#include "cl/dot4_probe.hpp"
#include "tessera/log.hpp"
#include "tessera/tuning.hpp"
#include "tune/problem.hpp"
#include "tune/records/lines.hpp"
#include "tune/trial/candidates.hpp"
#include "tune/trial/kernel_line.hpp"
#include "tune/trial/worker_lines.hpp"
#include "tune/trial/worker_plugins.hpp"

namespace tessera {
namespace {

void say(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

class SignsOfLife final : public TrialListener {
 public:
  void begin(std::size_t index) override { say("begin\t" + std::to_string(index)); }
};

std::optional<std::vector<Candidate>> readCandidates(double count) {
  std::vector<Candidate> candidates;
  std::string line;
  for (double i = 0; i < count && std::getline(std::cin, line); ++i) {
    const auto parts = fieldsOf(line);
    if (parts.size() != 3 || !findFamily(parts[0])) return std::nullopt;
    candidates.push_back({findFamily(parts[0]), parseOpView(parts[1]), Tactic::parse(parts[2])});
  }
  return candidates;
}

bool compileOne(const Device& device, const std::vector<std::string_view>& fields) {
  const auto work = kernelWorkIn(fields);
  if (!work) return false;
  try {
    compileKernel(device, *work);
  } catch (const Error& e) {
    log().debug("compiling {}: {}", work->call.entry, e.what());
  }
  say("compiled");
  return true;
}

// What this process occupies; 0 where the system does not say it.
std::size_t residentBytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0, resident = 0;
  return file >> pages >> resident ? resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

// WorkerOptions' limits.
class Limits {
 public:
  bool take(const std::vector<std::string_view>& request) {
    if (request.size() != 4 || request[0] != "limits") return false;
    renewAt_ = static_cast<std::size_t>(numberIn(request[2]));
#if defined(__linux__)
    if (const auto memory = static_cast<rlim_t>(numberIn(request[3])); memory > 0) {
      const rlimit limit{memory, memory};
      ::setrlimit(RLIMIT_DATA,
                  &limit);  // what is reserved and not written to does not count, as in RLIMIT_AS
    }
#endif
    return true;
  }
  void sayIfFull(const CandidateRunner& runner) const {
    if (renewAt_ > 0 && residentBytes() > renewAt_ + runner.bytesKept()) say("full");
  }

 private:
  std::size_t renewAt_ = 0;
};

int serve(const std::string& fingerprint) {
  std::optional<Device> device;
  for (const Device& candidate : Device::all())
    if (candidate.caps().fingerprint() == fingerprint) device = candidate;
  if (!device) {
    say("there is no device " + fingerprint);
    return 1;
  }
  hostHas(HostCodes::Amx, device->caps());  // asks for the registers, which kernels may use that it is sent
  SignsOfLife signs;
  const auto runner = makeDeviceRunner(*device, &signs);
  Limits limits;
  say("ready");
  for (std::string line; std::getline(std::cin, line);) {
    const auto request = fieldsOf(line);
    if (limits.take(request) || takePluginRequest(request)) continue;
    if (request.size() < 2) return 1;
    if (request[0] == "kernel") {
      if (!compileOne(*device, {request.begin() + 1, request.end()})) return 1;
      continue;
    }
    const auto candidates = readCandidates(numberIn(request[1]));
    if (!candidates) return 1;
    if (request[0] == "compile" && request.size() == 2) {
      runner->compile(*candidates);
      limits.sayIfFull(*runner);
      say("compiled");
    } else if (request[0] == "save" && request.size() == 3) {
      runner->save(*candidates, std::string(request[2]));
      say("saved");
    } else if (request[0] == "run" && request.size() == 4) {
      const auto trials = runner->run(*candidates, numberIn(request[2]), request[3] == "1");
      limits.sayIfFull(*runner);
      for (const Trial& trial : trials)
        say(std::string(kOutcomes[static_cast<int>(trial.outcome)]) + "\t" + exactText(trial.milliseconds) +
            "\t" + (trial.checked ? "1" : "0") + "\t" + asField(trial.reason));
    } else {
      return 1;
    }
  }
  return 0;
}

}  // namespace

int runTuneWorker() {
  try {
    const char* fingerprint = std::getenv(kWorkerDevice);
    return serve(fingerprint ? fingerprint : "");
  } catch (const std::exception& e) {
    log().error("tuning worker: {}", e.what());
    return 1;
  }
}

}  // namespace tessera
