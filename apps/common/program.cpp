// Options, log, errors, exit codes.
#include "apps/common/program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "apps/common/help.hpp"
#include "apps/common/numbers.hpp"
#include "apps/common/progress.hpp"
#include "base/write_file.hpp"
#include "tessera/error.hpp"
#include "tessera/log.hpp"
#include "tessera/plugin.hpp"

namespace tessera::app {

namespace {

constexpr const char* kTuneWorker = "--tune-worker";  // for the program itself, which starts itself with it

// A closed stream's number would go to the next file that is opened, and what is printed into that file. With
// these, every use of the stream fails.
void replaceClosedStreams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) < 0 && errno == EBADF)
      (void)!::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

extern "C" void endOnSignal(int number) {
  removeUnfinishedFiles();
  ::_exit(128 + number);
}

// Signals that end a program leave no half-written file. One that was ignored before stays so (nohup).
void handleSignals() {
  struct sigaction action {};
  action.sa_handler = endOnSignal;
  ::sigfillset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) {
    struct sigaction before {};
    if (::sigaction(number, nullptr, &before) == 0 && before.sa_handler != SIG_IGN)
      ::sigaction(number, &action, nullptr);
  }
  ::signal(SIGXFSZ, SIG_IGN);  // a limit of file sizes comes as an error of the write
}

// A result that went to a full disk is none.
std::string whyNotPrinted() {
  if (std::fflush(stdout) != 0) return std::strerror(errno);
  return std::ferror(stdout) ? "a write failed" : "";
}

constexpr const char* kTuneVariable = "TESSERA_TUNE";

std::string tuneDefaultText(TuneDefault fallback) {
  switch (fallback) {
    case TuneDefault::Fast:
    case TuneDefault::Serving:
      return "fast";
    case TuneDefault::Full:
      return "full";
    case TuneDefault::Cached:
    case TuneDefault::Never:
      break;
  }
  return "cached";
}

// $TESSERA_TUNE, else the program's own mode.
std::string tuneModeUnasked(TuneDefault fallback, const std::vector<std::string>& offered) {
  const char* variable = std::getenv(kTuneVariable);
  if (!variable || !*variable) return tuneDefaultText(fallback);
  const std::string mode = variable;
  if (std::find(offered.begin(), offered.end(), mode) != offered.end()) return mode;
  // A program that never searches, or only before it answers.
  if (mode == "fast" || mode == "full" || mode == "background") return tuneDefaultText(fallback);
  throw CLI::ValidationError(kTuneVariable,
                             "'" + mode + "' is no mode: off, cached, fast, full or background");
}

}  // namespace

std::string sentence(std::string text) {
  if (text.empty() || text.back() != '.') text += '.';
  return text;
}

namespace {

std::string searchHint(const CommonOptions& options) {
  char seconds[48];
  std::snprintf(seconds, sizeof(seconds), "%.0f s", options.tuneBudget);
  const std::string time = options.tuneBudget > 0   ? seconds
                           : options.tune == "full" ? "ten minutes"
                                                    : "a minute";
  return "Searching for fast kernels for about " + time +
         ", once for this network and device; --tune off starts at once, --tune-budget S sets the time.";
}

}  // namespace

EngineOptions CommonOptions::engineOptions() const {
  EngineOptions options;
  options.precision = parsePrecision(precision);
  options.launches = parseLaunches(launches);
  options.tuning.mode = parseTuneMode(tune);
  options.tuning.seconds = tuneBudget;
  options.tuning.shipped = tuningCache;
  options.tuning.workspaceLimit = workspace;
  options.tuning.worker = tuneWorker;
  if (options.tuning.mode == TuneMode::Background) return options;  // lines of its own would be among results
  options.tuning.progress = [bar = std::make_shared<TuneBar>(tuneHint ? searchHint(*this) : "")](
                                const TuneProgress& p) { bar->show(p); };
  return options;
}

OptionGroup::OptionGroup(CLI::App& app, std::string name)
    : app_(app), name_(std::move(name)), before_(app.get_options().size()) {}
OptionGroup::~OptionGroup() {
  const auto options = app_.get_options();
  for (std::size_t i = before_; i < options.size(); ++i) options[i]->group(name_);
}

void addDeviceOption(CLI::App& app, CommonOptions& options) {
  const OptionGroup group(app, "Device");
  app.add_option("--device", options.device, "An index, part of a name, cpu or gpu (see tessera devices)")
      ->type_name("SEL");
}

void addPluginsOption(CLI::App& app, CommonOptions& options) {
  app.add_option("--plugins", options.plugins, "Layers of your own: manifests, libraries, or folders of them")
      ->type_name("FILE|FOLDER")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void addDeviceOptions(CLI::App& app, CommonOptions& options, TuneDefault tune) {
  const OptionGroup group(app, "Device");
  addDeviceOption(app, options);
  addPluginsOption(app, options);
  app.add_flag("--self-check", options.selfCheck,
               "Plans: compare what they compute with what they did when made");
  app.add_option("--precision", options.precision, "Precision of the network")
      ->check(CLI::IsMember({"fp32", "fp16", "int8"}))
      ->capture_default_str();
  std::vector<std::string> modes{"off", "cached"};
  if (tune != TuneDefault::Never) modes.insert(modes.end(), {"fast", "full"});
  if (tune == TuneDefault::Serving) modes.push_back("background");
  options.tune = tuneDefaultText(tune);
  options.tuneHint = tune != TuneDefault::Full;
  const CLI::Option* mode =
      app.add_option("--tune", options.tune,
                     tune == TuneDefault::Never
                         ? "Kernels without tuning (off), or those that were found before (cached)"
                         : "How long to search for kernels (else $TESSERA_TUNE)")
          ->check(CLI::IsMember(modes))
          ->capture_default_str();
  app.parse_complete_callback([&options, mode, tune, modes] {
    if (mode->count() == 0) options.tune = tuneModeUnasked(tune, modes);
    options.tuneHint = tune != TuneDefault::Full;
  });
  app.add_option("--tune-budget", options.tuneBudget,
                 "Seconds to tune for; 0: 50 (CPUs 75) for fast, 600 for full")
      ->check(number(0.0, 1e6))
      ->type_name("S");
  app.add_option("--tuning-cache", options.tuningCache,
                 "Records that come with an application (tessera-tune --export)")
      ->type_name("FILE");
  CLI::AsSizeValue bytes(false);
  bytes.description("");
  CLI::Validator most = number(std::uint64_t{0}, std::uint64_t{1} << 50);  // "-1" has become a large one
  most.description("");
  app.add_option("--workspace", options.workspace,
                 "Most that a layer's kernels may take beside its tensors, as 64M")
      ->transform(bytes)
      ->check(most)
      ->type_name("BYTES");
  app.add_option("--launches", options.launches, "Of kernels: each alone, one for all, or the faster")
      ->check(CLI::IsMember({"measured", "steps", "one"}))
      ->capture_default_str();
}

void addPrecisionChoice(CLI::App& app, std::string& choice) {
  app.add_option("--precision-choice", choice, "Every layer that can, or those for which it pays")
      ->check(CLI::IsMember({"rules", "measured"}))
      ->capture_default_str();
}

void addOutputOptions(CLI::App& app, CommonOptions& options) {
  const OptionGroup group(app, "Output");
  app.add_option("--json", options.json, "Write the result as JSON")->type_name("FILE");
  app.add_option("--log-level", options.logLevel, "What goes to stderr")
      ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "off"}))
      ->capture_default_str();
}

namespace {

// Help and version of a program and of its commands.
void prepare(CLI::App& app, const std::string& version) {
  app.formatter(screenFormatter());
  app.set_help_flag("-h,--help", "This text")->group("Output");
  app.set_version_flag("--version", version, "The program's version")->group("Output");
  for (CLI::App* command : app.get_subcommands({})) prepare(*command, version);
}

}  // namespace

int runProgram(CLI::App& app, int argc, char** argv, CommonOptions& options,
               const std::function<int()>& body) {
  const auto fail = [&](const std::string& message, int code) {
    std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), message.c_str());
    return code;
  };
  const auto printed = [&](int code) {
    const std::string why = whyNotPrinted();
    return why.empty() ? code : fail("error: the result can not be printed: " + why + ".", kFailed);
  };
  replaceClosedStreams();
  handleSignals();
  if (argc == 2 && std::string_view(argv[1]) == kTuneWorker) return runTuneWorker();
  std::error_code unknown;
  const fs::path self = fs::read_symlink("/proc/self/exe", unknown);
  options.tuneWorker = {fs::exists(self, unknown) ? self.string() : "/proc/self/exe", kTuneWorker};
  if (fs::exists(self, unknown)) options.tuneWorker = leanWorker(self.parent_path(), options.tuneWorker);
  prepare(app, app.get_name() + " " TESSERA_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e), printed(kDone);  // --help, --version
    std::fprintf(stderr, "%s\n", usageMessage(app, e).c_str());
    return kUsage;
  }
  try {
    auto logger = std::make_shared<spdlog::logger>(app.get_name(),
                                                   std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_pattern("%n: %^%l%$: %v");
    logger->set_level(spdlog::level::from_str(options.logLevel));
    setLogger(logger);
    for (const std::string& file : options.plugins) loadPlugins(file);
    return printed(body());
  } catch (const UsageError& e) {
    return fail(std::string(e.what()) + "\nRun with --help for more information.", kUsage);
  } catch (const Error& e) {
    return fail(std::string("error: ") + e.what(), kFailed);
  } catch (const std::bad_alloc&) {
    return fail("error: the host has no memory left.", kFailed);
  } catch (const std::exception& e) {
    if (std::ferror(stdout))
      return fail(std::string("error: the result can not be printed: ") + e.what() + ".", kFailed);
    return fail(std::string("error: ") + e.what(), kFailed);
  }
}

}  // namespace tessera::app
