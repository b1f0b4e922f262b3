// Sliding windows: TensorFlow's rules of padding.
#include "importers/tensorflow/window.hpp"

#include <algorithm>

namespace tessera::tensorflow {
namespace {

/// explicit_paddings has a begin and an end per axis of the model.
std::vector<std::int64_t> explicitPads(const Node& node, std::size_t spatial) {
  const auto given = node.attributes().integers("explicit_paddings");
  if (given.size() != 2 * (spatial + 2)) node.bad("explicit_paddings wants a begin and an end per axis");
  const std::size_t first = node.channelsLast() ? 1 : 2, channel = node.channelsLast() ? spatial + 1 : 1;
  if (given[0] || given[1] || given[2 * channel] || given[2 * channel + 1])
    node.unsupported("it pads batch or channels");
  std::vector<std::int64_t> pads(2 * spatial);
  for (std::size_t i = 0; i < spatial; ++i) {
    pads[i] = given[2 * (first + i)];
    pads[i + spatial] = given[2 * (first + i) + 1];
    if (pads[i] < 0 || pads[i + spatial] < 0) node.bad("explicit_paddings are negative");
  }
  return pads;
}

}  // namespace

Window windowOf(const Node& node, std::vector<std::int64_t> kernel, const Shape& image) {
  const std::size_t n = kernel.size();
  if (image.size() != n + 2)
    node.bad("a window over " + std::to_string(n) + " axes wants an input of " + std::to_string(n + 2) +
             ", this one has " + std::to_string(image.size()));
  for (const std::int64_t extent : kernel)
    if (extent < 1 || extent > (1 << 30))
      node.bad("the window has the impossible extent " + std::to_string(extent));
  Window window{std::move(kernel), node.spatial("strides", n + 2), node.spatial("dilations", n + 2),
                std::vector<std::int64_t>(2 * n, 0)};
  const std::string padding = node.attributes().string("padding", "VALID");
  if (padding == "EXPLICIT") {
    window.pads = explicitPads(node, n);
  } else if (padding == "SAME") {
    for (std::size_t i = 0; i < n; ++i) {
      const std::int64_t in = image[i + 2], out = (in + window.strides[i] - 1) / window.strides[i];
      const std::int64_t reach = window.dilations[i] * (window.kernel[i] - 1) + 1;
      const std::int64_t total = std::max<std::int64_t>((out - 1) * window.strides[i] + reach - in, 0);
      window.pads[i] = total / 2;
      window.pads[i + n] = total - total / 2;
    }
  } else if (padding != "VALID") {
    node.bad("attribute padding has the unknown value " + padding);
  }
  return window;
}

}  // namespace tessera::tensorflow
