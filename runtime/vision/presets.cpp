// Presets.
#include "tessera/presets.hpp"

namespace tessera {
namespace {

using BoxLayout = DetectionFormat::Layout;

ImagePreprocess images(ChannelOrder order, ImageFit fit, double scale = 1) {
  ImagePreprocess how;
  how.order = order;
  how.fit = fit;
  how.scale = scale;
  return how;
}

ImagePreprocess normalised(ImagePreprocess how, std::array<double, 3> mean, std::array<double, 3> deviation) {
  how.mean = mean;
  how.deviation = deviation;
  return how;
}

DetectionFormat format(std::string what, BoxDecoding decoding, BoxLayout layout,
                       std::vector<int> strides = {}) {
  DetectionFormat f;
  f.what = std::move(what);
  f.decoding = decoding;
  f.layout = layout;
  f.strides = std::move(strides);
  return f;
}

DetectionFormat withObjectness(DetectionFormat f) {
  f.objectness = true;
  return f;
}

DetectionFormat ofLogits(DetectionFormat f) {
  f.sigmoid = true;
  return f;
}

DetectionFormat withAnchors(DetectionFormat f, std::vector<std::array<float, 2>> anchors) {
  f.anchors = std::move(anchors);
  return f;
}

DetectionFormat ofDistribution(DetectionFormat f, int bins, float cellPoint, bool scoresFirst) {
  f.bins = bins;
  f.cellPoint = cellPoint;
  f.scoresFirst = scoresFirst;
  return f;
}

DetectionFormat ofPriors(DetectionFormat f, int background) {
  f.fraction = true;
  f.severalClasses = true;
  f.background = background;
  return f;
}

DetectionOptions options(std::vector<DetectionFormat> formats, double threshold, double overlap,
                         bool perClass = true) {
  DetectionOptions o;
  o.formats = std::move(formats);
  o.suppression.threshold = threshold;
  o.suppression.overlap = overlap;
  o.suppression.perClass = perClass;
  return o;
}

const std::vector<int> kYoloStrides{8, 16, 32};
const std::vector<std::array<float, 2>> kYoloAnchors{{10, 13},  {16, 30},  {33, 23},   {30, 61},  {62, 45},
                                                     {59, 119}, {116, 90}, {156, 198}, {373, 326}};

Preset yolov8() {
  const auto rows =
      format("NxKx6, rows of corners, score, class", BoxDecoding::CenterSize, BoxLayout::Rows, kYoloStrides);
  return {"yolov8", "YOLOv8, v9, v10, YOLO11 as Ultralytics exports them",
          images(ChannelOrder::Rgb, ImageFit::Letterbox, 1.0 / 255),
          options({rows,
                   format("Nx(4+CLASSES)xBOXES or NxBOXESx(4+CLASSES)", BoxDecoding::CenterSize,
                          BoxLayout::Joined, kYoloStrides),
                   ofLogits(ofDistribution(format("Nx(64+CLASSES)xHxW for strides 8, 16, 32",
                                                  BoxDecoding::Distances, BoxLayout::PerScale, kYoloStrides),
                                           16, 0.5F, false))},
                  0.25, 0.7),
          "coco"};
}

Preset yolov5() {
  auto joined = withObjectness(withAnchors(
      format("NxBOXESx(5+CLASSES)", BoxDecoding::CenterSize, BoxLayout::Joined, kYoloStrides), kYoloAnchors));
  auto raw = ofLogits(
      withObjectness(withAnchors(format("Nx3xHxWx(5+CLASSES) or Nx3(5+CLASSES)xHxW for strides 8, 16, 32",
                                        BoxDecoding::ScaledAnchors, BoxLayout::PerScale, kYoloStrides),
                                 kYoloAnchors)));
  return {"yolov5", "YOLOv5 and v7", images(ChannelOrder::Rgb, ImageFit::Letterbox, 1.0 / 255),
          options({std::move(joined), std::move(raw)}, 0.25, 0.45), "coco"};
}

Preset yolov3() {
  return {
      "yolov3", "YOLOv3 without its last layers", images(ChannelOrder::Rgb, ImageFit::Letterbox, 1.0 / 255),
      options({ofLogits(
                  withObjectness(withAnchors(format("Nx3(5+CLASSES)xHxW for strides 8, 16, 32",
                                                    BoxDecoding::Anchors, BoxLayout::PerScale, kYoloStrides),
                                             kYoloAnchors)))},
              0.25, 0.45),
      "coco"};
}

Preset yolox() {
  return {
      "yolox", "YOLOX, boxes not decoded", images(ChannelOrder::Bgr, ImageFit::LetterboxTopLeft),
      options(
          {withObjectness(format("NxBOXESx(5+CLASSES)", BoxDecoding::Cells, BoxLayout::Joined, kYoloStrides)),
           withObjectness(format("Nx(5+CLASSES)xHxW for strides 8, 16, 32", BoxDecoding::Cells,
                                 BoxLayout::PerScale, kYoloStrides))},
          0.3, 0.45),
      "coco"};
}

Preset nanodet() {
  const auto plus =
      format("NxBOXESx(CLASSES+32)", BoxDecoding::Distances, BoxLayout::Joined, {8, 16, 32, 64});
  const auto old = format("NxCELLSxCLASSES and NxCELLSx32 for strides 8, 16, 32", BoxDecoding::Distances,
                          BoxLayout::SplitPerScale, {8, 16, 32});
  return {"nanodet", "NanoDet-Plus, NanoDet",
          normalised(images(ChannelOrder::Bgr, ImageFit::Stretch), {103.53, 116.28, 123.675},
                     {57.375, 57.12, 58.395}),
          options({ofDistribution(plus, 8, 0, true), ofDistribution(old, 8, 0.5F, true)}, 0.35, 0.6), "coco"};
}

Preset ssd() {
  const auto of = [](std::string what, BoxLayout layout) {
    return ofPriors(format(std::move(what), BoxDecoding::Priors, layout), 0);
  };
  return {"ssd", "SSD: boxes and scores with priors or decoded, or the rows of DetectionOutput",
          normalised(images(ChannelOrder::Bgr, ImageFit::Stretch), {104, 117, 123}, {1, 1, 1}),
          options({of("1x1xKx7, rows of item, class, score, corners", BoxLayout::Rows),
                   of("NxKx4 corners, NxK scores, NxK classes", BoxLayout::Listed),
                   of("NxBOXESx4 and NxBOXESxCLASSES, with 1x2x(4 BOXES) priors where not decoded",
                      BoxLayout::Split)},
                  0.5, 0.45),
          ""};
}

Preset ultraface() {
  auto split =
      ofPriors(format("NxBOXESx4 and NxBOXESx2", BoxDecoding::Priors, BoxLayout::Split, {8, 16, 32, 64}), 0);
  split.priorSizes = {{10, 16, 24}, {32, 48}, {64, 96}, {128, 192, 256}};
  return {"ultraface", "Ultra-Light-Fast-Generic-Face-Detector, boxes decoded or not",
          normalised(images(ChannelOrder::Rgb, ImageFit::Stretch), {127, 127, 127}, {128, 128, 128}),
          options({std::move(split)}, 0.7, 0.3), "background,face"};
}

Preset fastestdet() {
  ImagePreprocess how = images(ChannelOrder::Bgr, ImageFit::Stretch, 1.0 / 255);
  how.resize = ResizeMode::Area;
  how.rounded = true;  // as the images it was trained on
  return {"fastestdet", "FastestDet", how,
          options({withObjectness(format("Nx(5+CLASSES)xHxW for stride 16", BoxDecoding::FastestDet,
                                         BoxLayout::PerScale, {16}))},
                  0.65, 0.45, false),
          "coco"};
}

Preset torchvision() {
  ImagePreprocess how = normalised(images(ChannelOrder::Rgb, ImageFit::Crop), {123.675, 116.28, 103.53},
                                   {58.395, 57.12, 57.375});
  how.resize = ResizeMode::Antialiased;
  how.crop = 0.875;
  how.rounded = true;
  return {"torchvision-classification", "ImageNet classifiers of torchvision and timm", how, {}, ""};
}

}  // namespace

std::span<const Preset> presets() {
  static const std::vector<Preset> all{yolov8(), yolov5(),    yolov3(),     yolox(),      nanodet(),
                                       ssd(),    ultraface(), fastestdet(), torchvision()};
  return all;
}

const Preset& presetOf(std::string_view name) {
  std::string names;
  for (const Preset& preset : presets()) {
    if (preset.name == name) return preset;
    names += (names.empty() ? "" : ", ") + std::string(preset.name);
  }
  throw Error(ErrorCode::InvalidArgument, "unknown preset '" + std::string(name) + "'; there are " + names);
}

}  // namespace tessera
