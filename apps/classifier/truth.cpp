// Right classes.
#include "apps/classifier/truth.hpp"

#include <algorithm>
#include <sstream>

#include "tessera/error.hpp"

namespace tessera::app {
namespace {

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r,"), last = text.find_last_not_of(" \t\r,");
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

std::string folderOf(const fs::path& image) { return fs::absolute(image).parent_path().filename().string(); }
std::string absoluteName(const fs::path& file) { return fs::weakly_canonical(fs::absolute(file)).string(); }

}  // namespace

ClassTruth::ClassTruth(const std::string& annotations, const LabelSet& labels)
    : count_(labels.classes.size()) {
  for (std::size_t c = 0; c < count_; ++c) {
    classes_.try_emplace(labels.classes[c].name, static_cast<int>(c));
    if (!labels.classes[c].key.empty()) classes_.try_emplace(labels.classes[c].key, static_cast<int>(c));
  }
  if (annotations == "folders") return;
  list_.emplace();
  std::istringstream text(readFile(annotations));
  std::size_t number = 0;
  for (std::string line; std::getline(text, line);) {
    ++number;
    line = trimmed(line);
    if (line.empty() || line[0] == '#') continue;
    try {
      addLine(line, fs::path(annotations).parent_path());
    } catch (const Error& e) {
      throw Error(ErrorCode::InvalidArgument,
                  annotations + ", line " + std::to_string(number) + ": " + e.what());
    }
  }
}

// An index, a name or a key.
std::optional<int> ClassTruth::classNamed(const std::string& name) const {
  if (const auto it = classes_.find(name); it != classes_.end()) return it->second;
  const bool digits = !name.empty() && name.size() < 7 &&
                      std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || static_cast<std::size_t>(std::stoi(name)) >= count_) return std::nullopt;
  return std::stoi(name);
}

// A file's name may have spaces, and so may a class's.
void ClassTruth::addLine(const std::string& line, const fs::path& folder) {
  for (const bool last : {true, false}) {
    const auto at = last ? line.find_last_of(" ,\t") : line.find_first_of(" ,\t");
    if (at == std::string::npos) break;
    const auto found = classNamed(trimmed(line.substr(at + 1)));
    if (!found) continue;
    const fs::path file = trimmed(line.substr(0, at));
    list_->insert_or_assign(absoluteName(folder / file), *found);
    if (!file.has_parent_path()) list_->insert_or_assign(file.string(), *found);
    return;
  }
  throw Error(ErrorCode::InvalidArgument, "'" + line + "' is no file and a class that the labels have.");
}

std::optional<int> ClassTruth::find(const fs::path& image) const {
  if (list_) {
    auto it = list_->find(absoluteName(image));
    if (it == list_->end()) it = list_->find(image.filename().string());
    return it == list_->end() ? std::nullopt : std::optional<int>(it->second);
  }
  return classNamed(folderOf(image));
}

std::string ClassTruth::whyNot(const fs::path& image) const {
  if (list_) return "the list of right classes does not name it";
  return "its folder '" + folderOf(image) + "' is neither name, key nor index of a class of the labels";
}

}  // namespace tessera::app
