// Pipes, fork and exec.
#include "tune/trial/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

extern char** environ;

namespace tessera {

ChildProcess::ChildProcess(std::vector<std::string> words,
                           const std::pair<std::string, std::string>& variable) {
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0) return;
  if (::pipe2(out, O_CLOEXEC) != 0) {
    ::close(in[0]), ::close(in[1]);
    return;
  }
  std::vector<std::string> environment;
  for (char** e = environ; *e; ++e) environment.emplace_back(*e);
  environment.push_back(variable.first + "=" + variable.second);
  std::vector<char*> argv, envp;
  for (auto& word : words) argv.push_back(word.data());
  for (auto& setting : environment) envp.push_back(setting.data());
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

bool ChildProcess::send(const std::string& text) {
  // A child that died must not take this process with it; other threads' signals are their own affair.
  sigset_t pipe, before;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, &before);
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t n = ::write(to_, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EPIPE && !sigismember(&before, SIGPIPE)) {
      const timespec now{0, 0};
      ::sigtimedwait(&pipe, nullptr, &now);
    }
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return done == text.size();
}

std::optional<std::string> ChildProcess::receive(double seconds, bool& hung) {
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

std::string ChildProcess::stop() {
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

}  // namespace tessera
