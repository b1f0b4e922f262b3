/// \file
/// Boxes that are there, from files of annotations.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/common/files.hpp"
#include "apps/common/labels.hpp"
#include "apps/detector/evaluation.hpp"

namespace tessera::app {

/// What is annotated of one image.
struct AnnotatedImage {
  std::int64_t id = -1;         ///< COCO's; -1: none
  std::vector<RightBox> boxes;  ///< in pixels
};

/// A COCO file of annotations, or a folder of YOLO label files.
class BoxAnnotations {
 public:
  /// `path`: a .json file (images, annotations, categories: by the names of the labels, else by their order),
  /// or a folder with STEM.txt of lines `class x y width height` (centre and size, fractions of the image) or
  /// `class x1 y1 x2 y2 x3 y3 ..` (a polygon, whose bounds count). Warns of boxes whose categories no label
  /// is called. Throws Error(InvalidArgument) that names the file and what is wrong with it.
  BoxAnnotations(const fs::path& path, const LabelSet& labels);

  /// Of an image with those extents; none where nothing is said of it. COCO's are found by file name, YOLO's
  /// by stem: an empty file, or none, says that there is nothing.
  std::optional<AnnotatedImage> find(const fs::path& image, std::int64_t height, std::int64_t width) const;
  /// COCO's number of a class; none where a class has none.
  std::optional<std::int64_t> category(int index) const;

 private:
  void readCoco(const fs::path& file, const LabelSet& labels);
  AnnotatedImage readYolo(const fs::path& image, std::int64_t height, std::int64_t width) const;

  fs::path folder_;  ///< of YOLO label files; empty: COCO
  int classes_ = 0;
  std::map<std::string, AnnotatedImage> images_;  ///< COCO, by file name
  std::map<int, std::int64_t> categories_;        ///< by class
};

}  // namespace tessera::app
