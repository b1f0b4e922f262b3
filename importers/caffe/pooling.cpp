// Rows: Pooling, Upsample (with or without a pooling mask), Interp.
#include <algorithm>

#include "importers/caffe/layers.hpp"

namespace tessera::caffe {
namespace {

using Values = std::vector<std::int64_t>;
using Tops = std::vector<TensorId>;

/// Caffe's output extent: windows may begin in the leading pad or inside, the last one is clipped only where
/// padding is used.
std::int64_t pooledExtent(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                          bool ceil) {
  const std::int64_t room = in + 2 * pad - kernel;
  std::int64_t out = (ceil ? (room + stride - 1) / stride : room / stride) + 1;
  if (pad > 0 && (out - 1) * stride >= in + pad) --out;
  return out;
}

Tops pooling(const LayerContext& c) {
  const auto& p = c.layer.pooling_param();
  if (c.rank() != 4) c.bad("its input of " + toString(c.shape()) + " is no batch of images");
  if (p.pool() == PoolingParameter::STOCHASTIC) c.refuse("stochastic pooling is not supported");
  const std::string mode = p.pool() == PoolingParameter::MAX ? "max" : "average";
  const bool mask = c.layer.top_size() > 1 && c.topUsed(1);
  if (p.global_pooling() && !mask) return c.result("GlobalPool", {c.bottom()}, {{"mode", mode}});
  if (mask && mode != "max") c.bad("only max pooling has a mask");

  const auto& in = c.shape();
  const auto pair = [&](bool given, std::uint64_t h, std::uint64_t w, std::uint64_t both, std::int64_t least,
                        const char* what) {
    return Values{c.atLeast(least, given ? h : both, what), c.atLeast(least, given ? w : both, what)};
  };
  const bool whole = p.global_pooling();
  Values kernel = whole ? Values{in[2], in[3]}
                        : pair(p.has_kernel_h() || p.has_kernel_w(), p.kernel_h(), p.kernel_w(),
                               p.kernel_size(), 1, "kernel");
  Values strides =
      whole ? Values{1, 1}
            : pair(p.has_stride_h() || p.has_stride_w(), p.stride_h(), p.stride_w(), p.stride(), 1, "stride");
  Values pads =
      whole ? Values{0, 0} : pair(p.has_pad_h() || p.has_pad_w(), p.pad_h(), p.pad_w(), p.pad(), 0, "pad");
  const bool ceil = p.round_mode() == PoolingParameter::CEIL && p.ceil_mode();

  Shape wanted = {in[0], in[1]};
  for (int i = 0; i < 2; ++i) {
    if (pads[i] >= kernel[i]) c.bad("the padding must be smaller than the kernel");
    const std::int64_t padded = in[2 + i] + 2 * pads[i];
    if (kernel[i] >= padded + (ceil ? strides[i] : 1))
      c.bad("the kernel is larger than its padded input of " + toString(in));
    kernel[i] = std::min(kernel[i], padded);  // rounded up, there is one window, cut to the padded input
    wanted.push_back(pooledExtent(in[2 + i], kernel[i], strides[i], pads[i], ceil));
  }
  Attributes attrs = {{"mode", mode},
                      {"kernel", kernel},
                      {"strides", strides},
                      {"pads", Values{pads[0], pads[1], pads[0], pads[1]}},
                      {"ceil_mode", std::int64_t{ceil}}};
  if (mode == "average") attrs.set("count_include_pad", std::int64_t{1});
  if (mask) attrs.set("indices", std::int64_t{1});
  const Tops tops = c.build.addAll("Pool", c.layer.name(), {c.bottom()}, attrs, c.tops());
  if (c.build.shape(tops[0]) != wanted)
    c.refuse("its last window lies wholly outside the input, which gives " + toString(wanted));
  return tops;
}

/// How many times larger upsampling makes height and width.
Values upsampleScales(const LayerContext& c) {
  const auto& p = c.layer.upsample_param();
  return {c.positive(p.has_scale_h() ? p.scale_h() : p.scale(), "scale"),
          c.positive(p.has_scale_w() ? p.scale_w() : p.scale(), "scale")};
}

Tops unpool(const LayerContext& c) {
  const auto& p = c.layer.upsample_param();
  const auto& in = c.shape();
  const Values scales = upsampleScales(c);
  Shape out = {in[0], in[1], in[2] * scales[0], in[3] * scales[1]};
  if (p.pad_out_h()) --out[2];
  if (p.pad_out_w()) --out[3];
  if (p.has_upsample_h()) out[2] = c.positive(p.upsample_h(), "upsample_h");
  if (p.has_upsample_w()) out[3] = c.positive(p.upsample_w(), "upsample_w");

  const int source = c.build.graph.producer(c.bottom(1));
  if (source < 0 || c.build.graph.layers()[source].op != "Pool")
    c.refuse("its mask does not come from a pooling layer");
  const Shape& pooled = c.build.shape(c.build.graph.layers()[source].inputs[0]);
  if (pooled != out)  // the indices count through the pooled tensor
    c.refuse("it makes " + toString(out) + ", but its mask belongs to a tensor of " + toString(pooled));
  return c.result("Unpool", c.bottoms(), {{"output_shape", Values(out)}});
}

Tops upsample(const LayerContext& c) {
  if (c.rank() != 4) c.bad("its input of " + toString(c.shape()) + " is no batch of images");
  if (c.bottomCount() == 2) return unpool(c);
  const Values scales = upsampleScales(c);
  const auto& in = c.shape();
  return c.result(
      "Resize", {c.bottom()},
      {{"sizes", Values{in[0], in[1], in[2] * scales[0], in[3] * scales[1]}},
       {"scales", std::vector<double>{1, 1, static_cast<double>(scales[0]), static_cast<double>(scales[1])}},
       {"mode", std::string("nearest")},
       {"coordinate", std::string("asymmetric")},
       {"nearest", std::string("floor")}});
}

Tops interp(const LayerContext& c) {
  if (c.rank() != 4) c.bad("its input of " + toString(c.shape()) + " is no batch of images");
  const auto& p = c.layer.interp_param();
  const auto& in = c.shape();
  c.positive(p.zoom_factor(), "zoom_factor");
  c.positive(p.shrink_factor(), "shrink_factor");
  const std::int64_t pads = std::int64_t{p.pad_beg()} + p.pad_end(), height = in[2] + pads,
                     width = in[3] + pads;
  if (p.pad_beg() > 0 || p.pad_end() > 0) c.bad("its pads crop: they can not be positive");
  if (height < 1 || width < 1) c.bad("its pads crop away all of its input of " + toString(in));
  TensorId x = c.bottom();
  if (p.pad_beg() || p.pad_end())
    x = c.step("Slice", "crop", {x},
               {{"starts", Values{0, 0, -std::int64_t{p.pad_beg()}, -std::int64_t{p.pad_beg()}}},
                {"sizes", Values{in[0], in[1], height, width}}});
  const auto zoomed = [&](std::int64_t extent) {
    if (p.shrink_factor() > 1) extent = (extent - 1) / p.shrink_factor() + 1;
    return extent + (extent - 1) * (p.zoom_factor() - 1);
  };
  Values sizes = {in[0], in[1], 0, 0};
  if (c.bottomCount() == 2) {
    if (c.rank(1) != 4) c.bad("its second input of " + toString(c.shape(1)) + " is no batch of images");
    sizes[2] = c.shape(1)[2], sizes[3] = c.shape(1)[3];
  } else if (p.has_shrink_factor() || p.has_zoom_factor()) {
    sizes[2] = zoomed(height), sizes[3] = zoomed(width);
  } else {
    sizes[2] = p.height(), sizes[3] = p.width();
  }
  if (sizes[2] < 1 || sizes[3] < 1) c.bad("interp_param gives no output size");
  return c.result("Resize", {x},
                  {{"sizes", sizes},
                   {"scales", std::vector<double>{1, 1, static_cast<double>(sizes[2]) / height,
                                                  static_cast<double>(sizes[3]) / width}},
                   {"mode", std::string("linear")},
                   {"coordinate", std::string("align_corners")}});
}

}  // namespace

std::vector<LayerRow> poolingRows() {
  return {{"Pooling", 1, 1, pooling}, {"Upsample", 1, 2, upsample}, {"Interp", 1, 2, interp}};
}

}  // namespace tessera::caffe
