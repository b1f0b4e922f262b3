// tessera: looks at devices and models, runs and measures networks.
#include <cstdio>

#include "apps/tessera/commands.hpp"

int main(int argc, char** argv) {
  using namespace tessera::app;
  CommonOptions common;
  CLI::App app("Runs trained networks on OpenCL devices.", "tessera");
  Command chosen;
  std::string names;
  std::set<std::string> commands;
  const auto command = [&](const char* name, const char* purpose, Command (*add)(CLI::App&, CommonOptions&)) {
    names += (names.empty() ? "" : ", ") + std::string(name);
    commands.insert(name);
    CLI::App* sub = app.add_subcommand(name, purpose);
    sub->callback([&chosen, run = add(*sub, common)] { chosen = run; });
  };
  command("devices", "Lists OpenCL devices and what they can do", addDevices);
  command("inspect", "Prints a model's graph, the kernels that run it, and memory", addInspect);
  command("build", "Makes a plan of a model: a file that starts at once", addBuild);
  command("plan", "Looks into plans: plan check FILE", addPlan);
  command("run", "Runs a model on .npy inputs", addRun);
  command("bench", "Measures latency, throughput, memory and time per layer", addBench);
  command("compare", "Compares two plans, precisions or devices layer by layer", addCompare);
  command("calibrate", "Finds the scales that INT8 needs from images", addCalibrate);
  // Said here, since the parser names neither the word nor the commands.
  const std::string first = argc > 1 ? argv[1] : "";
  if (!first.empty() && first[0] != '-' && !commands.count(first)) {
    std::fprintf(stderr, "tessera: there is no command '%s'; the commands are %s.\n", first.c_str(),
                 names.c_str());
    return kUsage;
  }
  return runProgram(app, argc, argv, common, [&] {
    if (!chosen) throw UsageError("A command is required: " + names + ".");
    return chosen();
  });
}
