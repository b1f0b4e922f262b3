/// \file
/// From a detector's outputs to boxes: decoding, non-maximum suppression, back to the image. Plain functions
/// of tensors in host memory; boxes below the threshold are dropped before anything is computed of them.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tessera/context.hpp"
#include "tessera/image.hpp"

namespace tessera {

/// A rectangle by its edges, in pixels; the first pixel reaches from 0 to 1.
struct Box {
  float left = 0;    ///< where it begins
  float top = 0;     ///< likewise
  float right = 0;   ///< where it ends
  float bottom = 0;  ///< likewise
  bool operator==(const Box&) const = default;
};

/// Intersection over union; 0 where either has no area.
float overlapOf(const Box& a, const Box& b);

/// What a detector found.
struct DetectedObject {
  Box box;          ///< in pixels of the network's input, or of the image
  int index = 0;    ///< of the class, as the network counts
  float score = 0;  ///< from 0 to 1
  bool operator==(const DetectedObject&) const = default;
};

/// What the values of a box mean. A cell is a pixel (x, y) of the map that a stride belongs to.
enum class BoxDecoding {
  CenterSize,     ///< x and y of the centre, width, height
  Cells,          ///< YOLOX: ((x + t0) s, (y + t1) s) and (exp(t2) s, exp(t3) s), of centre and size
  Anchors,        ///< YOLOv3: ((x + sigmoid t0) s, ..) and (exp(t2) anchor width, ..)
  ScaledAnchors,  ///< YOLOv5: ((x + 2 sigmoid t0 - 0.5) s, ..) and ((2 sigmoid t2)^2 anchor width, ..)
  Distances,   ///< of left, top, right, bottom from the cell's point, each the mean of a distribution, by s
  Priors,      ///< SSD: centre and size against a prior's, by variances; corners where all rows are
  FastestDet,  ///< (x + tanh t0, y + tanh t1) s, and sigmoid t2, t3 of the input's extents
};

/// How a detector's outputs are laid out.
struct DetectionFormat {
  std::string what;                                ///< for messages: the outputs' shapes
  BoxDecoding decoding = BoxDecoding::CenterSize;  ///< see there
  /// How values are spread over outputs.
  enum class Layout {
    Joined,         ///< one output, box and scores one after another
    PerScale,       ///< likewise, one for each stride
    Split,          ///< boxes, and scores
    SplitPerScale,  ///< likewise, for each stride
    Rows,           ///< item, class, score, corners (7 values), or corners, score, class (6)
    Listed,         ///< corners, scores and classes in an output each
  };
  Layout layout = Layout::Joined;  ///< see there
  bool scoresFirst = false;        ///< the scores of classes lie before the box
  bool objectness = false;  ///< one value beside the scores, to multiply them with; before a FastestDet's box
  bool sigmoid = false;     ///< scores and objectness are logits
  bool fraction = false;    ///< decoded boxes are fractions of the input's extents, not pixels of it
  bool severalClasses = false;  ///< a box counts for each class above the threshold, not for the best alone
  int background = -1;          ///< class that is never reported
  std::vector<int> strides;     ///< of the maps of cells, in the order of the outputs' rows
  /// Width and height in pixels, as many for each stride.
  std::vector<std::array<float, 2>> anchors;
  int bins = 0;            ///< Distances: values of each distribution; 0: distances as they are
  float cellPoint = 0.5F;  ///< Distances: the cell's point is (x + this) s
  /// Priors where no output has them: squares of these sizes in pixels, by stride, in the middle of each
  /// cell.
  std::vector<std::vector<float>> priorSizes;
  std::array<float, 2> variances{0.1F, 0.2F};  ///< of priors: centre, size

  /// Values of a box.
  int boxValues() const { return decoding == BoxDecoding::Distances && bins > 0 ? 4 * bins : 4; }
  /// Boxes of each cell.
  std::int64_t perCell(std::size_t scale) const;
};

/// What happens to boxes that overlap.
enum class Suppression {
  Hard,  ///< of two that overlap by more than `overlap`, the one with the lower score goes
  Soft,  ///< scores fall by exp(-overlap^2 / softness); what falls below the threshold goes
  None,  ///< nothing
};
std::string_view toString(Suppression kind);          ///< "hard", "soft", "none"
Suppression parseSuppression(std::string_view text);  ///< throws Error(InvalidArgument)

/// Which boxes stay.
struct SuppressionOptions {
  Suppression kind = Suppression::Hard;  ///< see there
  double threshold = 0.25;               ///< least score of a box that stays
  double overlap = 0.45;                 ///< of Hard
  double softness = 0.5;                 ///< of Soft
  bool perClass = true;                  ///< boxes of different classes do not touch each other
  int most = 300;                        ///< boxes of an image

  /// Throws Error(InvalidArgument) that names what is out of range: `threshold` and `overlap` are from 0 to
  /// 1, `softness` is positive, `most` is 1 at least.
  void check() const;
};

/// The boxes that stay, by falling score; of equals the earlier first. A score that is not a number is none.
/// Throws as SuppressionOptions::check() does.
std::vector<DetectedObject> suppress(std::vector<DetectedObject> boxes, const SuppressionOptions& options);

/// How a detector's outputs become objects.
struct DetectionOptions {
  std::vector<DetectionFormat> formats;  ///< what the outputs may be; the first that fits counts
  SuppressionOptions suppression;        ///< see there
  std::string boxes;                     ///< output by name, where shapes do not tell it; empty: they do
  std::string scores;                    ///< likewise
  std::string priors;                    ///< likewise
  std::string classes;                   ///< likewise, of indices of classes (Listed)
  int classCount = 0;                    ///< that the network tells apart; 0: as its outputs say
};

/// Reads the outputs of one network. Immutable after construction.
class DetectionDecoder {
 public:
  /// `bindings`: of the network, for images of `height` x `width` pixels, a batch of `batch`. Throws
  /// Error(InvalidArgument) that lists the outputs and what was looked for where no format fits, and as
  /// SuppressionOptions::check() does.
  DetectionDecoder(const std::vector<Binding>& bindings, std::int64_t batch, std::int64_t height,
                   std::int64_t width, DetectionOptions options);
  ~DetectionDecoder();
  DetectionDecoder(DetectionDecoder&&) noexcept;             ///< the other can only be destroyed or assigned
  DetectionDecoder& operator=(DetectionDecoder&&) noexcept;  ///< likewise

  int classes() const;                    ///< that the outputs tell apart, with the background; 0: not known
  const DetectionFormat& format() const;  ///< that fits
  /// The outputs that are read.
  std::vector<std::string> outputs() const;

  /// The boxes of item `item` with a score of at least the threshold, in pixels of the network's input, in
  /// the order of the outputs' rows. Throws Error(InvalidArgument) where boxes are neither corners nor have
  /// priors.
  std::vector<DetectedObject> decode(const TensorMap& outputs, std::int64_t item) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// From pixels of a network's input to those of an image that lies in `region` of it, cut off at its edges.
Box boxInImage(const Box& box, const ImageRegion& region, std::int64_t imageHeight, std::int64_t imageWidth);

}  // namespace tessera
