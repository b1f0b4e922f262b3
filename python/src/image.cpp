// How images become a network's input.
#include "tessera/image.hpp"

#include <pybind11/stl.h>

#include "python/src/arrays.hpp"
#include "python/src/fields.hpp"

namespace tessera::python {
namespace {

ImagePreprocess makePreprocess(std::int64_t height, std::int64_t width, const std::string& resize, bool rgb,
                               std::array<double, 3> mean, std::array<double, 3> deviation, double scale,
                               double pad, bool channelsLast) {
  return {height, width, parseResizeMode(resize), rgb, mean, deviation, scale, pad, channelsLast};
}

void bindPreprocess(py::module_& module) {
  py::class_<ImagePreprocess> how(module, "ImagePreprocess", doc("ImagePreprocess"));
  const auto field = [&](const char* name, auto member) {
    how.def_readwrite(name, member, doc((std::string("ImagePreprocess.") + name).c_str()));
  };
  field("height", &ImagePreprocess::height);
  field("width", &ImagePreprocess::width);
  field("rgb", &ImagePreprocess::rgb);
  field("mean", &ImagePreprocess::mean);
  field("deviation", &ImagePreprocess::deviation);
  field("scale", &ImagePreprocess::scale);
  field("pad", &ImagePreprocess::pad);
  field("channels_last", &ImagePreprocess::channelsLast);
  const ImagePreprocess defaults;
  how.def(py::init(&makePreprocess), py::arg("height") = defaults.height, py::arg("width") = defaults.width,
          py::kw_only(), py::arg("resize") = std::string(toString(defaults.resize)),
          py::arg("rgb") = defaults.rgb, py::arg("mean") = defaults.mean,
          py::arg("deviation") = defaults.deviation, py::arg("scale") = defaults.scale,
          py::arg("pad") = defaults.pad, py::arg("channels_last") = defaults.channelsLast,
          doc("ImagePreprocess.__init__"))
      .def_property(
          "resize", [](const ImagePreprocess& p) { return toString(p.resize); },
          [](ImagePreprocess& p, const std::string& mode) { p.resize = parseResizeMode(mode); },
          doc("ImagePreprocess.resize"));
}

}  // namespace

void bindImages(py::module_& module) {
  bindPreprocess(module);
  Fields<ImagePlace>(module, "ImagePlace")
      .field("height", &ImagePlace::height)
      .field("width", &ImagePlace::width)
      .field("channels_last", &ImagePlace::channelsLast);
  Fields<ImageRegion>(module, "ImageRegion")
      .field("top", &ImageRegion::top)
      .field("left", &ImageRegion::left)
      .field("height", &ImageRegion::height)
      .field("width", &ImageRegion::width);
  module.def("image_place_of", &imagePlaceOf, py::arg("shape"), doc("image_place_of"));
  module.def(
      "image_region",
      [](const std::string& resize, std::int64_t inputHeight, std::int64_t inputWidth,
         std::int64_t imageHeight, std::int64_t imageWidth) {
        return imageRegion(parseResizeMode(resize), inputHeight, inputWidth, imageHeight, imageWidth);
      },
      py::arg("resize"), py::arg("input_height"), py::arg("input_width"), py::arg("image_height"),
      py::arg("image_width"), doc("image_region"));
}

}  // namespace tessera::python
