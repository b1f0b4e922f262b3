/// \file
/// Names and colours of classes.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tessera::app {

struct LabelClass {
  std::string name;
  std::array<std::uint8_t, 3> color{};  ///< red, green, blue
  std::string category;                 ///< empty: none
  bool ignored = false;                 ///< not scored: void, not labelled
  int datasetId =
      -1;           ///< 0 to 255 in the data set's own numbering, where that differs from the index; -1: none
  std::string key;  ///< the data set's own name, a folder's (n01440764); empty: none
};

struct LabelSet {
  std::string name;
  std::vector<LabelClass> classes;  ///< by the network's class index; ignored ones last

  /// Classes that are scored.
  std::size_t scored() const;
  /// Categories in order of first appearance.
  std::vector<std::string> categories() const;
  /// Blue, green, red, opacity; ignored classes are transparent.
  std::vector<std::array<std::uint8_t, 4>> palette(double opacity) const;
  /// The name of a class, "class 12" beyond the end.
  std::string nameOf(int index) const;
  /// Throws Error(InvalidArgument) where a network with so many classes does not fit.
  void checkClasses(int networkClasses) const;
};

/// Whether a name is that of a set which is built in: cityscapes, camvid, coco.
bool isLabelSet(const std::string& name);
/// "cityscapes", "camvid", "coco", or a file: JSON, [{"name","color":[r,g,b],"category"?,"ignore"?}, ..], or
/// text with one name a line, where a WordNet number before it is the key.
LabelSet loadLabels(const std::string& nameOrFile);
/// The list of classes in a label file, as a description holds it in place: of JSON the whole of it, or its
/// member "classes".
nlohmann::ordered_json readClasses(const std::string& file);
/// From a sidecar: a name or file as above (relative to `folder`), or a list of names or objects.
LabelSet labelsOf(const nlohmann::ordered_json& value, const std::string& folder);
/// "class 0", "class 1", .. in colours far apart.
LabelSet numberedLabels(int classes);

}  // namespace tessera::app
