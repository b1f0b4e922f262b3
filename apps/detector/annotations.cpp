// Annotated boxes.
#include "apps/detector/annotations.hpp"

#include <spdlog/logger.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "tessera/error.hpp"
#include "tessera/log.hpp"

namespace tessera::app {
namespace {

[[noreturn]] void refuseFile(const fs::path& file, const std::string& reason) {
  throw Error(ErrorCode::InvalidArgument, "The annotations " + file.string() + ": " + reason + ".");
}

const Json& listIn(const Json& json, const char* name, const fs::path& file) {
  const auto it = json.is_object() ? json.find(name) : json.end();
  if (!json.is_object() || it == json.end() || !it->is_array())
    refuseFile(file, std::string("there is no list '") + name + "', which files of COCO have");
  return *it;
}

std::int64_t idIn(const Json& item, const char* name, const fs::path& file) {
  if (!item.is_object() || !item.contains(name) || !item[name].is_number_integer())
    refuseFile(file, std::string("an entry has no whole number '") + name + "'");
  return item[name].get<std::int64_t>();
}

// Class by category: of that name in the labels, else the category's place in the list.
std::map<std::int64_t, int> classesOf(const Json& categories, const LabelSet& labels, const fs::path& file) {
  std::map<std::string, int> named;
  for (std::size_t c = 0; c < labels.classes.size(); ++c)
    named.try_emplace(labels.classes[c].name, static_cast<int>(c));
  std::map<std::int64_t, int> byName, byPlace;
  for (const Json& category : categories) {
    const std::int64_t id = idIn(category, "id", file);
    byPlace.try_emplace(id, static_cast<int>(byPlace.size()));
    if (!category.contains("name") || !category["name"].is_string()) continue;
    const auto it = named.find(category["name"].get<std::string>());
    if (it != named.end()) byName.try_emplace(id, it->second);
  }
  if (byName.empty()) {
    log().warn(
        "{}: none of its categories is called as a label is; they are taken for the labels in their order",
        file.string());
    return byPlace;
  }
  return byName;
}

// Says what is annotated and left out, because no label has the category's name.
void reportLeftOut(const std::map<std::int64_t, std::size_t>& leftOut, const Json& categories,
                   const fs::path& file) {
  std::string names;
  std::size_t boxes = 0;
  for (const Json& category : categories) {
    const auto it = leftOut.find(idIn(category, "id", file));
    if (it == leftOut.end()) continue;
    boxes += it->second;
    names += (names.empty() ? "" : ", ") + (category.contains("name") && category["name"].is_string()
                                                ? category["name"].get<std::string>()
                                                : std::to_string(it->first));
  }
  if (boxes > 0)
    log().warn("{}: {} boxes are not scored, whose categories no label is called: {}", file.string(), boxes,
               names);
}

RightBox cocoBox(const Json& annotation, int index, const fs::path& file) {
  const auto it = annotation.find("bbox");
  if (it == annotation.end() || !it->is_array() || it->size() != 4)
    refuseFile(file, "an annotation has no bbox [x, y, width, height]");
  std::array<double, 4> v{};
  for (std::size_t i = 0; i < 4; ++i) {
    if (!(*it)[i].is_number()) refuseFile(file, "a bbox holds what is no number");
    v[i] = (*it)[i].get<double>();
  }
  RightBox box{{static_cast<float>(v[0]), static_cast<float>(v[1]), static_cast<float>(v[0] + v[2]),
                static_cast<float>(v[1] + v[3])},
               index,
               false};
  const auto crowd = annotation.find("iscrowd");
  box.crowd = crowd != annotation.end() && crowd->is_number() && crowd->get<double>() != 0;
  return box;
}

struct YoloBox {
  int index = 0;
  double left = 1, top = 1, right = 0, bottom = 0;  ///< fractions of the image
};

// A line of a label file: class, centre and size; or class and corners of a polygon, whose bounds count.
std::optional<YoloBox> yoloBox(const std::string& line, int classes) {
  std::istringstream fields(line);
  std::vector<double> values;
  for (double value = 0; fields >> value;) values.push_back(value);
  const bool numbers = fields.eof(), polygon = values.size() >= 7 && values.size() % 2 == 1;
  if (!numbers || (values.size() != 5 && !polygon)) return std::nullopt;
  const double index = values[0];
  if (index < 0 || index >= classes || index != std::floor(index)) return std::nullopt;
  constexpr double kWhole = 1.01;  // tools round
  if (std::any_of(values.begin() + 1, values.end(),
                  [](double v) { return !(v >= 1 - kWhole && v <= kWhole); }))
    return std::nullopt;
  YoloBox box{static_cast<int>(index)};
  if (!polygon) {
    box.left = values[1] - values[3] / 2, box.right = values[1] + values[3] / 2;
    box.top = values[2] - values[4] / 2, box.bottom = values[2] + values[4] / 2;
    return box;
  }
  for (std::size_t i = 1; i + 1 < values.size(); i += 2) {
    box.left = std::min(box.left, values[i]), box.right = std::max(box.right, values[i]);
    box.top = std::min(box.top, values[i + 1]), box.bottom = std::max(box.bottom, values[i + 1]);
  }
  return box;
}

}  // namespace

BoxAnnotations::BoxAnnotations(const fs::path& path, const LabelSet& labels)
    : classes_(static_cast<int>(labels.classes.size())) {
  if (!fs::is_directory(path)) {
    readCoco(path, labels);
    return;
  }
  folder_ = path;
  const auto isList = [](const fs::directory_entry& entry) { return entry.path().extension() == ".txt"; };
  if (std::none_of(fs::directory_iterator(path), fs::directory_iterator(), isList))
    throw Error(ErrorCode::InvalidArgument,
                "The folder of annotations " + path.string() + " holds no .txt file, as YOLO's do.");
}

void BoxAnnotations::readCoco(const fs::path& file, const LabelSet& labels) {
  constexpr std::uintmax_t kLimit = std::uintmax_t{2} << 30;  // COCO's own have 450 MB
  Json json;
  try {
    json = Json::parse(readFile(file, kLimit));
  } catch (const Json::exception& e) {
    refuseFile(file, std::string("not JSON: ") + e.what());
  }
  const auto classes = classesOf(listIn(json, "categories", file), labels, file);
  for (const auto& [id, index] : classes) categories_[index] = id;
  std::map<std::int64_t, AnnotatedImage*> byId;
  for (const Json& image : listIn(json, "images", file)) {
    const std::int64_t id = idIn(image, "id", file);
    if (!image.contains("file_name") || !image["file_name"].is_string())
      refuseFile(file, "an image has no file_name");
    const fs::path name = image["file_name"].get<std::string>();
    AnnotatedImage& annotated = images_[name.filename().string()];
    if (annotated.id >= 0) refuseFile(file, "two images are called " + name.filename().string());
    annotated.id = id;
    byId[id] = &annotated;
  }
  std::map<std::int64_t, std::size_t> leftOut;
  for (const Json& annotation : listIn(json, "annotations", file)) {
    const auto image = byId.find(idIn(annotation, "image_id", file));
    if (image == byId.end()) refuseFile(file, "an annotation is of an image that is not in the list");
    const std::int64_t category = idIn(annotation, "category_id", file);
    const auto index = classes.find(category);
    if (index == classes.end())
      ++leftOut[category];
    else
      image->second->boxes.push_back(cocoBox(annotation, index->second, file));
  }
  reportLeftOut(leftOut, json["categories"], file);
}

AnnotatedImage BoxAnnotations::readYolo(const fs::path& image, std::int64_t height,
                                        std::int64_t width) const {
  const fs::path file = folder_ / (image.stem().string() + ".txt");
  AnnotatedImage annotated;
  if (!fs::exists(file)) return annotated;  // nothing is there: YOLO's tools write no file then
  std::istringstream text(readFile(file));
  const auto h = static_cast<double>(height), w = static_cast<double>(width);
  std::size_t number = 0;
  for (std::string line; std::getline(text, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto box = yoloBox(line, classes_);
    if (!box)
      refuseFile(file,
                 "line " + std::to_string(number) +
                     " is not `class x y width height` or `class x1 y1 x2 y2 x3 y3 ..` (a polygon) with a "
                     "class from 0 to " +
                     std::to_string(classes_ - 1) + " and fractions of the image");
    annotated.boxes.push_back({{static_cast<float>(box->left * w), static_cast<float>(box->top * h),
                                static_cast<float>(box->right * w), static_cast<float>(box->bottom * h)},
                               box->index,
                               false});
  }
  return annotated;
}

std::optional<AnnotatedImage> BoxAnnotations::find(const fs::path& image, std::int64_t height,
                                                   std::int64_t width) const {
  if (!folder_.empty()) return readYolo(image, height, width);
  const auto it = images_.find(image.filename().string());
  return it == images_.end() ? std::nullopt : std::optional<AnnotatedImage>(it->second);
}

std::optional<std::int64_t> BoxAnnotations::category(int index) const {
  const auto it = categories_.find(index);
  return it == categories_.end() ? std::nullopt : std::optional<std::int64_t>(it->second);
}

}  // namespace tessera::app
