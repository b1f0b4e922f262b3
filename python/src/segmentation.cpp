// Segmenting images.
#include "tessera/segmentation.hpp"

#include <pybind11/stl.h>

#include <deque>
#include <mutex>

#include "python/src/arrays.hpp"
#include "python/src/fields.hpp"
#include "python/src/image_view.hpp"

namespace tessera::python {
namespace {

using Palette = std::vector<std::array<std::uint8_t, 4>>;
using Arrays = std::vector<py::array>;

/// A Segmentation that threads take in turns, and the images whose pixels it still reads.
class SharedSegmentation {
 public:
  SharedSegmentation(std::shared_ptr<const Engine> engine, SegmentationOptions options)
      : segmentation_(std::move(engine), std::move(options)) {}

  template <class Work>
  auto inTurn(const Work& work) {
    const py::gil_scoped_release release;
    const std::lock_guard turn(mutex_);
    return work(segmentation_);
  }
  void submit(const std::vector<py::object>& images) {
    Arrays arrays;
    std::vector<ImageView> views;
    for (const py::object& image : images)
      views.push_back(imageViewOf(arrays.emplace_back(arrayOf(image, "an image"))));
    inTurn([&](Segmentation& s) {
      s.submit(views);
      submitted_.push_back(std::move(arrays));  // moves references, counts none
    });
  }
  SegmentedBatch collect() {
    Arrays done;  // goes where the GIL is held again
    return inTurn([&](Segmentation& s) {
      SegmentedBatch batch = s.collect();
      done = std::move(submitted_.front());
      submitted_.pop_front();
      return batch;
    });
  }
  SegmentedImage run(const py::object& image) {
    const py::array pixels = arrayOf(image, "an image");
    const ImageView view = imageViewOf(pixels);
    return inTurn([&](Segmentation& s) { return s.run(view); });
  }

 private:
  std::mutex mutex_;
  Segmentation segmentation_;
  std::deque<Arrays> submitted_;
};

SegmentationOptions makeSegmentationOptions(const ImagePreprocess& preprocess, std::string input,
                                            std::string output, Palette palette, int border,
                                            const std::string& layout, std::optional<double> threshold,
                                            int fewestClasses, int mostClasses) {
  return {preprocess,         std::move(input), std::move(output),
          std::move(palette), border,           parseOutputLayout(layout),
          threshold,          fewestClasses,    mostClasses};
}

void bindSegmentationOptions(py::module_& module) {
  py::class_<SegmentationOptions> options(module, "SegmentationOptions", doc("SegmentationOptions"));
  const auto field = [&](const char* name, auto member) {
    options.def_readwrite(name, member, doc((std::string("SegmentationOptions.") + name).c_str()));
  };
  field("preprocess", &SegmentationOptions::preprocess);
  field("input", &SegmentationOptions::input);
  field("output", &SegmentationOptions::output);
  field("palette", &SegmentationOptions::palette);
  field("border", &SegmentationOptions::border);
  field("threshold", &SegmentationOptions::threshold);
  field("fewest_classes", &SegmentationOptions::fewestClasses);
  field("most_classes", &SegmentationOptions::mostClasses);
  const SegmentationOptions defaults;
  options
      .def(py::init(&makeSegmentationOptions), py::arg("preprocess") = defaults.preprocess, py::kw_only(),
           py::arg("input") = "", py::arg("output") = "", py::arg("palette") = py::tuple(),
           py::arg("border") = defaults.border, py::arg("layout") = std::string(toString(defaults.layout)),
           py::arg("threshold") = py::none(), py::arg("fewest_classes") = defaults.fewestClasses,
           py::arg("most_classes") = defaults.mostClasses, doc("SegmentationOptions.__init__"))
      .def_property(
          "layout", [](const SegmentationOptions& o) { return toString(o.layout); },
          [](SegmentationOptions& o, const std::string& layout) { o.layout = parseOutputLayout(layout); },
          doc("SegmentationOptions.layout"));
}

// Pixels of a result, which the result keeps.
template <class T>
py::array pixels(const std::vector<T>& values, std::initializer_list<std::int64_t> shape,
                 const py::object& owner) {
  return arrayOver(values.data(), tessera::dataTypeOf<T>(), shape, owner);
}

void bindSegmentationResults(py::module_& module) {
  using Image = SegmentedImage;
  const auto whole = [](const py::object& self, auto narrow, auto wide, auto height, auto width) {
    const Image& image = self.cast<const Image&>();
    if ((image.*wide).empty()) return pixels(image.*narrow, {image.*height, image.*width}, self);
    return pixels(image.*wide, {image.*height, image.*width}, self);
  };
  Fields<Image>(module, "SegmentedImage")
      .field("height", &Image::height)
      .field("width", &Image::width)
      .computed("classes",
                [whole](const py::object& self) {
                  return whole(self, &Image::classes, &Image::wideClasses, &Image::height, &Image::width);
                })
      .computed("colors",
                [](const py::object& self) {
                  const Image& image = self.cast<const Image&>();
                  return pixels(image.colors, {image.height, image.width, 3}, self);
                })
      .computed("overlay",
                [](const py::object& self) {
                  const Image& image = self.cast<const Image&>();
                  return pixels(image.overlay, {image.height, image.width, 3}, self);
                })
      .computed("map", [whole](const py::object& self) {
        return whole(self, &Image::map, &Image::wideMap, &Image::mapHeight, &Image::mapWidth);
      });
  Fields<SegmentedBatch>(module, "SegmentedBatch")
      .field("images", &SegmentedBatch::images)
      .field("preprocess", &SegmentedBatch::preprocess)
      .field("network", &SegmentedBatch::network);
}

}  // namespace

void bindSegmentation(py::module_& module) {
  bindSegmentationOptions(module);
  bindSegmentationResults(module);
  using Shared = SharedSegmentation;
  py::class_<Shared, std::shared_ptr<Shared>>(module, "Segmentation", doc("Segmentation"))
      .def(py::init([](std::shared_ptr<Engine> engine, const std::optional<SegmentationOptions>& options) {
             return withoutGil([&] {
               return std::make_shared<Shared>(std::move(engine), options.value_or(SegmentationOptions()));
             });
           }),
           py::arg("engine").none(false), py::arg("options") = py::none(), doc("Segmentation.__init__"))
      .def_static("check", &Segmentation::check, py::arg("bindings"), py::arg("options"),
                  doc("Segmentation.check"))
      .def_property_readonly(
          "batch", [](Shared& s) { return s.inTurn([](Segmentation& i) { return i.batch(); }); },
          doc("Segmentation.batch"))
      .def_property_readonly(
          "classes", [](Shared& s) { return s.inTurn([](Segmentation& i) { return i.classes(); }); },
          doc("Segmentation.classes"))
      .def_property_readonly(
          "layout", [](Shared& s) { return toString(s.inTurn([](Segmentation& i) { return i.layout(); })); },
          doc("Segmentation.layout"))
      .def(
          "set_palette",
          [](Shared& s, const Palette& palette) {
            s.inTurn([&](Segmentation& i) { i.setPalette(palette); });
          },
          py::arg("palette"), doc("Segmentation.set_palette"))
      .def("submit", &Shared::submit, py::arg("images"), doc("Segmentation.submit"))
      .def_property_readonly(
          "waiting", [](Shared& s) { return s.inTurn([](Segmentation& i) { return i.waiting(); }); },
          doc("Segmentation.waiting"))
      .def("collect", &Shared::collect, doc("Segmentation.collect"))
      .def("run", &Shared::run, py::arg("image"), doc("Segmentation.run"));
}

}  // namespace tessera::python
