// Rows that move values: Concat, Slice, Split, Crop, Reshape, Flatten, Permute, Tile, ShuffleChannel.
#include <numeric>

#include "importers/caffe/layers.hpp"

namespace tessera::caffe {
namespace {

using Values = std::vector<std::int64_t>;
using Tops = std::vector<TensorId>;

Tops concat(const LayerContext& c) {
  const auto& p = c.layer.concat_param();
  const auto axis = c.axis(p.has_concat_dim() ? static_cast<std::int64_t>(p.concat_dim()) : p.axis());
  if (c.bottomCount() == 1) return c.result("Identity", {c.bottom()});
  return c.result("Concat", c.bottoms(), {{"axis", axis}});
}

/// The part of `extents` [from, from + size) along one axis.
Attributes part(const Shape& whole, std::int64_t axis, std::int64_t from, std::int64_t size) {
  Values starts(whole.size(), 0), sizes = whole;
  starts[axis] = from;
  sizes[axis] = size;
  return {{"starts", starts}, {"sizes", sizes}};
}

Tops slice(const LayerContext& c) {
  const auto& p = c.layer.slice_param();
  const auto axis = c.axis(p.has_slice_dim() ? static_cast<std::int64_t>(p.slice_dim()) : p.axis());
  const std::int64_t extent = c.shape()[axis], tops = c.layer.top_size();
  Values points = {0};
  if (p.slice_point_size()) {
    if (p.slice_point_size() != tops - 1)
      c.bad(std::to_string(p.slice_point_size()) + " slice points for " + std::to_string(tops) + " outputs");
    for (const auto point : p.slice_point()) points.push_back(c.positive(point, "slice_point"));
  } else {
    if (extent % tops)
      c.bad("an extent of " + std::to_string(extent) + " does not split into " + std::to_string(tops));
    for (std::int64_t i = 1; i < tops; ++i) points.push_back(i * extent / tops);
  }
  points.push_back(extent);
  Tops made;
  for (std::int64_t i = 0; i < tops; ++i) {
    if (points[i] >= points[i + 1])
      c.bad("its slice points do not increase, or leave the input of " + toString(c.shape()));
    made.push_back(c.build.add("Slice", c.layer.name() + ":" + std::to_string(i), {c.bottom()},
                               part(c.shape(), axis, points[i], points[i + 1] - points[i]), {c.tops()[i]}));
  }
  return made;
}

Tops split(const LayerContext& c) {
  Tops made;
  for (std::size_t i = 0; i < c.tops().size(); ++i)
    made.push_back(
        c.build.add("Identity", c.layer.name() + ":" + std::to_string(i), {c.bottom()}, {}, {c.tops()[i]}));
  return made;
}

Tops crop(const LayerContext& c) {
  const auto& p = c.layer.crop_param();
  if (c.rank(0) != c.rank(1))
    c.bad("its inputs differ in rank: " + toString(c.shape()) + ", " + toString(c.shape(1)));
  const std::int64_t axis = c.axis(p.axis());
  if (p.offset_size() > 1 && p.offset_size() != c.rank() - axis)
    c.bad(std::to_string(p.offset_size()) + " offsets for " + std::to_string(c.rank() - axis) +
          " cropped axes");
  Values starts(c.shape().size(), 0), sizes = c.shape();
  for (std::int64_t i = axis; i < c.rank(); ++i) {
    const int given = p.offset_size() == 1 ? 0 : static_cast<int>(i - axis);
    starts[i] = p.offset_size() == 0 ? 0 : std::int64_t{p.offset(given)};
    sizes[i] = c.shape(1)[i];
    if (starts[i] + sizes[i] > c.shape()[i])
      c.bad("the crop of " + toString(c.shape(1)) + " leaves the input of " + toString(c.shape()));
  }
  return c.result("Slice", {c.bottom()}, {{"starts", starts}, {"sizes", sizes}});
}

Tops reshape(const LayerContext& c) {
  const auto& p = c.layer.reshape_param();
  const std::int64_t rank = c.rank();
  if (p.num_axes() < -1 || p.num_axes() > rank) c.bad("num_axes is " + std::to_string(p.num_axes()));
  const std::int64_t first = c.axis(p.axis(), rank + 1);
  const std::int64_t last = p.num_axes() < 0 ? rank : first + p.num_axes();
  if (last > rank) c.bad("it replaces axes its input of " + toString(c.shape()) + " lacks");
  Values shape(c.shape().begin(), c.shape().begin() + first);
  std::int64_t inferred = -1;
  for (int i = 0; i < p.shape().dim_size(); ++i) {
    std::int64_t extent = p.shape().dim(i);
    if (extent == 0) {
      if (first + i >= rank) c.bad("it keeps an extent its input of " + toString(c.shape()) + " lacks");
      extent = c.shape()[first + i];
    } else if (extent < -1) {
      c.bad("an extent is " + std::to_string(extent) + "; 0 keeps the input's, -1 takes what is left");
    } else if (extent == -1) {
      if (inferred >= 0) c.bad("more than one extent is -1");
      inferred = static_cast<std::int64_t>(shape.size());
      extent = 1;
    }
    shape.push_back(extent);
  }
  shape.insert(shape.end(), c.shape().begin() + last, c.shape().end());
  const std::int64_t have = elementCount(c.shape()), named = elementCount(shape);
  if (inferred >= 0 && named > 0 && have % named == 0) shape[inferred] = have / named;
  if (elementCount(shape) != have)
    c.bad("an input of " + toString(c.shape()) + " can not become " + toString(shape));
  return c.result("Reshape", {c.bottom()}, {{"shape", shape}});
}

Tops flatten(const LayerContext& c) {
  const auto& p = c.layer.flatten_param();
  const std::int64_t first = c.axis(p.axis()), last = c.axis(p.end_axis());
  if (last < first) c.bad("end_axis comes before axis");
  Values shape(c.shape().begin(), c.shape().begin() + first);
  shape.push_back(elementCount({c.shape().begin() + first, c.shape().begin() + last + 1}));
  shape.insert(shape.end(), c.shape().begin() + last + 1, c.shape().end());
  return c.result("Reshape", {c.bottom()}, {{"shape", shape}});
}

Tops permute(const LayerContext& c) {
  Values order;
  std::vector<bool> named(c.shape().size(), false);
  const auto name = [&](std::int64_t axis) {
    if (axis >= c.rank() || named[axis])
      c.bad("its order is no order of " + std::to_string(c.rank()) + " axes");
    named[axis] = true;
    order.push_back(axis);
  };
  for (auto axis : c.layer.permute_param().order()) name(axis);
  for (std::int64_t axis = 0; axis < c.rank(); ++axis)  // axes that are not listed follow in their order
    if (!named[axis]) name(axis);
  return c.result("Transpose", {c.bottom()}, {{"perm", order}});
}

Tops tile(const LayerContext& c) {
  Values repeats(c.shape().size(), 1);
  const auto& p = c.layer.tile_param();
  repeats[c.axis(p.axis())] = c.positive(p.tiles(), "tiles");
  return c.result("Tile", {c.bottom()}, {{"repeats", repeats}});
}

Tops shuffleChannel(const LayerContext& c) {
  const std::int64_t group = c.positive(c.layer.shuffle_channel_param().group(), "group");
  if (c.rank() < 2 || c.shape()[1] % group)
    c.bad("the channels of " + toString(c.shape()) + " do not split into " + std::to_string(group) +
          " groups");
  return c.result("ChannelShuffle", {c.bottom()}, {{"group", group}});
}

}  // namespace

std::vector<LayerRow> shapeRows() {
  return {{"Concat", 1, 1024, concat}, {"Slice", 1, 1, slice},     {"Split", 1, 1, split},
          {"Crop", 2, 2, crop},        {"Reshape", 1, 1, reshape}, {"Flatten", 1, 1, flatten},
          {"Permute", 1, 1, permute},  {"Tile", 1, 1, tile},       {"ShuffleChannel", 1, 1, shuffleChannel}};
}

}  // namespace tessera::caffe
