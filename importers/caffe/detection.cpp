// Rows of detection networks: Reorg, ROIPooling, PSROIPooling, PriorBox, DetectionOutput.
#include <algorithm>
#include <cmath>

#include "importers/caffe/layers.hpp"

namespace tessera::caffe {
namespace {

using Values = std::vector<std::int64_t>;
using Tops = std::vector<TensorId>;

/// YOLO's reorganisation. Forward it reads its input's numbers as if they were an image s times as large of s
/// * s times fewer channels, takes that apart by blocks of s x s and says that the result has the shape a
/// reorganisation of the input proper would have: not what SpaceToDepth of the input gives, but what networks
/// were trained with.
Tops reorg(const LayerContext& c) {
  const auto& p = c.layer.reorg_param();
  if (c.rank() != 4) c.bad("its input of " + toString(c.shape()) + " is no batch of images");
  const std::int64_t s = c.positive(p.stride(), "stride");
  const Shape& in = c.shape();
  if (s > 32768 || in[1] % (s * s))
    c.bad("the channels of " + toString(in) + " do not split into " + std::to_string(s) + " x " +
          std::to_string(s));
  if (p.reverse())
    return c.result("DepthToSpace", {c.bottom()}, {{"block", s}, {"mode", std::string("DCR")}});
  if (in[2] % s || in[3] % s)
    c.bad("height and width of " + toString(in) + " are no multiples of stride " + std::to_string(s));
  const Values large = {in[0], in[1] / (s * s), in[2] * s, in[3] * s};
  const TensorId wide = c.step("Reshape", "wide", {c.bottom()}, {{"shape", large}});
  const TensorId apart = c.step("SpaceToDepth", "apart", {wide}, {{"block", s}});
  return c.result("Reshape", {apart}, {{"shape", Values{in[0], in[1] * s * s, in[2] / s, in[3] / s}}});
}

/// Regions of [R, 5], whatever extents of 1 come after.
TensorId regions(const LayerContext& c) {
  const Shape& rois = c.shape(1);
  if (rois.size() < 2 || rois[1] != 5 || elementCount(rois) != rois[0] * 5)
    c.bad("its regions of " + toString(rois) + " are not R x 5: item and two corners");
  return rois.size() == 2 ? c.bottom(1)
                          : c.step("Reshape", "regions", {c.bottom(1)}, {{"shape", Values{rois[0], 5}}});
}

Tops psRoiPooling(const LayerContext& c) {
  const auto& p = c.layer.psroi_pooling_param();
  if (c.rank() != 4) c.bad("its input of " + toString(c.shape()) + " is no batch of images");
  const std::int64_t group = c.positive(p.group_size(), "group_size");
  const std::int64_t outputs = c.positive(p.output_dim(), "output_dim");
  if (!(p.spatial_scale() > 0)) c.bad("spatial_scale must be positive");
  if (group > 1024 || c.shape()[1] != outputs * group * group)
    c.bad("the channels of " + toString(c.shape()) + " are not output_dim * group_size * group_size");
  return c.result("PsRoiPool", {c.bottom(), regions(c)},
                  {{"group", group}, {"scale", static_cast<double>(p.spatial_scale())}});
}

Tops roiPooling(const LayerContext& c) {
  const auto& p = c.layer.roi_pooling_param();
  if (c.rank() != 4) c.bad("its input of " + toString(c.shape()) + " is no batch of images");
  const Values size = {c.positive(p.pooled_h(), "pooled_h"), c.positive(p.pooled_w(), "pooled_w")};
  if (!(p.spatial_scale() > 0)) c.bad("spatial_scale must be positive");
  return c.result("MaxRoiPool", {c.bottom(), regions(c)},
                  {{"size", size}, {"scale", static_cast<double>(p.spatial_scale())}});
}

/// The sizes of the boxes around every cell, in the order of SSD.
std::vector<std::pair<float, float>> priorSizes(const LayerContext& c) {
  const auto& p = c.layer.prior_box_param();
  if (!p.min_size_size()) c.bad("prior_box_param needs min_size");
  if (p.max_size_size() && p.max_size_size() != p.min_size_size())
    c.bad(std::to_string(p.max_size_size()) + " values of max_size for " + std::to_string(p.min_size_size()) +
          " of min_size");
  std::vector<float> ratios = {1};
  for (const float ratio : p.aspect_ratio()) {
    if (!(ratio > 0)) c.bad("aspect_ratio must be positive");
    bool known = false;
    for (const float other : ratios) known |= std::fabs(ratio - other) < 1e-6;
    if (known) continue;
    ratios.push_back(ratio);
    if (p.flip()) ratios.push_back(1 / ratio);
  }
  std::vector<std::pair<float, float>> sizes;
  for (int i = 0; i < p.min_size_size(); ++i) {
    if (!(p.min_size(i) > 0)) c.bad("min_size must be positive");
    const float least = std::trunc(p.min_size(i));  // SSD counts in whole pixels
    sizes.emplace_back(least, least);
    if (p.max_size_size()) {
      if (!(p.max_size(i) > p.min_size(i))) c.bad("max_size must be larger than min_size");
      const float between = std::sqrt(least * std::trunc(p.max_size(i)));
      sizes.emplace_back(between, between);
    }
    for (const float ratio : ratios)
      if (std::fabs(ratio - 1) >= 1e-6)
        sizes.emplace_back(least * std::sqrt(ratio), least / std::sqrt(ratio));
  }
  return sizes;
}

/// Four variances, or one for all.
std::vector<float> priorVariances(const LayerContext& c) {
  const auto& given = c.layer.prior_box_param().variance();
  if (given.size() > 1 && given.size() != 4)
    c.bad("variance has " + std::to_string(given.size()) + " values, not 1 or 4");
  for (const float value : given)
    if (!(value > 0)) c.bad("variance must be positive");
  if (given.size() == 4) return {given.begin(), given.end()};
  return std::vector<float>(4, given.size() ? given[0] : 0.1f);
}

/// Both extents, from a field for both or one for each; 0 where none is given.
template <class T>
std::pair<T, T> bothExtents(const LayerContext& c, bool hasBoth, T both, bool hasH, T h, bool hasW, T w,
                            const char* what) {
  if (hasBoth && (hasH || hasW)) c.bad(std::string(what) + " is given for both extents and for each");
  if (hasH != hasW) c.bad(std::string(what) + " is given for one extent only");
  const std::pair<T, T> found = hasBoth ? std::pair{both, both} : std::pair{h, w};
  if ((hasBoth || hasH) && !(found.first > 0 && found.second > 0))
    c.bad(std::string(what) + " must be positive");
  return found;
}

/// Boxes around every cell of bottom 0, as parts of the image that bottom 1 or the parameters give: a
/// constant.
Tops priorBox(const LayerContext& c) {
  const auto& p = c.layer.prior_box_param();
  constexpr std::int64_t kMostBoxes = std::int64_t{1} << 22;  // SSD512 has 24564
  if (c.rank() != 4 || c.rank(1) != 4)
    c.bad("its inputs of " + toString(c.shape()) + " and " + toString(c.shape(1)) +
          " are no batches of images");
  const auto sizes = priorSizes(c);
  const auto variances = priorVariances(c);
  const std::int64_t rows = c.shape()[2], columns = c.shape()[3];
  const std::int64_t count = elementCount({rows, columns, static_cast<std::int64_t>(sizes.size())});
  if (count > kMostBoxes)
    c.bad(std::to_string(count) + " boxes for cells of " + toString(c.shape()) + " are too many");
  auto [height, width] = bothExtents<float>(c, p.has_img_size(), static_cast<float>(p.img_size()),
                                            p.has_img_h(), static_cast<float>(p.img_h()), p.has_img_w(),
                                            static_cast<float>(p.img_w()), "img_size");
  if (height == 0) height = static_cast<float>(c.shape(1)[2]), width = static_cast<float>(c.shape(1)[3]);
  auto [stepY, stepX] = bothExtents<float>(c, p.has_step(), p.step(), p.has_step_h(), p.step_h(),
                                           p.has_step_w(), p.step_w(), "step");
  if (stepY == 0) stepY = height / static_cast<float>(rows), stepX = width / static_cast<float>(columns);

  HostTensor priors(DataType::Float32, {1, 2, count * 4});
  float* box = priors.as<float>().data();
  float* variance = box + count * 4;
  const auto put = [&](double value) {
    const auto narrow = static_cast<float>(value);
    *box++ = p.clip() ? std::min(std::max(narrow, 0.f), 1.f) : narrow;
  };
  for (std::int64_t y = 0; y < rows; ++y)
    for (std::int64_t x = 0; x < columns; ++x) {
      const float cx = (static_cast<float>(x) + p.offset()) * stepX,
                  cy = (static_cast<float>(y) + p.offset()) * stepY;
      for (const auto& [w, h] : sizes) {
        put((cx - w / 2.0) / width);
        put((cy - h / 2.0) / height);
        put((cx + w / 2.0) / width);
        put((cy + h / 2.0) / height);
        variance = std::copy(variances.begin(), variances.end(), variance);
      }
    }
  return {c.build.constant(c.tops()[0], std::move(priors))};
}

/// [N, everything else].
TensorId flattened(const LayerContext& c, std::size_t i) {
  if (c.rank(i) < 2) c.bad("its input of " + toString(c.shape(i)) + " is no batch of predictions");
  const Values flat = {c.shape(i)[0], elementCount(c.shape(i)) / c.shape(i)[0]};
  return c.shape(i) == flat ? c.bottom(i)
                            : c.step("Reshape", "flat" + std::to_string(i), {c.bottom(i)}, {{"shape", flat}});
}

Tops detectionOutput(const LayerContext& c) {
  const auto& p = c.layer.detection_output_param();
  const auto& nms = p.nms_param();
  if (c.bottomCount() > 4) c.refuse("predictions of a second stage (RefineDet) are not supported");
  if (!(nms.nms_threshold() >= 0)) c.bad("nms_threshold must not be negative");
  if (!(nms.eta() > 0 && nms.eta() <= 1)) c.bad("eta must be above 0 and at most 1");
  const std::string code = p.code_type() == DetectionOutputParameter::CORNER        ? "corner"
                           : p.code_type() == DetectionOutputParameter::CENTER_SIZE ? "center_size"
                                                                                    : "corner_size";
  const auto limit = [&](bool given, std::int32_t value, const char* what) {
    if (given && value != -1) c.positive(value, what);
    return given ? std::int64_t{value} : std::int64_t{-1};
  };
  Attributes attrs = {{"classes", c.positive(p.num_classes(), "num_classes")},
                      {"share_location", std::int64_t{p.share_location()}},
                      {"background", std::int64_t{p.background_label_id()}},
                      {"nms_threshold", static_cast<double>(nms.nms_threshold())},
                      {"eta", static_cast<double>(nms.eta())},
                      {"top_k", limit(nms.has_top_k(), nms.top_k(), "top_k")},
                      {"keep_top_k", limit(p.has_keep_top_k(), p.keep_top_k(), "keep_top_k")},
                      {"code", code},
                      {"variance_in_target", std::int64_t{p.variance_encoded_in_target()}}};
  if (p.has_confidence_threshold()) attrs.set("confidence", static_cast<double>(p.confidence_threshold()));
  return {c.build.add("DetectionOutput", c.layer.name(), {flattened(c, 0), flattened(c, 1), c.bottom(2)},
                      attrs, {c.tops()[0]})};
}

}  // namespace

std::vector<LayerRow> detectionRows() {
  return {{"Reorg", 1, 1, reorg},
          {"ROIPooling", 2, 2, roiPooling},
          {"PSROIPooling", 2, 2, psRoiPooling},
          {"PriorBox", 2, 2, priorBox},
          {"DetectionOutput", 3, 5, detectionOutput}};
}

}  // namespace tessera::caffe
