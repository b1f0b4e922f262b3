// Shapes of the blobs that data layers make.
#include "importers/caffe/data_layers.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace tessera::caffe {
namespace {

std::int64_t extent(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::int32_t>::max()));
}

Shape dummyShape(const DummyDataParameter& dummy, int top, int tops) {
  const auto fits = [tops](int count) { return count == 1 || count == tops; };
  if (dummy.shape_size() && fits(dummy.shape_size())) {
    const auto& dims = dummy.shape(dummy.shape_size() == 1 ? 0 : top).dim();
    return {dims.begin(), dims.end()};
  }
  const auto pick = [top](const auto& list) { return extent(list[list.size() == 1 ? 0 : top]); };
  if (fits(dummy.num_size()) && fits(dummy.channels_size()) && fits(dummy.height_size()) &&
      fits(dummy.width_size()))
    return {pick(dummy.num()), pick(dummy.channels()), pick(dummy.height()), pick(dummy.width())};
  return {};
}

/// What the parameters of an image source say; 0 where they say nothing.
struct Source {
  std::uint64_t batch = 0, channels = 0, height = 0, width = 0;
};

Source imageSource(const ImageDataParameter& p) {
  return {p.batch_size(), p.is_color() ? 3u : 1u, p.new_height(), p.new_width()};
}

Source dataSource(const LayerParameter& layer) {
  if (layer.has_image_data_param()) return imageSource(layer.image_data_param());
  if (layer.has_dense_image_data_param()) return imageSource(layer.dense_image_data_param());
  if (layer.has_window_data_param()) {
    const auto& p = layer.window_data_param();
    return {p.batch_size(), 3, p.crop_size(), p.crop_size()};
  }
  const auto& p = layer.data_param();
  return {p.batch_size(), 0, p.crop_size(), p.crop_size()};
}

}  // namespace

bool isData(const std::string& type) {
  static const std::set<std::string> kTypes = {
      "Data",      "ImageData",     "HDF5Data",     "WindowData",     "Python",        "MemoryData",
      "DummyData", "AnnotatedData", "ImageSegData", "DenseImageData", "ImageLabelData"};
  return kTypes.count(type) != 0;
}

Shape dataShape(const LayerParameter& layer, int top, std::int64_t channels) {
  if (layer.type() == "DummyData") return dummyShape(layer.dummy_data_param(), top, layer.top_size());
  if (top != 0 || layer.type() == "Python" || layer.type() == "HDF5Data")
    return {};  // labels, or what a file holds
  if (layer.type() == "MemoryData") {
    const auto& p = layer.memory_data_param();
    return {extent(p.batch_size()), extent(p.channels()), extent(p.height()), extent(p.width())};
  }
  Source source = dataSource(layer);
  const auto& transform = layer.transform_param();
  if (transform.has_resize_param())
    source.height = transform.resize_param().height(), source.width = transform.resize_param().width();
  if (transform.crop_size()) source.height = source.width = transform.crop_size();
  if (transform.force_color()) source.channels = 3;
  if (transform.force_gray()) source.channels = 1;
  if (!source.channels && transform.mean_value_size() > 1) source.channels = transform.mean_value_size();
  if (!source.channels) source.channels = static_cast<std::uint64_t>(channels);
  if (!source.channels || !source.height || !source.width) return {};
  return {extent(std::max<std::uint64_t>(source.batch, 1)), extent(source.channels), extent(source.height),
          extent(source.width)};
}

std::int64_t channelsByWeights(const std::vector<LayerParameter>& layers, const Weights& weights,
                               const std::string& name) {
  for (const auto& layer : layers) {
    if (layer.type() != "Convolution" || !layer.bottom_size() || layer.bottom(0) != name) continue;
    const auto found = weights.find(layer.name());
    if (found == weights.end() || found->second.empty() || found->second[0].shape.size() < 3) continue;
    return found->second[0].shape[1] * extent(layer.convolution_param().group());
  }
  return 0;
}

}  // namespace tessera::caffe
