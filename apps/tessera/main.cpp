// tessera: looks at devices and models, runs and measures networks.
#include "apps/tessera/commands.hpp"

int main(int argc, char** argv) {
  using namespace tessera::app;
  CommonOptions common;
  CLI::App app("Runs trained networks on OpenCL devices.", "tessera");
  app.set_version_flag("--version", "tessera " TESSERA_VERSION);
  app.require_subcommand(1);
  Command chosen;
  const auto command = [&](const char* name, const char* purpose, Command (*add)(CLI::App&, CommonOptions&)) {
    CLI::App* sub = app.add_subcommand(name, purpose);
    sub->callback([&chosen, run = add(*sub, common)] { chosen = run; });
  };
  command("devices", "Lists OpenCL devices and what they can do", addDevices);
  command("inspect", "Prints a model's graph, the kernels that run it, and memory", addInspect);
  command("run", "Runs a model on .npy inputs", addRun);
  command("bench", "Measures latency, throughput, memory and time per layer", addBench);
  command("calibrate", "Finds the scales that INT8 needs from images", addCalibrate);
  return runProgram(app, argc, argv, common, [&] { return chosen(); });
}
