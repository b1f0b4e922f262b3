// Descriptions of networks.
#include "tessera/description.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/read_file.hpp"
#include "tessera/presets.hpp"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Typed access to a description's fields, with errors that say which.
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
  /// Of a size that kernels, which compute in single precision, can take.
  double number(const char* name, double fallback) const {
    const Json* value = find(name);
    if (!value) return fallback;
    if (!value->is_number()) fail(name, "is not a number");
    return bounded(name, value->get<double>());
  }
  /// From `least` to `most`.
  double number(const char* name, double least, double most, double fallback) const {
    const double value = number(name, fallback);
    if (find(name) && !(value >= least && value <= most))
      fail(name, "is " + numberText(value) + ", not from " + numberText(least) + " to " + numberText(most));
    return value;
  }
  std::vector<double> numbers(const char* name, std::size_t count, std::vector<double> fallback) const {
    const Json* value = find(name);
    if (!value) return fallback;
    if (!value->is_array() || value->size() != count)
      fail(name, "is not a list of " + std::to_string(count) + " numbers");
    std::vector<double> out;
    for (const Json& item : *value) {
      if (!item.is_number()) fail(name, "is not a list of numbers");
      out.push_back(bounded(name, item.get<double>()));
    }
    return out;
  }
  [[noreturn]] void fail(const std::string& name, const std::string& reason) const {
    throw Error(ErrorCode::InvalidArgument, file_.string() + ": " + prefix_ + name + " " + reason + ".");
  }

  bool truth(const char* name, bool fallback) const {
    const Json* value = find(name);
    if (!value) return fallback;
    if (!value->is_boolean()) fail(name, "is neither true nor false");
    return value->get<bool>();
  }
  /// A whole number from `least` to `most`.
  int whole(const char* name, int least, int most, int fallback) const {
    const double value = number(name, fallback);
    if (find(name) && (!(value >= least && value <= most) || value != std::floor(value)))
      fail(name, "is not a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return static_cast<int>(value);
  }
  /// What `parse` makes of a text; its reasons become this file's.
  template <class Value, class Parse>
  void parsed(const char* name, Value& value, const Parse& parse) const {
    const std::string given = text(name);
    if (given.empty()) return;
    try {
      value = parse(given);
    } catch (const Error& e) {
      fail(name, std::string("is none: ") + e.what());
    }
  }

 private:
  static std::string numberText(double value) { return Json(value).dump(); }
  double bounded(const char* name, double value) const {
    if (!(std::abs(value) <= 1e30)) fail(name, "is " + numberText(value) + ", which is too large");
    return value;
  }

  const Json& object_;
  fs::path file_;
  std::string prefix_;
};

// Confidences and scores of boxes.
void readScoreThreshold(const Fields& output, NetworkDescription& described) {
  if (output.find("threshold")) described.threshold = output.number("threshold", 0, 1, 0);
}

void readSegmentation(const Fields& output, NetworkDescription& described) {
  output.allow({"name", "layout", "threshold", "classes"});
  output.parsed("layout", described.layout, parseOutputLayout);
  if (output.find("threshold")) described.threshold = output.number("threshold", 0);
}

void readClassification(const Fields& output, NetworkDescription& described) {
  output.allow({"name", "scores", "threshold", "classes"});
  output.parsed("scores", described.scores, parseScoreKind);
  readScoreThreshold(output, described);
}

// A detector's outputs are named by what they are.
void readDetection(const Fields& output, NetworkDescription& described) {
  output.allow({"boxes", "scores", "priors", "indices", "threshold", "overlap", "suppression", "softness",
                "per_class", "most", "classes"});
  DetectionOptions& d = described.detection;
  d.boxes = output.text("boxes");
  d.scores = output.text("scores");
  d.priors = output.text("priors");
  d.classes = output.text("indices");
  readScoreThreshold(output, described);
  d.suppression.overlap = output.number("overlap", 0, 1, d.suppression.overlap);
  d.suppression.softness = output.number("softness", d.suppression.softness);
  d.suppression.perClass = output.truth("per_class", d.suppression.perClass);
  d.suppression.most = output.whole("most", 1, 1 << 20, d.suppression.most);
  if (!(d.suppression.softness > 0)) output.fail("softness", "is not positive");
  output.parsed("suppression", d.suppression.kind, parseSuppression);
}

void readOutput(const Fields& output, NetworkDescription& described) {
  if (described.task == "detection")
    readDetection(output, described);
  else if (described.task == "classification")
    readClassification(output, described);
  else
    readSegmentation(output, described);
  described.output = output.text("name");
  described.classes = output.whole("classes", described.task == "detection" ? 1 : 2, 65536, 0);
  if (!output.find("classes")) described.classes = 0;
}

// A network of one channel has one mean and one deviation.
void readScaling(const Fields& input, ImagePreprocess& p) {
  const auto channels = static_cast<std::size_t>(p.channels());
  const auto listed = [&](const std::array<double, 3>& all) {
    return std::vector<double>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(channels));
  };
  const auto mean = input.numbers("mean", channels, listed(p.mean));
  const auto deviation = input.numbers("std", channels, listed(p.deviation));
  for (std::size_t c = 0; c < channels; ++c) {
    p.mean[c] = mean[c];
    p.deviation[c] = deviation[c];
    if (!(deviation[c] >= 1e-30)) input.fail("std", "is not positive");
  }
  p.scale = input.number("scale", p.scale);
  if (p.scale == 0) input.fail("scale", "is 0, with which every image is the same");
  p.pad = input.number("pad", 0, 255, p.pad);
}

void readInput(const Fields& input, NetworkDescription& described) {
  input.allow(
      {"name", "size", "channels", "mean", "std", "scale", "resize", "fit", "crop", "pad", "rounded"});
  described.input = input.text("name");
  ImagePreprocess& p = described.preprocess;
  const auto size = input.numbers("size", 2, {0, 0});
  for (const double extent : size)
    if (input.find("size") && (!(extent >= 1 && extent <= 1 << 20) || extent != std::floor(extent)))
      input.fail("size", "is not two whole numbers from 1 to 1048576");
  p.height = static_cast<std::int64_t>(size[0]);
  p.width = static_cast<std::int64_t>(size[1]);
  input.parsed("channels", p.order, parseChannelOrder);
  readScaling(input, p);
  if (input.text("resize") == "letterbox") {  // the old way to say fit
    p.resize = ResizeMode::Linear;
    p.fit = ImageFit::Letterbox;
    if (input.find("fit")) input.fail("resize", "is letterbox, which fit says as well");
  } else if (input.find("resize")) {
    p.fit = ImageFit::Stretch;
    input.parsed("resize", p.resize, parseResizeMode);
  }
  input.parsed("fit", p.fit, parseImageFit);
  // Classifiers are trained and compared with libraries that resize images of 8 bits.
  p.rounded = input.truth("rounded", p.rounded || described.task == "classification");
  p.crop = input.number("crop", p.crop);
  if (!(p.crop > 0 && p.crop <= 1)) input.fail("crop", "is not above 0 and 1 at most");
  if (input.find("crop") && p.fit != ImageFit::Crop) input.fail("crop", "goes with fit crop only");
}

// A set's name, or a list from names with commas, as JSON.
std::string labelsOf(std::string_view names) {
  if (names.empty()) return {};
  if (names.find(',') == std::string_view::npos) return Json(names).dump();
  Json list = Json::array();
  std::istringstream parts{std::string(names)};
  for (std::string name; std::getline(parts, name, ',');) list.push_back(name);
  return list.dump();
}

void readPreset(const Fields& top, const std::string& given, NetworkDescription& described) {
  described.preset = given.empty() ? top.text("preset") : given;
  if (described.preset.empty()) return;
  const Preset* preset = nullptr;
  if (given.empty())
    top.parsed("preset", preset, [](const std::string& name) { return &presetOf(name); });
  else
    preset = &presetOf(given);
  const std::string task = preset->classifies() ? "classification" : "detection";
  if (!described.task.empty() && described.task != task)
    top.fail("task", "is " + described.task + ", but the preset " + described.preset + " is for " + task);
  described.task = task;
  described.preprocess = preset->preprocess;
  described.detection = preset->detection;
  if (!described.labels.empty()) return;
  described.labels = labelsOf(preset->labels);
  described.presetLabels = true;
}

void readDescription(const Json& json, const std::string& preset, NetworkDescription& described) {
  const Fields top(json, described.file, "");
  top.allow({"task", "preset", "input", "output", "labels"});
  described.task = top.text("task");
  const bool known = described.task.empty() || described.task == "segmentation" ||
                     described.task == "classification" || described.task == "detection";
  if (!known)
    top.fail("task", "is '" + described.task + "'; there are segmentation, classification, detection");
  if (const Json* labels = top.find("labels")) described.labels = labels->dump();
  readPreset(top, preset, described);
  if (const Json* output = top.find("output"))
    readOutput(Fields(*output, described.file, "output."), described);
  const Json* inputObject = top.find("input");
  if (!inputObject && described.preset.empty()) top.fail("input", "is missing");
  if (inputObject) readInput(Fields(*inputObject, described.file, "input."), described);
}

}  // namespace

NetworkDescription NetworkDescription::parse(std::string_view json, const fs::path& file,
                                             const std::string& preset) {
  NetworkDescription described;
  described.file = file;
  Json value;
  try {
    value = Json::parse(json);
  } catch (const Json::exception& e) {
    throw Error(ErrorCode::InvalidArgument,
                (file.empty() ? "the description" : file.string()) + ": not JSON: " + e.what() + ".");
  }
  readDescription(value, preset, described);
  return described;
}

NetworkDescription NetworkDescription::read(const fs::path& file, const std::string& preset) {
  const FileContent content = readRegularFile(file);
  if (!content.ok())
    throw Error(ErrorCode::InvalidArgument, "Can not read " + file.string() + ": " + content.why + ".");
  return parse(content.bytes, file, preset);
}

NetworkDescription NetworkDescription::ofPreset(const std::string& preset) {
  NetworkDescription described;
  readDescription(Json::object(), preset, described);
  return described;
}

RunnerOptions NetworkDescription::runnerOptions() const {
  RunnerOptions options;
  options.preprocess = preprocess;
  options.input = input;
  if (task == "classification") {
    ClassificationOptions& how = options.classification.emplace();
    how.output = output;
    how.kind = scores;
    how.threshold = threshold.value_or(how.threshold);
  } else if (task == "detection") {
    if (detection.formats.empty())
      throw Error(
          ErrorCode::InvalidArgument,
          where() + ": nothing says what the outputs are: the description of a detector has a preset");
    options.detection = detection;
    options.detection->classCount = classes;
    options.detection->suppression.threshold = threshold.value_or(detection.suppression.threshold);
  } else {
    options.outputs = true;
  }
  return options;
}

SegmentationOptions NetworkDescription::segmentationOptions() const {
  SegmentationOptions options;
  options.preprocess = preprocess;
  options.input = input;
  options.output = output;
  options.layout = layout;
  options.threshold = threshold;
  options.fewestClasses = options.mostClasses = classes;
  return options;
}

std::optional<fs::path> findDescription(const std::string& model) {
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

}  // namespace tessera
