/// \file
/// The right classes of images.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "apps/common/files.hpp"
#include "apps/common/labels.hpp"

namespace tessera::app {

/// Where they come from: the name of each image's folder, or a list. A class is named by its name, its key or
/// its index.
class ClassTruth {
 public:
  /// `annotations`: "folders", or a text file of lines `FILE CLASS`; FILE is a path relative to the list's
  /// folder, or the image's file name alone; what follows the last space or comma is the class where that is
  /// one, else what follows the first. Empty lines and those that begin with # count for nothing. Throws
  /// Error(InvalidArgument) that names file, line and reason.
  ClassTruth(const std::string& annotations, const LabelSet& labels);

  /// None where nothing is said of the image.
  std::optional<int> find(const fs::path& image) const;
  /// Why nothing is said of an image.
  std::string whyNot(const fs::path& image) const;

 private:
  std::optional<int> classNamed(const std::string& name) const;
  void addLine(const std::string& line, const fs::path& folder);

  std::map<std::string, int> classes_;              ///< by name and key
  std::size_t count_ = 0;                           ///< of classes
  std::optional<std::map<std::string, int>> list_;  ///< by absolute path and by file name; none: folders
};

/// Right answers among those that are annotated.
struct Accuracy {
  std::size_t annotated = 0, top1 = 0, top5 = 0;

  double share(std::size_t right) const {
    return annotated ? static_cast<double>(right) / static_cast<double>(annotated) : 0;
  }
};

}  // namespace tessera::app
