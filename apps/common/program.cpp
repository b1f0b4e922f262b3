// Options, log, errors, exit codes.
#include "apps/common/program.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <cstdio>
#include <new>

#include "apps/common/progress.hpp"
#include "tessera/error.hpp"
#include "tessera/log.hpp"

namespace tessera::app {

namespace {
constexpr const char* kTuneWorker = "--tune-worker";  // for the program itself, which starts itself with it
}

EngineOptions CommonOptions::engineOptions() const {
  EngineOptions options;
  options.precision = parsePrecision(precision);
  options.tuning.mode = parseTuneMode(tune);
  options.tuning.seconds = tuneBudget;
  options.tuning.shipped = tuningCache;
  options.tuning.worker = tuneWorker;
  options.tuning.progress = [bar = std::make_shared<TuneBar>()](const TuneProgress& p) { bar->show(p); };
  return options;
}

void addDeviceOptions(CLI::App& app, CommonOptions& options) {
  app.add_option("--device", options.device,
                 "OpenCL device: index, part of its name, cpu or gpu (see tessera devices)")
      ->type_name("SEL");
  app.add_option("--precision", options.precision, "Precision of the network")
      ->check(CLI::IsMember({"fp32", "fp16", "int8"}))
      ->capture_default_str();
  app.add_option("--tune", options.tune,
                 "How long to search for fast kernels: not at all, not but using what was found before, about a "
                 "minute, some minutes")
      ->check(CLI::IsMember({"off", "cached", "fast", "full"}))
      ->envname("TESSERA_TUNE")
      ->capture_default_str();
  app.add_option("--tune-budget", options.tuneBudget, "Seconds to tune for, about; 0: 50 (CPUs 75) for fast, 600 for full")
      ->check(CLI::Range(0.0, 1e6))
      ->type_name("S");
  app.add_option("--tuning-cache", options.tuningCache, "Tuning records that come with an application (tessera-tune --export)")
      ->type_name("FILE");
}

void addOutputOptions(CLI::App& app, CommonOptions& options) {
  app.add_option("--json", options.json, "Write the result as JSON")->type_name("FILE");
  app.add_option("--log-level", options.logLevel, "What to log on stderr")
      ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "off"}))
      ->capture_default_str();
}

int runProgram(CLI::App& app, int argc, char** argv, CommonOptions& options,
               const std::function<int()>& body) {
  const auto fail = [&](const std::string& message, int code) {
    std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), message.c_str());
    return code;
  };
  if (argc == 2 && std::string_view(argv[1]) == kTuneWorker) return runTuneWorker();
  options.tuneWorker = {"/proc/self/exe", kTuneWorker};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? kDone : kUsage;
  }
  try {
    auto logger = std::make_shared<spdlog::logger>(app.get_name(),
                                                   std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    logger->set_pattern("%n: %^%l%$: %v");
    logger->set_level(spdlog::level::from_str(options.logLevel));
    setLogger(logger);
    return body();
  } catch (const UsageError& e) {
    return fail(std::string(e.what()) + "\nRun with --help for more information.", kUsage);
  } catch (const Error& e) {
    return fail(std::string("error: ") + e.what(), kFailed);
  } catch (const std::bad_alloc&) {
    return fail("error: the host has no memory left.", kFailed);
  } catch (const std::exception& e) {
    return fail(std::string("error: ") + e.what(), kFailed);
  }
}

}  // namespace tessera::app
