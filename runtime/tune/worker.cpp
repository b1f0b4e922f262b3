// Lines on pipes, fields separated by tabs. To the worker: `run`, n, best, check all; then n times family,
// problem, tactic. From it: `ready`; `begin`, i where candidate i is tried; and n times `good|slow|wrong`,
// milliseconds, checked, reason.
#include "tune/worker.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <optional>

#include "tessera/log.hpp"
#include "tessera/tuning.hpp"
#include "tune/lines.hpp"
#include "tune/problem.hpp"

extern char** environ;

namespace tessera {
namespace {

constexpr const char* kDeviceVariable = "TESSERA_TUNE_WORKER_DEVICE";
constexpr const char* kOutcomes[] = {"good", "slow", "wrong"};

double numberIn(std::string_view text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// A child with a pipe to its standard input and one from its standard output.
class Child {
 public:
  explicit Child(const WorkerOptions& options) {
    int in[2], out[2];
    if (::pipe2(in, O_CLOEXEC) != 0) return;
    if (::pipe2(out, O_CLOEXEC) != 0) {
      ::close(in[0]), ::close(in[1]);
      return;
    }
    std::vector<std::string> words = options.command, environment;
    for (char** e = environ; *e; ++e) environment.emplace_back(*e);
    environment.push_back(std::string(kDeviceVariable) + "=" + options.device);
    std::vector<char*> argv, envp;
    for (auto& word : words) argv.push_back(word.data());
    for (auto& variable : environment) envp.push_back(variable.data());
    argv.push_back(nullptr), envp.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {  // only calls that are safe after fork
#if defined(__linux__)
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a candidate that hangs does not outlive a parent that was killed
#endif
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      ::execve(argv[0], argv.data(), envp.data());
      ::_exit(127);
    }
    ::close(in[0]), ::close(out[1]);
    to_ = in[1], from_ = out[0];
  }
  ~Child() { stop(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool send(const std::string& text) {
    // A child that died must not take this process with it.
    struct sigaction ignore {
    }, before{};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &before);
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t n = ::write(to_, text.data() + done, text.size() - done);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    ::sigaction(SIGPIPE, &before, nullptr);
    return done == text.size();
  }

  // The next line; none where the child ended or said nothing for `seconds`.
  std::optional<std::string> receive(double seconds, bool& hung) {
    hung = false;
    for (;;) {
      if (const auto end = buffer_.find('\n'); end != std::string::npos) {
        std::string line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return line;
      }
      pollfd waiting{from_, POLLIN, 0};
      const int ready = ::poll(&waiting, 1, static_cast<int>(seconds * 1000));
      if (ready < 0 && errno == EINTR) continue;
      if (ready == 0) {
        hung = true;
        return std::nullopt;
      }
      char chunk[4096];
      const ssize_t n = ::read(from_, chunk, sizeof chunk);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return std::nullopt;
      buffer_.append(chunk, static_cast<std::size_t>(n));
    }
  }

  // Ends the child; says how it ended by itself, if it did.
  std::string stop() {
    if (pid_ <= 0) return {};
    ::close(to_);
    int status = 0;
    // A moment to end by itself, which tells a crash from a kill of ours.
    pid_t ended = 0;
    for (int i = 0; i < 20 && ended == 0; ++i) {
      ended = ::waitpid(pid_, &status, WNOHANG);
      if (ended == 0) ::usleep(5000);
    }
    if (ended == 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, &status, 0);
    }
    ::close(from_);
    pid_ = -1;
    if (ended <= 0) return {};
    if (WIFSIGNALED(status)) return std::string("it crashed: ") + strsignal(WTERMSIG(status));
    return "its process ended with code " + std::to_string(WEXITSTATUS(status));
  }

 private:
  pid_t pid_ = -1;
  int to_ = -1, from_ = -1;
  std::string buffer_;
};

class WorkerRunner final : public CandidateRunner {
 public:
  explicit WorkerRunner(const WorkerOptions& options) : options_(options) {}

  std::vector<Trial> run(const std::vector<Candidate>& candidates, double best, bool checkAll) override {
    if (candidates.empty()) return {};
    if (auto trials = runSome(candidates, best, checkAll)) return *trials;
    std::vector<Trial> trials;
    for (const Candidate& candidate : candidates) {
      auto own = runSome({candidate}, best, checkAll);
      trials.push_back(own ? own->front() : Trial{Trial::Outcome::Wrong, 0, loss_});
      if (trials.back().outcome == Trial::Outcome::Good && !checkAll &&
          (best == 0 || trials.back().milliseconds < best))
        best = trials.back().milliseconds;
    }
    return trials;
  }

 private:
  void start() {
    if (child_) return;
    child_ = std::make_unique<Child>(options_);
    bool hung = false;
    const auto hello = child_->receive(options_.patience, hung);
    if (hello && *hello == "ready") return;
    const std::string how = child_->stop();
    child_.reset();
    throw Error(ErrorCode::DeviceError, "the tuning worker " + options_.command.front() +
                                            " does not start: " +
                                            (hello  ? *hello
                                             : hung ? "it says nothing"
                                                    : how));
  }

  // What the worker answered; none where it died or hung, with how in loss_.
  std::optional<std::vector<Trial>> runSome(const std::vector<Candidate>& candidates, double best,
                                            bool checkAll) {
    start();
    std::string request = "run\t" + std::to_string(candidates.size()) + "\t" + exactText(best) + "\t" +
                          (checkAll ? "1" : "0") + "\n";
    for (const Candidate& c : candidates)
      request += std::string(c.family->id().name) + "\t" + c.view.text() + "\t" + c.tactic.text() + "\n";
    child_->send(request);
    std::vector<Trial> trials;
    bool hung = false;
    while (trials.size() < candidates.size()) {
      const auto line = child_->receive(options_.patience, hung);
      if (!line) {
        const std::string how = child_->stop();
        child_.reset();
        loss_ = hung ? "it hung: no answer in " + std::to_string(static_cast<int>(options_.patience)) + " s"
                : how.empty() ? "its process was ended"
                              : how;
        return std::nullopt;
      }
      const auto parts = fieldsOf(*line);
      for (int outcome = 0; outcome < 3 && parts.size() == 4; ++outcome)
        if (parts[0] == kOutcomes[outcome])
          trials.push_back({static_cast<Trial::Outcome>(outcome), numberIn(parts[1]), std::string(parts[3]),
                            parts[2] == "1"});
    }
    return trials;
  }

  WorkerOptions options_;
  std::unique_ptr<Child> child_;
  std::string loss_;  ///< how the last worker ended
};

void say(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

class SignsOfLife final : public TrialListener {
 public:
  void begin(std::size_t index) override { say("begin\t" + std::to_string(index)); }
};

int serve(const std::string& fingerprint) {
  std::optional<Device> device;
  for (const Device& candidate : Device::all())
    if (candidate.caps().fingerprint() == fingerprint) device = candidate;
  if (!device) {
    say("there is no device " + fingerprint);
    return 1;
  }
  SignsOfLife signs;
  const auto runner = makeDeviceRunner(*device, &signs);
  say("ready");
  for (std::string line; std::getline(std::cin, line);) {
    const auto request = fieldsOf(line);
    if (request.size() != 4 || request[0] != "run") return 1;
    const double count = numberIn(request[1]), best = numberIn(request[2]);
    const bool checkAll = request[3] == "1";
    std::vector<Candidate> candidates;
    for (double i = 0; i < count && std::getline(std::cin, line); ++i) {
      const auto parts = fieldsOf(line);
      if (parts.size() != 3 || !findFamily(parts[0])) return 1;
      candidates.push_back({findFamily(parts[0]), parseOpView(parts[1]), Tactic::parse(parts[2])});
    }
    for (const Trial& trial : runner->run(candidates, best, checkAll))
      say(std::string(kOutcomes[static_cast<int>(trial.outcome)]) + "\t" + exactText(trial.milliseconds) +
          "\t" + (trial.checked ? "1" : "0") + "\t" + asField(trial.reason));
  }
  return 0;
}

}  // namespace

std::unique_ptr<CandidateRunner> makeWorkerRunner(const WorkerOptions& options) {
  return std::make_unique<WorkerRunner>(options);
}

int runTuneWorker() {
  try {
    const char* fingerprint = std::getenv(kDeviceVariable);
    return serve(fingerprint ? fingerprint : "");
  } catch (const std::exception& e) {
    log().error("tuning worker: {}", e.what());
    return 1;
  }
}

}  // namespace tessera
