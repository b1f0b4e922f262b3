// Label sets.
#include "apps/common/labels.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <sstream>

#include "apps/common/files.hpp"
#include "base/text.hpp"
#include "tessera/error.hpp"

namespace tessera::app {
namespace {

const LabelSet& cityscapes() {
  static const LabelSet set{"cityscapes",
                            {{"road", {128, 64, 128}, "flat", false, 7},
                             {"sidewalk", {244, 35, 232}, "flat", false, 8},
                             {"building", {70, 70, 70}, "construction", false, 11},
                             {"wall", {102, 102, 156}, "construction", false, 12},
                             {"fence", {190, 153, 153}, "construction", false, 13},
                             {"pole", {153, 153, 153}, "object", false, 17},
                             {"traffic light", {250, 170, 30}, "object", false, 19},
                             {"traffic sign", {220, 220, 0}, "object", false, 20},
                             {"vegetation", {107, 142, 35}, "nature", false, 21},
                             {"terrain", {152, 251, 152}, "nature", false, 22},
                             {"sky", {70, 130, 180}, "sky", false, 23},
                             {"person", {220, 20, 60}, "human", false, 24},
                             {"rider", {255, 0, 0}, "human", false, 25},
                             {"car", {0, 0, 142}, "vehicle", false, 26},
                             {"truck", {0, 0, 70}, "vehicle", false, 27},
                             {"bus", {0, 60, 100}, "vehicle", false, 28},
                             {"train", {0, 80, 100}, "vehicle", false, 31},
                             {"motorcycle", {0, 0, 230}, "vehicle", false, 32},
                             {"bicycle", {119, 11, 32}, "vehicle", false, 33},
                             {"void", {0, 0, 0}, "", true}}};
  return set;
}

const LabelSet& camvid() {
  static const LabelSet set{"camvid",
                            {{"Sky", {128, 128, 128}, "sky"},
                             {"Building", {128, 0, 0}, "construction"},
                             {"Pole", {192, 192, 128}, "object"},
                             {"Road", {128, 64, 128}, "flat"},
                             {"Pavement", {60, 40, 222}, "flat"},
                             {"Tree", {128, 128, 0}, "nature"},
                             {"SignSymbol", {192, 128, 128}, "object"},
                             {"Fence", {64, 64, 128}, "construction"},
                             {"Car", {64, 0, 128}, "vehicle"},
                             {"Pedestrian", {64, 64, 0}, "human"},
                             {"Bicyclist", {0, 128, 192}, "human"},
                             {"void", {0, 0, 0}, "", true}}};
  return set;
}

// A colour for class `index`: hues a golden angle apart, so that neighbours differ; those that come
// near again, 34 further on, in another brightness.
std::array<std::uint8_t, 3> hue(int index) {
  const double h = std::fmod(index * 0.61803398875, 1.0) * 6, value = 0.7 + 0.125 * (index % 3);
  std::array<std::uint8_t, 3> rgb{};
  for (int c = 0; c < 3; ++c) {
    const double k = std::fmod(5 - 2 * c + h, 6), part = std::clamp(std::min(k, 4 - k), 0.0, 1.0);
    rgb[static_cast<std::size_t>(c)] =
        static_cast<std::uint8_t>(std::lround(255 * value * (1 - 0.75 * part)));
  }
  return rgb;
}

// The 80 classes of COCO's detections; the numbers are those of its 91 categories.
const LabelSet& coco() {
  static const LabelSet set = [] {
    const std::pair<int, const char*> classes[] = {
        {1, "person"},         {2, "bicycle"},       {3, "car"},
        {4, "motorcycle"},     {5, "airplane"},      {6, "bus"},
        {7, "train"},          {8, "truck"},         {9, "boat"},
        {10, "traffic light"}, {11, "fire hydrant"}, {13, "stop sign"},
        {14, "parking meter"}, {15, "bench"},        {16, "bird"},
        {17, "cat"},           {18, "dog"},          {19, "horse"},
        {20, "sheep"},         {21, "cow"},          {22, "elephant"},
        {23, "bear"},          {24, "zebra"},        {25, "giraffe"},
        {27, "backpack"},      {28, "umbrella"},     {31, "handbag"},
        {32, "tie"},           {33, "suitcase"},     {34, "frisbee"},
        {35, "skis"},          {36, "snowboard"},    {37, "sports ball"},
        {38, "kite"},          {39, "baseball bat"}, {40, "baseball glove"},
        {41, "skateboard"},    {42, "surfboard"},    {43, "tennis racket"},
        {44, "bottle"},        {46, "wine glass"},   {47, "cup"},
        {48, "fork"},          {49, "knife"},        {50, "spoon"},
        {51, "bowl"},          {52, "banana"},       {53, "apple"},
        {54, "sandwich"},      {55, "orange"},       {56, "broccoli"},
        {57, "carrot"},        {58, "hot dog"},      {59, "pizza"},
        {60, "donut"},         {61, "cake"},         {62, "chair"},
        {63, "couch"},         {64, "potted plant"}, {65, "bed"},
        {67, "dining table"},  {70, "toilet"},       {72, "tv"},
        {73, "laptop"},        {74, "mouse"},        {75, "remote"},
        {76, "keyboard"},      {77, "cell phone"},   {78, "microwave"},
        {79, "oven"},          {80, "toaster"},      {81, "sink"},
        {82, "refrigerator"},  {84, "book"},         {85, "clock"},
        {86, "vase"},          {87, "scissors"},     {88, "teddy bear"},
        {89, "hair drier"},    {90, "toothbrush"}};
    LabelSet made{"coco", {}};
    for (const auto& [id, name] : classes)
      made.classes.push_back({name, hue(static_cast<int>(made.classes.size())), "", false, id});
    return made;
  }();
  return set;
}

[[noreturn]] void refuseFile(const std::string& where, const std::string& reason) {
  throw Error(ErrorCode::InvalidArgument, where + ": " + reason + ".");
}

// An 8-bit number of a label file, whatever size it is written with.
std::uint8_t byteOf(const Json& value, const std::string& where, const std::string& what) {
  const bool fits = value.is_number_unsigned() && value.get<std::uint64_t>() <= 255;
  if (!fits) refuseFile(where, what + " is " + value.dump().substr(0, 40) + ", and must be 0 to 255");
  return static_cast<std::uint8_t>(value.get<std::uint64_t>());
}

// The data set's own number of a class; -1 stands for none.
int datasetIdOf(const Json& value, const LabelSet& before, const std::string& where,
                const std::string& which) {
  const bool isSigned = value.is_number_integer() && !value.is_number_unsigned();
  if (isSigned && value.get<std::int64_t>() == -1) return -1;
  const int id = byteOf(value, where, "the id of " + which);
  for (std::size_t c = 0; c < before.classes.size(); ++c)
    if (before.classes[c].datasetId == id)
      refuseFile(where, which + " has the id " + std::to_string(id) + " of class " + std::to_string(c));
  return id;
}

void requireKnownKeys(const Json& item, const std::string& where, const std::string& which) {
  static const std::set<std::string> known{"category", "color", "id", "ignore", "key", "name"};
  for (const auto& [key, value] : item.items())
    if (!known.count(key))
      refuseFile(where, which + " has '" + key +
                            "', which is not known; there are name, color ([red, green, "
                            "blue]), category, ignore, id, key");
}

LabelSet parse(const Json& list, const std::string& where) {
  if (!list.is_array() || list.empty()) refuseFile(where, "labels are a list of classes");
  LabelSet set{where, {}};
  for (const Json& item : list) {
    const std::string which = "class " + std::to_string(set.classes.size());
    LabelClass c;
    c.color = hue(static_cast<int>(set.classes.size()));
    if (item.is_string()) {
      c.name = item.get<std::string>();
    } else if (item.is_object() && item.contains("name") && item["name"].is_string()) {
      requireKnownKeys(item, where, which);
      c.name = item["name"].get<std::string>();
      if (item.contains("category") && item["category"].is_string())
        c.category = item["category"].get<std::string>();
      if (item.contains("key") && item["key"].is_string()) c.key = item["key"].get<std::string>();
      if (item.contains("ignore") && item["ignore"].is_boolean()) c.ignored = item["ignore"].get<bool>();
      if (item.contains("id")) c.datasetId = datasetIdOf(item["id"], set, where, which);
      if (item.contains("color")) {
        const Json& color = item["color"];
        if (!color.is_array() || color.size() != 3)
          refuseFile(where, which + " wants color as [red, green, blue]");
        for (std::size_t i = 0; i < 3; ++i)
          c.color[i] = byteOf(color[i], where, "a colour value of " + which);
      }
    } else {
      refuseFile(where, which + " has no name");
    }
    if (!set.classes.empty() && set.classes.back().ignored && !c.ignored)
      refuseFile(where, which + " follows a class that is not scored; those go last");
    set.classes.push_back(std::move(c));
  }
  if (set.classes.size() > 65536) refuseFile(where, "has more than 65536 classes");
  return set;
}

}  // namespace

std::size_t LabelSet::scored() const {
  return static_cast<std::size_t>(
      std::count_if(classes.begin(), classes.end(), [](const LabelClass& c) { return !c.ignored; }));
}

std::vector<std::string> LabelSet::categories() const {
  std::vector<std::string> names;
  for (const LabelClass& c : classes)
    if (!c.category.empty() && !c.ignored && std::find(names.begin(), names.end(), c.category) == names.end())
      names.push_back(c.category);
  return names;
}

std::vector<std::array<std::uint8_t, 4>> LabelSet::palette(double opacity) const {
  const auto alpha = static_cast<std::uint8_t>(std::lround(255 * opacity));
  std::vector<std::array<std::uint8_t, 4>> out;
  for (const LabelClass& c : classes)
    out.push_back({c.color[2], c.color[1], c.color[0], c.ignored ? std::uint8_t{0} : alpha});
  return out;
}

void LabelSet::checkClasses(int networkClasses) const {
  const auto given = static_cast<std::size_t>(networkClasses);
  if (given >= scored() && given <= classes.size()) return;
  throw Error(
      ErrorCode::InvalidArgument,
      "The network gives " + std::to_string(networkClasses) + " classes, but the labels '" + name +
          "' name " + std::to_string(scored()) +
          (classes.size() > scored() ? " and " + std::to_string(classes.size() - scored()) + " unscored"
                                     : "") +
          "; choose others with --labels.");
}

std::string LabelSet::nameOf(int index) const {
  const auto at = static_cast<std::size_t>(index);
  return index >= 0 && at < classes.size() ? classes[at].name : "class " + std::to_string(index);
}

bool isLabelSet(const std::string& name) {
  return name == "cityscapes" || name == "camvid" || name == "coco";
}

namespace {

// "n01440764 tench, Tinca tinca": the number is WordNet's, and what follows the first comma other names.
Json lineAsClass(std::string line) {
  if (!line.empty() && line.back() == '\r') line.pop_back();
  const auto space = line.find(' ');
  const bool numbered =
      space == 9 && line[0] == 'n' &&
      std::all_of(line.begin() + 1, line.begin() + 9, [](char c) { return c >= '0' && c <= '9'; });
  if (!numbered) return line;
  return {{"name", line.substr(10, line.find(',', 10) - 10)}, {"key", line.substr(0, 9)}};
}

}  // namespace

Json readClasses(const std::string& file) {
  const std::string bytes = readFile(file);
  const auto first = bytes.find_first_not_of(" \t\r\n\xef\xbb\xbf");
  if (first == std::string::npos || bytes[first] == '[' || bytes[first] == '{' ||
      lowerCase(fs::path(file).extension().string()) == ".json") {
    const Json content = readJson(file);
    return content.is_object() && content.contains("classes") ? content["classes"] : content;
  }
  Json names = Json::array();
  std::istringstream text(bytes);
  for (std::string line; std::getline(text, line);) names.push_back(lineAsClass(line));
  while (!names.empty() && names.back() == "") names.erase(names.size() - 1);
  return names;
}

LabelSet loadLabels(const std::string& nameOrFile) {
  if (nameOrFile == "cityscapes") return cityscapes();
  if (nameOrFile == "camvid") return camvid();
  if (nameOrFile == "coco") return coco();
  if (!fs::exists(nameOrFile))
    throw Error(ErrorCode::InvalidArgument,
                "No labels '" + nameOrFile + "': neither cityscapes, camvid, coco, nor a file of that name.");
  return parse(readClasses(nameOrFile), nameOrFile);
}

LabelSet labelsOf(const Json& value, const std::string& folder) {
  if (!value.is_string()) return parse(value, "labels of the sidecar");
  const auto name = value.get<std::string>();
  const bool known = isLabelSet(name) || fs::path(name).is_absolute();
  return loadLabels(known ? name : (fs::path(folder) / name).string());
}

LabelSet numberedLabels(int classes) {
  LabelSet set{"numbers", {}};
  for (int i = 0; i < classes; ++i)
    set.classes.push_back({"class " + std::to_string(i), hue(i), "", false, -1});
  return set;
}

}  // namespace tessera::app
