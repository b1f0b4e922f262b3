// Descriptions of models.
#include "apps/common/description.hpp"

#include "apps/common/labels.hpp"
#include "apps/common/program.hpp"

namespace tessera::app {

Sidecar::Sidecar(NetworkDescription described) : NetworkDescription(std::move(described)) {
  if (!labels.empty()) labelList = Json::parse(labels);
}

Sidecar Sidecar::read(const fs::path& file, const std::string& preset) {
  return Sidecar(NetworkDescription::read(file, preset));
}

std::optional<fs::path> findSidecar(const std::string& model) { return findDescription(model); }

void requireOwnResultFile(const std::string& json, const std::string& model) {
  const auto file = json.empty() ? std::nullopt : findDescription(model);
  std::error_code none;
  if (file && fs::equivalent(json, *file, none))
    throw UsageError("--json " + json + " is the description of " + model + ", which it would replace.");
}

Sidecar sidecarFor(const std::string& model, const std::string& given, const std::string& preset,
                   const std::string& hint) {
  if (!given.empty()) return Sidecar::read(given, preset);
  if (const auto file = findDescription(model)) return Sidecar::read(*file, preset);
  if (!preset.empty()) return Sidecar(NetworkDescription::ofPreset(preset));
  throw Error(ErrorCode::InvalidArgument,
              "Nothing says how images become the input of " + model +
                  ": put a description beside it (the same name with .json) or give one with --preprocess" +
                  (hint.empty() ? "" : " (of a usual classifier or detector, " + hint + " says it all)") +
                  ", e.g. "
                  R"({"input": {"channels": "RGB", "mean": [0, 0, 0], "std": [1, 1, 1], "scale": 0.00392, )"
                  R"("resize": "linear"}, "labels": "cityscapes"}.)");
}

std::string portableDescription(const fs::path& sidecar) {
  Json json = readJson(sidecar);
  const Sidecar checked = Sidecar::read(sidecar);
  if (checked.labelList.is_string() && !isLabelSet(checked.labelList.get<std::string>())) {
    json["labels"] = readClasses((sidecar.parent_path() / checked.labelList.get<std::string>()).string());
  }
  return json.dump();
}

Sidecar sidecarOfPlan(const Engine& engine, const std::string& plan, const std::string& given,
                      const std::string& preset) {
  if (!given.empty()) return Sidecar::read(given, preset);
  if (!engine.description().empty())
    return Sidecar(NetworkDescription::parse(engine.description(), plan, preset));
  if (!preset.empty()) return Sidecar(NetworkDescription::ofPreset(preset));
  throw Error(ErrorCode::InvalidArgument,
              "The plan " + plan +
                  " does not say how images become its input: give a description with --preprocess.");
}

}  // namespace tessera::app
