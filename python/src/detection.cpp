// From outputs to classes and boxes by plain functions, for whoever runs the network without a Runner.
#include "tessera/detection.hpp"

#include <pybind11/operators.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>

#include "python/src/arrays.hpp"
#include "python/src/fields.hpp"
#include "tessera/classification.hpp"
#include "tessera/presets.hpp"

namespace tessera::python {
namespace {

using Format = DetectionFormat;

ClassificationOptions makeClassification(std::string output, const std::string& kind, int top,
                                         double threshold) {
  return {std::move(output), parseScoreKind(kind), top, threshold};
}

SuppressionOptions makeSuppression(const std::string& kind, double threshold, double overlap, double softness,
                                   bool perClass, int most) {
  return {parseSuppression(kind), threshold, overlap, softness, perClass, most};
}

template <class Enum, std::size_t N>
Enum fromName(const std::array<std::pair<const char*, Enum>, N>& names, const std::string& name,
              const char* what) {
  std::string all;
  for (const auto& [known, value] : names) {
    if (name == known) return value;
    all += std::string(all.empty() ? "" : ", ") + known;
  }
  throw Error(ErrorCode::InvalidArgument, std::string(what) + " is one of " + all + ", not '" + name + "'");
}
template <class Enum, std::size_t N>
const char* toName(const std::array<std::pair<const char*, Enum>, N>& names, Enum value) {
  for (const auto& [name, known] : names)
    if (known == value) return name;
  return "";
}

constexpr std::array<std::pair<const char*, BoxDecoding>, 7> kDecodings{
    {{"center-size", BoxDecoding::CenterSize},
     {"cells", BoxDecoding::Cells},
     {"anchors", BoxDecoding::Anchors},
     {"scaled-anchors", BoxDecoding::ScaledAnchors},
     {"distances", BoxDecoding::Distances},
     {"priors", BoxDecoding::Priors},
     {"fastestdet", BoxDecoding::FastestDet}}};
constexpr std::array<std::pair<const char*, Format::Layout>, 6> kLayouts{
    {{"joined", Format::Layout::Joined},
     {"per-scale", Format::Layout::PerScale},
     {"split", Format::Layout::Split},
     {"split-per-scale", Format::Layout::SplitPerScale},
     {"rows", Format::Layout::Rows},
     {"listed", Format::Layout::Listed}}};

Format makeFormat(const std::string& decoding, const std::string& layout, std::string what, bool scoresFirst,
                  bool objectness, bool sigmoid, bool fraction, bool severalClasses, int background,
                  std::vector<int> strides, std::vector<std::array<float, 2>> anchors, int bins,
                  float cellPoint, std::vector<std::vector<float>> priorSizes,
                  std::array<float, 2> variances) {
  Format format;
  format.decoding = fromName(kDecodings, decoding, "a decoding of boxes");
  format.layout = fromName(kLayouts, layout, "a layout of outputs");
  format.what = what.empty() ? decoding + " boxes, " + layout : std::move(what);
  format.scoresFirst = scoresFirst;
  format.objectness = objectness;
  format.sigmoid = sigmoid;
  format.fraction = fraction;
  format.severalClasses = severalClasses;
  format.background = background;
  format.strides = std::move(strides);
  format.anchors = std::move(anchors);
  format.bins = bins;
  format.cellPoint = cellPoint;
  format.priorSizes = std::move(priorSizes);
  format.variances = variances;
  return format;
}

void bindFormat(py::module_& module) {
  const Format defaults;
  Fields<Format> format(module, "DetectionFormat");
  format.type().def(
      py::init(&makeFormat), py::arg("decoding") = toName(kDecodings, defaults.decoding), py::kw_only(),
      py::arg("layout") = toName(kLayouts, defaults.layout), py::arg("what") = "",
      py::arg("scores_first") = defaults.scoresFirst, py::arg("objectness") = defaults.objectness,
      py::arg("sigmoid") = defaults.sigmoid, py::arg("fraction") = defaults.fraction,
      py::arg("several_classes") = defaults.severalClasses, py::arg("background") = defaults.background,
      py::arg("strides") = py::tuple(), py::arg("anchors") = py::tuple(), py::arg("bins") = defaults.bins,
      py::arg("cell_point") = defaults.cellPoint, py::arg("prior_sizes") = py::tuple(),
      py::arg("variances") = defaults.variances, doc("DetectionFormat.__init__"));
  format.computed("decoding", [](const Format& f) { return toName(kDecodings, f.decoding); })
      .computed("layout", [](const Format& f) { return toName(kLayouts, f.layout); })
      .field("what", &Format::what)
      .field("scores_first", &Format::scoresFirst)
      .field("objectness", &Format::objectness)
      .field("sigmoid", &Format::sigmoid)
      .field("fraction", &Format::fraction)
      .field("several_classes", &Format::severalClasses)
      .field("background", &Format::background)
      .field("strides", &Format::strides)
      .field("anchors", &Format::anchors)
      .field("bins", &Format::bins)
      .field("cell_point", &Format::cellPoint)
      .field("prior_sizes", &Format::priorSizes)
      .field("variances", &Format::variances)
      .computed("box_values", &Format::boxValues);
}

DetectionOptions makeOptions(std::vector<Format> formats,
                             const std::optional<SuppressionOptions>& suppression, std::string boxes,
                             std::string scores, std::string priors, std::string classes, int classCount) {
  return {std::move(formats), suppression.value_or(SuppressionOptions()),
          std::move(boxes),   std::move(scores),
          std::move(priors),  std::move(classes),
          classCount};
}

void bindOptions(py::module_& module) {
  Fields<DetectionOptions> options(module, "DetectionOptions");
  options.type().def(py::init(&makeOptions), py::arg("formats"), py::kw_only(),
                     py::arg("suppression") = py::none(), py::arg("boxes") = "", py::arg("scores") = "",
                     py::arg("priors") = "", py::arg("classes") = "", py::arg("class_count") = 0,
                     doc("DetectionOptions.__init__"));
  options.field("formats", &DetectionOptions::formats)
      .field("suppression", &DetectionOptions::suppression)
      .field("boxes", &DetectionOptions::boxes)
      .field("scores", &DetectionOptions::scores)
      .field("priors", &DetectionOptions::priors)
      .field("classes", &DetectionOptions::classes)
      .field("class_count", &DetectionOptions::classCount);
  Fields<Preset>(module, "Preset")
      .field("name", &Preset::name)
      .field("what", &Preset::what)
      .field("preprocess", &Preset::preprocess)
      .field("labels", &Preset::labels)
      .computed(
          "detection",
          [](const Preset& p) { return p.classifies() ? std::optional<DetectionOptions>() : p.detection; })
      .computed("classifies", &Preset::classifies);
  module.def("preset_of", &presetOf, py::arg("name"), py::return_value_policy::copy, doc("preset_of"));
}

/// Arrays, by name, as the decoder reads them.
TensorMap tensorsOf(const py::object& outputs) {
  TensorMap tensors;
  for (const py::handle item : outputs.attr("items")()) {
    const auto [name, value] = item.cast<std::pair<std::string, py::object>>();
    tensors[name] = tensorOf(value, "output '" + name + "'");
  }
  return tensors;
}

void bindAnswerParts(py::module_& module) {
  Fields<ClassScore>(module, "ClassScore")
      .field("index", &ClassScore::index)
      .field("confidence", &ClassScore::confidence);
  Fields<Box> box(module, "Box");
  box.type()
      .def(py::init([](float left, float top, float right, float bottom) {
             return Box{left, top, right, bottom};
           }),
           py::arg("left"), py::arg("top"), py::arg("right"), py::arg("bottom"), doc("Box.__init__"))
      .def(py::self == py::self);
  box.field("left", &Box::left)
      .field("top", &Box::top)
      .field("right", &Box::right)
      .field("bottom", &Box::bottom);
  Fields<DetectedObject> object(module, "DetectedObject");
  object.type()
      .def(py::init([](const Box& at, int index, float score) {
             return DetectedObject{at, index, score};
           }),
           py::arg("box"), py::arg("index"), py::arg("score"), doc("DetectedObject.__init__"))
      .def(py::self == py::self);
  object.field("box", &DetectedObject::box)
      .field("index", &DetectedObject::index)
      .field("score", &DetectedObject::score);
  const ClassificationOptions scores;
  py::class_<ClassificationOptions>(module, "ClassificationOptions", doc("ClassificationOptions"))
      .def(py::init(&makeClassification), py::arg("output") = "",
           py::arg("kind") = std::string(toString(scores.kind)), py::arg("top") = scores.top,
           py::arg("threshold") = scores.threshold, doc("ClassificationOptions.__init__"));
  const SuppressionOptions boxes;
  py::class_<SuppressionOptions>(module, "SuppressionOptions", doc("SuppressionOptions"))
      .def(py::init(&makeSuppression), py::arg("kind") = std::string(toString(boxes.kind)),
           py::arg("threshold") = boxes.threshold, py::arg("overlap") = boxes.overlap,
           py::arg("softness") = boxes.softness, py::arg("per_class") = boxes.perClass,
           py::arg("most") = boxes.most, doc("SuppressionOptions.__init__"));
}

void bindDecoder(py::module_& module) {
  py::class_<DetectionDecoder>(module, "DetectionDecoder", doc("DetectionDecoder"))
      .def(
          py::init<const std::vector<Binding>&, std::int64_t, std::int64_t, std::int64_t, DetectionOptions>(),
          py::arg("bindings"), py::arg("batch"), py::arg("height"), py::arg("width"), py::arg("options"),
          doc("DetectionDecoder.__init__"))
      .def_property_readonly("classes", &DetectionDecoder::classes, doc("DetectionDecoder.classes"))
      .def_property_readonly(
          "format", [](const DetectionDecoder& d) { return d.format(); }, doc("DetectionDecoder.format"))
      .def_property_readonly("outputs", &DetectionDecoder::outputs, doc("DetectionDecoder.outputs"))
      .def(
          "decode",
          [](const DetectionDecoder& d, const py::object& outputs, std::int64_t item) {
            const TensorMap tensors = tensorsOf(outputs);
            return withoutGil([&] { return d.decode(tensors, item); });
          },
          py::arg("outputs"), py::arg("item") = 0, doc("DetectionDecoder.decode"));
}

std::vector<float> floatsOf(const py::object& values, const char* what) {
  const HostTensor tensor = tensorOf(values, what);
  if (tensor.type != DataType::Float32)
    throw Error(ErrorCode::InvalidArgument, std::string(what) + " are float32");
  const auto floats = tensor.as<float>();
  return {floats.begin(), floats.end()};
}

void bindClassification(py::module_& module) {
  module.def(
      "softmax",
      [](const py::object& scores) {
        HostTensor out = tensorOf(scores, "scores");
        const std::vector<float> made = softmax(floatsOf(scores, "scores"));
        std::ranges::copy(made, out.as<float>().begin());
        return arrayOf(std::move(out));
      },
      py::arg("scores"), doc("softmax"));
  module.def(
      "top_classes",
      [](const py::object& confidences, int top, double threshold) {
        return topClasses(floatsOf(confidences, "confidences"), top, threshold);
      },
      py::arg("confidences"), py::arg("top") = 5, py::arg("threshold") = 0.0, doc("top_classes"));
  module.def(
      "classify",
      [](const py::object& scores, std::int64_t item, std::int64_t batch,
         const std::optional<ClassificationOptions>& options) {
        return classify(tensorOf(scores, "scores"), item, batch, options.value_or(ClassificationOptions()));
      },
      py::arg("scores"), py::arg("item") = 0, py::arg("batch") = 1, py::arg("options") = py::none(),
      doc("classify"));
}

}  // namespace

void bindDetection(py::module_& module) {
  bindAnswerParts(module);
  bindFormat(module);
  bindOptions(module);
  bindDecoder(module);
  bindClassification(module);
  module.def("overlap_of", &overlapOf, py::arg("a"), py::arg("b"), doc("overlap_of"));
  module.def(
      "suppress",
      [](std::vector<DetectedObject> boxes, const std::optional<SuppressionOptions>& options) {
        return suppress(std::move(boxes), options.value_or(SuppressionOptions()));
      },
      py::arg("boxes"), py::arg("options") = py::none(), doc("suppress"));
  module.def("box_in_image", &boxInImage, py::arg("box"), py::arg("region"), py::arg("image_height"),
             py::arg("image_width"), doc("box_in_image"));
}

}  // namespace tessera::python
