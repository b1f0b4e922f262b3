// Networks and sidecars.
#include "apps/common/model.hpp"

#include <cmath>

#include "tessera/importer.hpp"

namespace tessera::app {
namespace {

// Typed access to a sidecar's fields, with errors that say which.
class Fields {
 public:
  Fields(const Json& object, fs::path file, std::string prefix)
      : object_(object), file_(std::move(file)), prefix_(std::move(prefix)) {
    if (!object_.is_object()) fail("", "is not an object");
  }
  const Json* find(const char* name) const {
    const auto it = object_.find(name);
    return it == object_.end() || it->is_null() ? nullptr : &*it;
  }
  std::string text(const char* name) const {
    const Json* value = find(name);
    if (!value) return {};
    if (!value->is_string()) fail(name, "is not a string");
    return value->get<std::string>();
  }
  double number(const char* name, double fallback) const {
    const Json* value = find(name);
    if (!value) return fallback;
    if (!value->is_number()) fail(name, "is not a number");
    return value->get<double>();
  }
  std::vector<double> numbers(const char* name, std::size_t count, std::vector<double> fallback) const {
    const Json* value = find(name);
    if (!value) return fallback;
    if (!value->is_array() || value->size() != count)
      fail(name, "is not a list of " + std::to_string(count) + " numbers");
    std::vector<double> out;
    for (const Json& item : *value) {
      if (!item.is_number()) fail(name, "is not a list of numbers");
      out.push_back(item.get<double>());
    }
    return out;
  }
  [[noreturn]] void fail(const std::string& name, const std::string& reason) const {
    throw Error(ErrorCode::InvalidArgument, file_.string() + ": " + prefix_ + name + " " + reason + ".");
  }

 private:
  const Json& object_;
  fs::path file_;
  std::string prefix_;
};

}  // namespace

Sidecar Sidecar::read(const fs::path& file) {
  const Json json = readJson(file);
  const Fields top(json, file, "");
  Sidecar sidecar;
  sidecar.file = file;
  sidecar.task = top.text("task");
  if (const Json* labels = top.find("labels")) sidecar.labels = *labels;
  if (const Json* output = top.find("output")) sidecar.output = Fields(*output, file, "output.").text("name");
  const Json* inputObject = top.find("input");
  if (!inputObject) top.fail("input", "is missing");
  const Fields input(*inputObject, file, "input.");
  sidecar.input = input.text("name");
  ImagePreprocess& p = sidecar.preprocess;
  const auto size = input.numbers("size", 2, {0, 0});
  const auto mean = input.numbers("mean", 3, {0, 0, 0}), deviation = input.numbers("std", 3, {1, 1, 1});
  for (const double extent : size)
    if (extent != std::floor(extent) || extent < 0 || extent > 1e6)
      input.fail("size", "is not two whole numbers of at most a million");
  p.height = static_cast<std::int64_t>(size[0]);
  p.width = static_cast<std::int64_t>(size[1]);
  if (input.find("size") && (p.height < 1 || p.width < 1)) input.fail("size", "is not positive");
  for (std::size_t c = 0; c < 3; ++c) {
    p.mean[c] = mean[c];
    p.deviation[c] = deviation[c];
    if (!(deviation[c] > 0)) input.fail("std", "is not positive");
  }
  p.scale = input.number("scale", 1);
  p.pad = input.number("pad", p.pad);
  const std::string channels = input.text("channels"), resize = input.text("resize");
  if (!channels.empty() && channels != "BGR" && channels != "RGB")
    input.fail("channels", "is neither BGR nor RGB");
  p.rgb = channels == "RGB";
  try {
    if (!resize.empty()) p.resize = parseResizeMode(resize);
  } catch (const Error& e) {
    input.fail("resize", std::string("is no way to resize: ") + e.what());
  }
  return sidecar;
}

std::optional<fs::path> findSidecar(const std::string& model) {
  const auto comma = model.find(',');
  const std::vector<std::string> files =
      comma == std::string::npos ? std::vector<std::string>{model}
                                 : std::vector<std::string>{model.substr(comma + 1), model.substr(0, comma)};
  for (const fs::path file : files) {
    const fs::path candidate = fs::path(file).replace_extension(".json");
    if (fs::exists(candidate)) return candidate;
    if (fs::exists(file.string() + ".json")) return fs::path(file.string() + ".json");
  }
  return std::nullopt;
}

Sidecar sidecarFor(const std::string& model, const std::string& given) {
  if (!given.empty()) return Sidecar::read(given);
  if (const auto file = findSidecar(model)) return Sidecar::read(*file);
  throw Error(
      ErrorCode::InvalidArgument,
      "Nothing says how images become the input of " + model +
          ": put a description beside it (the same name with .json) or give one with --preprocess, e.g. "
          R"({"input": {"channels": "RGB", "mean": [0, 0, 0], "std": [1, 1, 1], "scale": 0.00392, )"
          R"("resize": "linear"}, "labels": "cityscapes"}.)");
}

Graph loadModel(const std::string& model, std::int64_t batch) {
  ImportOptions options;
  options.batch = static_cast<int>(batch);
  Graph graph = importModel(model, options);
  for (const TensorId input : graph.inputs()) {
    Shape shape = graph.tensor(input).shape;
    if (shape.empty() || shape[0] == batch) continue;
    shape[0] = batch;
    options.inputShapes[graph.tensor(input).name] = shape;
  }
  if (options.inputShapes.empty() || batch == 1) return graph;
  try {
    return importModel(model, options);
  } catch (const Error& e) {
    throw Error(e.code(), "The model fixes its batch size and can not be imported with " +
                              std::to_string(batch) + ": " + e.what());
  }
}

std::string modelName(const std::string& model) {
  const auto comma = model.find(',');
  if (comma == std::string::npos) return fs::path(model).filename().string();
  return fs::path(model.substr(0, comma)).filename().string() + "," +
         fs::path(model.substr(comma + 1)).filename().string();
}

}  // namespace tessera::app
