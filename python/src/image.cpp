// How images become a network's input.
#include "tessera/image.hpp"

#include <pybind11/stl.h>

#include "python/src/arrays.hpp"
#include "python/src/fields.hpp"
#include "python/src/image_view.hpp"

namespace tessera::python {
namespace {

ImagePreprocess makePreprocess(std::int64_t height, std::int64_t width, const std::string& resize,
                               const std::string& fit, double crop, const std::string& order,
                               std::array<double, 3> mean, std::array<double, 3> deviation, double scale,
                               double pad, bool channelsLast, bool rounded) {
  return {height,
          width,
          parseResizeMode(resize),
          parseChannelOrder(order),
          mean,
          deviation,
          scale,
          pad,
          channelsLast,
          parseImageFit(fit),
          crop,
          rounded};
}

void bindPreprocess(py::module_& module) {
  py::class_<ImagePreprocess> how(module, "ImagePreprocess", doc("ImagePreprocess"));
  const auto field = [&](const char* name, auto member) {
    how.def_readwrite(name, member, doc((std::string("ImagePreprocess.") + name).c_str()));
  };
  // A property that is an enumerator in C++ and its name in Python.
  const auto named = [&](const char* name, auto member, auto parse) {
    how.def_property(
        name, [member](const ImagePreprocess& p) { return toString(p.*member); },
        [member, parse](ImagePreprocess& p, const std::string& text) { p.*member = parse(text); },
        doc((std::string("ImagePreprocess.") + name).c_str()));
  };
  field("height", &ImagePreprocess::height);
  field("width", &ImagePreprocess::width);
  named("resize", &ImagePreprocess::resize, parseResizeMode);
  named("fit", &ImagePreprocess::fit, parseImageFit);
  field("crop", &ImagePreprocess::crop);
  named("order", &ImagePreprocess::order, parseChannelOrder);
  field("mean", &ImagePreprocess::mean);
  field("deviation", &ImagePreprocess::deviation);
  field("scale", &ImagePreprocess::scale);
  field("pad", &ImagePreprocess::pad);
  field("channels_last", &ImagePreprocess::channelsLast);
  field("rounded", &ImagePreprocess::rounded);
  const ImagePreprocess defaults;
  how.def(py::init(&makePreprocess), py::arg("height") = defaults.height, py::arg("width") = defaults.width,
          py::kw_only(), py::arg("resize") = std::string(toString(defaults.resize)),
          py::arg("fit") = std::string(toString(defaults.fit)), py::arg("crop") = defaults.crop,
          py::arg("order") = std::string(toString(defaults.order)), py::arg("mean") = defaults.mean,
          py::arg("deviation") = defaults.deviation, py::arg("scale") = defaults.scale,
          py::arg("pad") = defaults.pad, py::arg("channels_last") = defaults.channelsLast,
          py::arg("rounded") = defaults.rounded, doc("ImagePreprocess.__init__"));
}

}  // namespace

ImageView imageViewOf(const py::array& image, PixelFormat format, YuvColors colors) {
  const Shape shape(image.shape(), image.shape() + image.ndim());
  ImageView view{static_cast<const std::uint8_t*>(image.data()), 0, 0, format, colors};
  const bool planar = format == PixelFormat::PlanarBgr || format == PixelFormat::PlanarRgb;
  const bool flat = format == PixelFormat::Grey || format == PixelFormat::Nv12;
  const char* wanted = flat     ? (format == PixelFormat::Grey ? "height x width" : "3 height / 2 x width")
                       : planar ? "3 x height x width"
                                : "height x width x 3";
  bool fits = shape.size() == (flat ? 2U : 3U) && image.dtype().equal(py::dtype("uint8"));
  if (fits) {
    view.height = shape[planar ? 1 : 0];
    view.width = shape[planar ? 2 : 1];
    if (format == PixelFormat::Nv12) {
      fits = view.height % 3 == 0;
      view.height = view.height / 3 * 2;
    }
    fits = fits && (flat || shape[planar ? 0 : 2] == 3);
  }
  if (!fits)
    throw Error(ErrorCode::InvalidArgument,
                "an image (" + std::string(toString(format)) + ") is an array of uint8, " + wanted +
                    ", not " + py::str(image.dtype()).cast<std::string>() + " " + toString(shape));
  return view;
}

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
  module.def("image_place_of", &imagePlaceOf, py::arg("shape"), py::arg("channels") = 3,
             doc("image_place_of"));
  module.def("image_region", &imageRegion, py::arg("preprocess"), py::arg("image_height"),
             py::arg("image_width"), doc("image_region"));
}

}  // namespace tessera::python
