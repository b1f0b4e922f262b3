// Poolings.
#include "importers/tensorflow/window.hpp"

namespace tessera::tensorflow {
namespace {

void pool(Node& node) {
  const bool max = node.type().rfind("MaxPool", 0) == 0;
  const auto rank = static_cast<std::size_t>(node.rank(0));
  if (rank < 3) node.bad("the input is no image");
  const Order order = node.imageOrder(0);
  const TensorId image = node.image(0);
  const Window window = windowOf(node, node.spatial("ksize", rank), node.shapeOf(image));
  Attributes attrs{{"mode", max ? "max" : "average"},
                   {"kernel", window.kernel},
                   {"strides", window.strides},
                   {"pads", window.pads}};
  if (!max) attrs.set("count_include_pad", std::int64_t{0});
  const DataType type = node.typeOf(image);  // bytes are exact in f32
  const TensorId y = node.add("Pool", {node.cast(image, DataType::Float32)}, std::move(attrs));
  node.set(0, node.cast(y, type), order);
}

/// Kernel and strides as operands.
void poolByOperands(Node& node) {
  const auto rank = static_cast<std::size_t>(node.rank(0));
  if (rank != 4) node.bad("the input is no image");
  const Order order = node.imageOrder(0);
  const auto spatialOf = [&](std::size_t i, const char* what) {
    const auto values = stored(order, node.constantInts(i, what));
    if (values.size() != 4 || values[0] != 1 || values[1] != 1)
      node.unsupported(std::string("its ") + what + " reaches over batch or channels");
    return std::vector<std::int64_t>(values.begin() + 2, values.end());
  };
  const auto kernel = spatialOf(1, "ksize"), strides = spatialOf(2, "strides");
  const TensorId image = node.image(0);
  Window window = windowOf(node, kernel, node.shapeOf(image));
  if (node.attributes().string("padding", "VALID") == "SAME" && strides != window.strides)
    node.unsupported("it pads (SAME) with strides that are operands; use MaxPool");
  node.result("Pool", {image},
              {{"mode", "max"}, {"kernel", kernel}, {"strides", strides}, {"pads", window.pads}}, order);
}

/// The pixels below a window, one after another, channels innermost: a convolution that picks them.
void patches(Node& node) {
  if (node.rank(0) != 4) node.bad("the input is no image");
  const Order order = node.imageOrder(0);
  const TensorId image = node.cast(node.image(0), DataType::Float32);
  if (node.spatial("rates", 4) != std::vector<std::int64_t>{1, 1})
    node.unsupported("its pixels lie apart (rates)");
  const Window window = windowOf(node, node.spatial("ksizes", 4), node.shapeOf(image));
  const std::int64_t channels = node.shapeOf(image)[1], rows = window.kernel[0], columns = window.kernel[1];
  const std::int64_t cells = rows * columns, all = cells * channels;
  HostTensor weights = node.allocate(DataType::Float32, {all, channels, rows, columns});
  for (std::int64_t cell = 0; cell < cells; ++cell)
    for (std::int64_t c = 0; c < channels; ++c)
      weights.setNumber(((cell * channels + c) * channels + c) * cells + cell, 1);
  node.result("Convolution", {image, node.constantOf(std::move(weights), "pick")},
              {{"strides", window.strides}, {"dilations", window.dilations}, {"pads", window.pads}}, order);
}

}  // namespace

void addRows_pooling(RowList& rows) {
  for (const char* type : {"MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D"}) rows.push_back({type, pool});
  rows.push_back({"MaxPoolV2", poolByOperands});
  rows.push_back({"ExtractImagePatches", patches});
}

}  // namespace tessera::tensorflow
