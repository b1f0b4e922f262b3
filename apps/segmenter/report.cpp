// Tables and JSON.
#include "apps/segmenter/report.hpp"

#include <spdlog/fmt/fmt.h>

namespace tessera::app {
namespace {

std::string percent(const std::optional<double>& value) {
  return value ? fmt::format("{:8.2f}", *value * 100) : fmt::format("{:>8}", "-");
}

std::string scoreTable(const Confusion& confusion, const LabelSet& labels) {
  std::string out = fmt::format("\n{:<16}{:>8}\n", "class", "IoU %");
  for (std::size_t c = 0; c < confusion.classes(); ++c)
    out += fmt::format("{:<16}{}\n", labels.classes[c].name, percent(confusion.iou(c)));
  out += fmt::format("{:<16}{}\n{:<16}{}\n", "mean IoU", percent(confusion.meanIou()), "pixel accuracy",
                     percent(confusion.pixelAccuracy()));
  const auto categories = labels.categories();
  if (categories.size() < 2) return out;
  const Confusion merged = confusion.byCategory(labels);
  out += fmt::format("\n{:<16}{:>8}\n", "category", "IoU %");
  for (std::size_t c = 0; c < categories.size(); ++c)
    out += fmt::format("{:<16}{}\n", categories[c], percent(merged.iou(c)));
  return out + fmt::format("{:<16}{}\n", "mean IoU", percent(merged.meanIou()));
}

Json number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

}  // namespace

std::string resultTable(const SegmenterResult& result) {
  return runTable(result) + (result.confusion ? scoreTable(*result.confusion, result.labels) : "");
}

Json resultJson(const SegmenterResult& result) {
  Json json = runJson(result);
  if (!result.confusion) return json;
  const Confusion& confusion = *result.confusion;
  json["miou"] = confusion.meanIou();
  json["pixel_accuracy"] = confusion.pixelAccuracy();
  Json matrix = Json::array(), names = Json::array();
  for (std::size_t c = 0; c < confusion.classes(); ++c) {
    json["iou"][result.labels.classes[c].name] = number(confusion.iou(c));
    names.push_back(result.labels.classes[c].name);
    Json row = Json::array();
    for (std::size_t p = 0; p <= confusion.classes(); ++p) row.push_back(confusion.count(c, p));
    matrix.push_back(std::move(row));
  }
  const auto categories = result.labels.categories();
  if (categories.size() > 1) {
    const Confusion merged = confusion.byCategory(result.labels);
    json["category_miou"] = merged.meanIou();
    for (std::size_t c = 0; c < categories.size(); ++c)
      json["category_iou"][categories[c]] = number(merged.iou(c));
  }
  json["confusion"] = {{"classes", names}, {"annotated_by_predicted", matrix}};
  return json;
}

std::string confusionCsv(const Confusion& confusion, const LabelSet& labels) {
  std::string out = "annotated \\ predicted";
  for (std::size_t c = 0; c < confusion.classes(); ++c) out += "," + labels.classes[c].name;
  out += ",void\n";
  for (std::size_t a = 0; a < confusion.classes(); ++a) {
    out += labels.classes[a].name;
    for (std::size_t p = 0; p <= confusion.classes(); ++p) out += "," + std::to_string(confusion.count(a, p));
    out += "\n";
  }
  return out;
}

}  // namespace tessera::app
