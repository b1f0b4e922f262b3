// tessera-tune: searches for fast kernels on a device, and looks after what was found.
#include <spdlog/fmt/fmt.h>

#include "apps/common/numbers.hpp"
#include "apps/tessera-tune/commands.hpp"
#include "tessera/log.hpp"

namespace tessera::app {
namespace {

void addWork(CLI::App& app, TuneArguments& a) {
  const OptionGroup group(app, "Work");
  app.add_option("model,--model", a.models, "ONNX, .pb, .tflite, .uff, prototxt,caffemodel, or plans")
      ->type_name("MODEL..");
  app.add_option("--problem", a.problems, "Operators to tune, as --show writes them")->type_name("TEXT");
  app.add_option("--problems", a.problemFile, "A file of them, one a line")->type_name("FILE");
  app.add_option("--batch", a.batch, "Batch size of the models")
      ->check(number(1, 4096))
      ->capture_default_str();
  app.add_option("--preprocess", a.preprocess, "How images become the input, to calibrate INT8 models")
      ->type_name("FILE");
  app.add_flag("--show", a.show, "Print the device's records");
  app.add_option("--export", a.exportFile, "Write the device's records to a file")->type_name("F");
  app.add_option("--import", a.importFile, "Add the records of a file")->type_name("F");
  app.add_option("--export-defaults", a.defaultsFolder, "Write default tactics for the device's class")
      ->type_name("DIR");
  app.add_flag("--verify", a.verify, "Are records right and as fast? With models: tuned against untuned");
  app.add_flag("--roofline", a.roofline, "Measure what the device gives at best");
  app.add_option("--heatmap", a.heatmap, "Draw the time over two parameters of a --problem's kernel")
      ->type_name("F.png");
  app.add_option("--axes", a.axes, "The two parameters, as TX,REGION (else the first two)")->type_name("A,B");
  app.add_option("--family", a.heatmapFamily, "The kernel family (else the fastest on record)")
      ->type_name("NAME");
}

void addDevice(CLI::App& app, TuneArguments& a) {
  addDeviceOptions(app, a.common, TuneDefault::Full);
  app.get_option("--tune-budget")->description("Seconds per model or problem; 0: 50 (CPUs 75), full 600");
  const OptionGroup group(app, "Device");
  app.add_option("--budget", a.common.tuneBudget, "Another name of --tune-budget")
      ->check(number(0.0, 1e6))
      ->type_name("S");
}

void addOptions(CLI::App& app, TuneArguments& a) {
  a.app = &app;
  addWork(app, a);
  {
    const OptionGroup group(app, "Model");
    a.shapes.add(app);
    a.freeze.add(app);
  }
  addDevice(app, a);
  a.int8.add(app);
  addOutputOptions(app, a.common);
}

int run(const TuneArguments& a) {
  const bool tunes = (!a.models.empty() && !a.verify) ||
                     ((!a.problems.empty() || !a.problemFile.empty()) && a.heatmap.empty());
  if (!tunes && !a.show && !a.roofline && !a.verify && a.heatmap.empty() && a.exportFile.empty() &&
      a.importFile.empty() && a.defaultsFolder.empty())
    throw UsageError(
        "Nothing to do: give models or problems, --show, --export, --import, --export-defaults, --verify, "
        "--roofline or --heatmap.");
  const Device device = a.common.selectDevice();
  Json json{{"device", device.caps().name}, {"fingerprint", device.caps().fingerprint()}};
  bool right = true;
  const auto store = [&] { return RecordStore(defaultCacheFolder(), device.caps()); };
  if (!a.importFile.empty()) {
    RecordStore records = store();
    const auto merged = records.merge(readFile(a.importFile));
    if (merged.all() == 0)
      throw Error(ErrorCode::BadCache, a.importFile + " holds no tuning records of this version.");
    fmt::print("{}: {} new records; {} of tactics that have one here, {} of other devices\n", a.importFile,
               merged.taken, merged.known, merged.foreign);
    json["imported"] = merged.taken;
    if (merged.taken > 0 && !records.kept())
      throw Error(ErrorCode::BadCache,
                  "The imported records are lost: there is no cache folder that can be written.");
  }
  if (a.roofline) json["roofline"] = showRoofline(device);
  if (tunes) json["tuned"] = tuneAll(a, device);
  if (a.verify && !a.models.empty()) {
    right = verifyModels(a, device, json["verified"]);
  } else if (a.verify) {
    RecordStore records = store();
    right = verifyRecords(records, a, device, json["verified"]);
  }
  if (!a.heatmap.empty()) json["heatmap"] = drawHeatmap(store(), a, device);
  if (!a.defaultsFolder.empty()) json["defaults"] = exportDefaults(store(), a, device);
  if (a.show) json["records"] = showRecords(store());
  if (!a.exportFile.empty()) {
    RecordStore records = store();
    records.compact();
    writeFile(a.exportFile, records.text());
    fmt::print("{}: {} records\n", a.exportFile, records.size());
    json["exported"] = records.size();
  }
  if (!a.common.json.empty()) writeJson(a.common.json, json);
  return right ? kDone : kFailed;
}

}  // namespace
}  // namespace tessera::app

int main(int argc, char** argv) {
  using namespace tessera::app;
  TuneArguments arguments;
  CLI::App app("Searches for fast kernels on an OpenCL device, and looks after what was found.",
               "tessera-tune");
  addOptions(app, arguments);
  return runProgram(app, argc, argv, arguments.common, [&] { return run(arguments); });
}
