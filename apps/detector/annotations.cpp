// Annotated boxes.
#include "apps/detector/annotations.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "tessera/error.hpp"

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
  return byName.empty() ? byPlace : byName;
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
  for (const Json& annotation : listIn(json, "annotations", file)) {
    const auto image = byId.find(idIn(annotation, "image_id", file));
    if (image == byId.end()) refuseFile(file, "an annotation is of an image that is not in the list");
    const auto index = classes.find(idIn(annotation, "category_id", file));
    if (index == classes.end()) continue;  // a category that the labels do not have
    image->second->boxes.push_back(cocoBox(annotation, index->second, file));
  }
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
    std::istringstream fields(line);
    double index = -1, x = 0, y = 0, bw = 0, bh = 0;
    fields >> index >> x >> y >> bw >> bh;
    if (!fields || index < 0 || index >= classes_ || index != std::floor(index))
      refuseFile(file, "line " + std::to_string(number) +
                           " is not `class x y width height` with a class from 0 to " +
                           std::to_string(classes_ - 1));
    annotated.boxes.push_back({{static_cast<float>((x - bw / 2) * w), static_cast<float>((y - bh / 2) * h),
                                static_cast<float>((x + bw / 2) * w), static_cast<float>((y + bh / 2) * h)},
                               static_cast<int>(index),
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
