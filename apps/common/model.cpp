// Networks and sidecars.
#include "apps/common/model.hpp"

#include <algorithm>
#include <cmath>

#include "apps/common/batch.hpp"
#include "apps/common/labels.hpp"
#include "apps/common/program.hpp"
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
  /// A field that is misspelt would otherwise count for nothing.
  void allow(const std::vector<std::string>& known) const {
    for (const auto& [name, value] : object_.items()) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      std::string list;
      for (const std::string& field : known) list += (list.empty() ? "" : ", ") + field;
      fail(name, "is not known; there are " + list);
    }
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

void readOutput(const Fields& output, Sidecar& sidecar) {
  // Detectors name their outputs by what they are.
  if (sidecar.task == "detection") return output.allow({"scores", "boxes"});
  output.allow({"name", "layout", "threshold", "classes"});
  sidecar.output = output.text("name");
  try {
    if (const std::string layout = output.text("layout"); !layout.empty())
      sidecar.layout = parseOutputLayout(layout);
  } catch (const Error& e) {
    output.fail("layout", std::string("is none: ") + e.what());
  }
  if (output.find("threshold")) sidecar.threshold = output.number("threshold", 0);
  if (!output.find("classes")) return;
  const double classes = output.number("classes", 0);
  if (!(classes >= 2 && classes <= 65536) || classes != std::floor(classes))
    output.fail("classes", "is not a whole number from 2 to 65536");
  sidecar.classes = static_cast<int>(classes);
}

void readInput(const Fields& input, Sidecar& sidecar) {
  input.allow({"name", "size", "channels", "mean", "std", "scale", "resize", "pad"});
  sidecar.input = input.text("name");
  ImagePreprocess& p = sidecar.preprocess;
  const auto size = input.numbers("size", 2, {0, 0});
  const auto mean = input.numbers("mean", 3, {0, 0, 0}), deviation = input.numbers("std", 3, {1, 1, 1});
  for (const double extent : size)
    if (input.find("size") && (!(extent >= 1 && extent <= 1 << 20) || extent != std::floor(extent)))
      input.fail("size", "is not two whole numbers from 1 to 1048576");
  p.height = static_cast<std::int64_t>(size[0]);
  p.width = static_cast<std::int64_t>(size[1]);
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
}

}  // namespace

Sidecar Sidecar::read(const fs::path& file) { return parse(readJson(file), file); }

Sidecar Sidecar::parse(const Json& json, const fs::path& file) {
  const Fields top(json, file, "");
  top.allow({"task", "input", "output", "labels"});
  Sidecar sidecar;
  sidecar.file = file;
  sidecar.task = top.text("task");
  if (const Json* labels = top.find("labels")) sidecar.labels = *labels;
  if (const Json* output = top.find("output")) readOutput(Fields(*output, file, "output."), sidecar);
  const Json* inputObject = top.find("input");
  if (!inputObject) top.fail("input", "is missing");
  readInput(Fields(*inputObject, file, "input."), sidecar);
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

std::string portableDescription(const fs::path& sidecar) {
  Json json = readJson(sidecar);
  const Sidecar checked = Sidecar::parse(json, sidecar);
  if (checked.labels.is_string() && !isLabelSet(checked.labels.get<std::string>()))
    json["labels"] = readClasses((sidecar.parent_path() / checked.labels.get<std::string>()).string());
  return json.dump();
}

Sidecar sidecarOfPlan(const Engine& engine, const std::string& plan, const std::string& given) {
  if (!given.empty()) return Sidecar::read(given);
  if (!engine.description().empty()) return Sidecar::parse(Json::parse(engine.description()), plan);
  throw Error(ErrorCode::InvalidArgument,
              "The plan " + plan +
                  " does not say how images become its input: give a description with --preprocess.");
}

void requireModelFiles(const std::string& model) {
  for (std::size_t begin = 0; begin <= model.size();) {
    const auto comma = std::min(model.find(',', begin), model.size());
    const fs::path file = model.substr(begin, comma - begin);
    if (!fs::exists(file))
      throw Error(ErrorCode::InvalidArgument, "There is no model file " + file.string() + ".");
    begin = comma + 1;
  }
}

namespace {

// A fixed first extent is the batch where no other extent of the model's inputs is: those inputs with it
// replaced. `single` and `graph` were imported for 1 image and for `batch`.
std::map<std::string, Shape> fixedBatchReplaced(const Graph& single, const Graph& graph, std::int64_t batch,
                                                const ImportOptions& options) {
  std::map<std::string, Shape> replaced;
  for (std::size_t i = 0; i < graph.inputs().size(); ++i) {
    const GraphTensor &one = single.tensor(single.inputs()[i]), &many = graph.tensor(graph.inputs()[i]);
    const bool open = one.shape != many.shape;  // the batch was filled in, perhaps elsewhere
    if (open || many.shape.empty() || many.shape[0] == batch || options.inputShapes.count(many.name))
      continue;
    replaced[many.name] = many.shape;
    replaced[many.name][0] = batch;
  }
  return replaced;
}

// Whether the batch is the first extent of every input.
bool batchIsFirst(const Graph& single, const Graph& batched) {
  for (std::size_t i = 0; i < single.inputs().size(); ++i) {
    const Shape &one = single.tensor(single.inputs()[i]).shape,
                &many = batched.tensor(batched.inputs()[i]).shape;
    if (one != many && (one.size() != many.size() || one[0] == many[0])) return false;
  }
  return true;
}

}  // namespace

Graph loadModel(const std::string& model, std::int64_t batch, ImportOptions options) {
  requireModelFiles(model);
  options.batch = static_cast<int>(batch);
  Graph graph = importModel(model, options);
  if (batch == 1 || options.inputShapes.count("*")) return graph;
  ImportOptions one = options;
  one.batch = 1;
  const Graph single = importModel(model, one);
  const auto replaced = fixedBatchReplaced(single, graph, batch, options);
  options.inputShapes.insert(replaced.begin(), replaced.end());
  try {
    if (!replaced.empty()) graph = importModel(model, options);
  } catch (const Error& e) {
    throw Error(e.code(), sentence("The model fixes its batch size and can not be imported with " +
                                   std::to_string(batch) + ": " + e.what()));
  }
  if (batchIsFirst(single, graph)) checkBatch(model, single, graph, batch);
  return graph;
}

std::optional<Shape> imageShapeFor(const std::vector<std::int64_t>& declared, std::int64_t batch,
                                   std::int64_t height, std::int64_t width) {
  if (declared.empty()) return Shape{batch, 3, height, width};
  if (declared.size() != 4) return std::nullopt;
  const bool first = declared[1] < 0 || declared[1] == 3, last = declared[3] == 3;
  if (last && declared[1] != 3) return Shape{batch, height, width, 3};
  if (first) return Shape{batch, 3, height, width};
  return std::nullopt;
}

std::string modelName(const std::string& model) {
  const auto comma = model.find(',');
  if (comma == std::string::npos) return fs::path(model).filename().string();
  return fs::path(model.substr(0, comma)).filename().string() + "," +
         fs::path(model.substr(comma + 1)).filename().string();
}

}  // namespace tessera::app
