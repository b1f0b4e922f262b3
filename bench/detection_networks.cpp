// YOLOv8n and YOLOX-Nano.
#include "bench/net.hpp"
#include "bench/reference_networks.hpp"

namespace tessera::bench {
namespace {

constexpr std::int64_t kClasses = 80, kDistanceBins = 16;  // bins of a distance in YOLOv8

std::string at(const std::string& name, std::int64_t i) { return name + "." + std::to_string(i); }

// Two convolutions, with a shortcut where wanted.
TensorId bottleneck(Net& net, const std::string& name, TensorId x, bool shortcut) {
  const std::int64_t c = net.channels(x);
  const TensorId y = net.convSilu(name + ".cv2", net.convSilu(name + ".cv1", x, c, 3), c, 3);
  return shortcut ? net.add(name + ".add", x, y) : y;
}

// YOLOv8's block: half of the channels pass, the others go through bottlenecks, and all of them are joined.
TensorId c2f(Net& net, const std::string& name, TensorId x, std::int64_t outputs, int repeats,
             bool shortcut) {
  const std::int64_t half = outputs / 2;
  const TensorId split = net.convSilu(name + ".cv1", x, outputs, 1);
  std::vector<TensorId> parts{net.slice(name + ".first", split, 1, 0, half),
                              net.slice(name + ".second", split, 1, half, half)};
  for (int i = 0; i < repeats; ++i)
    parts.push_back(bottleneck(net, at(name + ".m", i), parts.back(), shortcut));
  return net.convSilu(name + ".cv2", net.concat(name + ".concat", parts), outputs, 1);
}

TensorId poolPyramid(Net& net, const std::string& name, TensorId x) {
  const std::int64_t c = net.channels(x);
  std::vector<TensorId> parts{net.convSilu(name + ".cv1", x, c / 2, 1)};
  for (int i = 0; i < 3; ++i) parts.push_back(net.maxPool(at(name + ".pool", i), parts.back(), 5, 1, 2));
  return net.convSilu(name + ".cv2", net.concat(name + ".concat", parts), c, 1);
}

// Centres of the places, in units of their strides, and the strides.
std::pair<HostTensor, HostTensor> places(std::int64_t side) {
  std::vector<float> x, y, strides;
  for (const std::int64_t stride : {8, 16, 32})
    for (std::int64_t i = 0; i < side / stride * (side / stride); ++i) {
      x.push_back(static_cast<float>(i % (side / stride)) + 0.5f);
      y.push_back(static_cast<float>(i / (side / stride)) + 0.5f);
      strides.push_back(static_cast<float>(stride));
    }
  const auto count = static_cast<std::int64_t>(x.size());
  x.insert(x.end(), y.begin(), y.end());
  return {HostTensor::of<float>({1, 2, count}, x), HostTensor::of<float>({1, count}, strides)};
}

// Distributions over distances to the sides of boxes become boxes; scores become probabilities.
TensorId yolov8Boxes(Net& net, const std::vector<TensorId>& levels, std::int64_t side) {
  std::vector<TensorId> flat;
  for (const TensorId level : levels) {
    const Shape shape = net.graph.tensor(level).shape;
    flat.push_back(net.reshape(at("flat", level), level, {shape[0], shape[1], shape[2] * shape[3]}));
  }
  const TensorId all = net.concat("levels", flat, 2);
  const Shape shape = net.graph.tensor(all).shape;
  const TensorId distances = net.reshape("distances", net.slice("boxes.raw", all, 1, 0, 4 * kDistanceBins),
                                         {shape[0], 4, kDistanceBins, shape[2]});
  const TensorId odds = net.softmax("odds", net.transpose("bins", distances, {0, 2, 1, 3}), 1);
  std::vector<float> bins(kDistanceBins);
  for (std::size_t i = 0; i < bins.size(); ++i) bins[i] = static_cast<float>(i);
  const TensorId mean =
      net.graph.add("Convolution", "dfl",
                    {odds, net.values("dfl.weight", HostTensor::of<float>({1, kDistanceBins, 1, 1}, bins))});
  const TensorId sides = net.reshape("sides", mean, {shape[0], 4, shape[2]});
  auto [centres, strides] = places(side);
  const TensorId anchors = net.values("anchors", std::move(centres));
  const TensorId from = net.binary("Sub", "from", anchors, net.slice("left", sides, 1, 0, 2));
  const TensorId to = net.add("to", anchors, net.slice("right", sides, 1, 2, 2));
  const TensorId two = net.values("two", HostTensor::scalar(2.0f));
  const TensorId boxes = net.concat("boxes", {net.binary("Div", "centre", net.add("both", from, to), two),
                                              net.binary("Sub", "size", to, from)});
  const TensorId scores = net.graph.add("Sigmoid", "probabilities",
                                        {net.slice("scores.raw", all, 1, 4 * kDistanceBins, kClasses)});
  return net.concat("all",
                    {net.binary("Mul", "pixels", boxes, net.values("strides", std::move(strides))), scores});
}

// A depthwise convolution and one of single pixels.
TensorId separable(Net& net, const std::string& name, TensorId x, std::int64_t outputs,
                   std::int64_t stride = 1) {
  const TensorId depthwise = net.convSilu(name + ".dconv", x, net.channels(x), 3, stride, net.channels(x));
  return net.convSilu(name + ".pconv", depthwise, outputs, 1);
}

// YOLOX's block: two branches, one of them through bottlenecks.
TensorId csp(Net& net, const std::string& name, TensorId x, std::int64_t outputs, int repeats,
             bool shortcut) {
  TensorId y = net.convSilu(name + ".conv1", x, outputs / 2, 1);
  const TensorId other = net.convSilu(name + ".conv2", x, outputs / 2, 1);
  for (int i = 0; i < repeats; ++i) {
    const std::string part = at(name + ".m", i);
    const TensorId z =
        separable(net, part + ".conv2", net.convSilu(part + ".conv1", y, outputs / 2, 1), outputs / 2);
    y = shortcut ? net.add(part + ".add", y, z) : z;
  }
  return net.convSilu(name + ".conv3", net.concat(name + ".concat", {y, other}), outputs, 1);
}

TensorId spatialPyramid(Net& net, TensorId x) {
  const std::int64_t c = net.channels(x);
  std::vector<TensorId> parts{net.convSilu("spp.conv1", x, c / 2, 1)};
  for (const std::int64_t kernel : {5, 9, 13})
    parts.push_back(net.maxPool(at("spp.pool", kernel), parts[0], kernel, 1, kernel / 2));
  return net.convSilu("spp.conv2", net.concat("spp.concat", parts), c, 1);
}

// Four images of every second pixel.
TensorId focus(Net& net, TensorId x) {
  const Shape shape = net.graph.tensor(x).shape;
  std::vector<TensorId> parts;
  for (const std::int64_t column : {0, 1})
    for (const std::int64_t row : {0, 1}) {
      const std::string name = at(at("focus", row), column);
      const TensorId rows = net.slice(name + ".rows", x, 2, row, shape[2] / 2, 2);
      parts.push_back(net.slice(name, rows, 3, column, shape[3] / 2, 2));
    }
  return net.concat("focus", parts);
}

TensorId yoloxHead(Net& net, const std::string& name, TensorId x) {
  constexpr std::int64_t kWidth = 64;
  const TensorId stem = net.convSilu(name + ".stem", x, kWidth, 1);
  TensorId classes = stem, boxes = stem;
  for (const std::int64_t i : {0, 1}) {
    classes = separable(net, at(name + ".cls", i), classes, kWidth);
    boxes = separable(net, at(name + ".reg", i), boxes, kWidth);
  }
  const auto sigmoid = [&](const std::string& part, TensorId in, std::int64_t outputs) {
    return net.graph.add("Sigmoid", part + ".sigmoid", {net.conv(part, in, outputs, 1, 1, 0)});
  };
  const TensorId all = net.concat(
      name + ".all", {net.conv(name + ".box", boxes, 4, 1, 1, 0), sigmoid(name + ".object", boxes, 1),
                      sigmoid(name + ".class", classes, kClasses)});
  const Shape shape = net.graph.tensor(all).shape;
  return net.reshape(name + ".flat", all, {shape[0], shape[1], shape[2] * shape[3]});
}

}  // namespace

Graph yolov8n(std::int64_t batch, std::int64_t side) {
  Net net("yolov8n", {batch, 3, side, side});
  TensorId x = net.convSilu("conv1", net.convSilu("conv0", net.x, 16, 3, 2), 32, 3, 2);
  x = c2f(net, "c2f2", x, 32, 1, true);
  const TensorId p3 = c2f(net, "c2f4", net.convSilu("conv3", x, 64, 3, 2), 64, 2, true);
  const TensorId p4 = c2f(net, "c2f6", net.convSilu("conv5", p3, 128, 3, 2), 128, 2, true);
  x = c2f(net, "c2f8", net.convSilu("conv7", p4, 256, 3, 2), 256, 1, true);
  const TensorId p5 = poolPyramid(net, "sppf9", x);
  const TensorId n4 =
      c2f(net, "c2f12", net.concat("concat11", {net.upsample("up10", p5), p4}), 128, 1, false);
  const TensorId n3 = c2f(net, "c2f15", net.concat("concat14", {net.upsample("up13", n4), p3}), 64, 1, false);
  const TensorId m4 =
      c2f(net, "c2f18", net.concat("concat17", {net.convSilu("conv16", n3, 64, 3, 2), n4}), 128, 1, false);
  const TensorId m5 =
      c2f(net, "c2f21", net.concat("concat20", {net.convSilu("conv19", m4, 128, 3, 2), p5}), 256, 1, false);
  std::vector<TensorId> levels;
  for (const TensorId level : {n3, m4, m5}) {
    const std::string name = at("detect", static_cast<std::int64_t>(levels.size()));
    const TensorId box = net.convSilu(name + ".box1", net.convSilu(name + ".box0", level, 64, 3), 64, 3);
    const TensorId score =
        net.convSilu(name + ".score1", net.convSilu(name + ".score0", level, kClasses, 3), kClasses, 3);
    levels.push_back(net.concat(name, {net.conv(name + ".box", box, 4 * kDistanceBins, 1, 1, 0),
                                       net.conv(name + ".score", score, kClasses, 1, 1, 0)}));
  }
  return net.finish("output", yolov8Boxes(net, levels, side));
}

Graph yoloxNano(std::int64_t batch, std::int64_t side) {
  Net net("yolox_nano", {batch, 3, side, side});
  TensorId x = net.convSilu("stem", focus(net, net.x), 16, 3);
  x = csp(net, "dark2", separable(net, "down2", x, 32, 2), 32, 1, true);
  const TensorId c3 = csp(net, "dark3", separable(net, "down3", x, 64, 2), 64, 3, true);
  const TensorId c4 = csp(net, "dark4", separable(net, "down4", c3, 128, 2), 128, 3, true);
  x = csp(net, "dark5", spatialPyramid(net, separable(net, "down5", c4, 256, 2)), 256, 1, false);
  const TensorId lateral = net.convSilu("lateral", x, 128, 1);
  x = csp(net, "c3_p4", net.concat("concat_p4", {net.upsample("up_p4", lateral), c4}), 128, 1, false);
  const TensorId reduced = net.convSilu("reduce", x, 64, 1);
  const TensorId n3 =
      csp(net, "c3_p3", net.concat("concat_p3", {net.upsample("up_p3", reduced), c3}), 64, 1, false);
  const TensorId n4 =
      csp(net, "c3_n3", net.concat("concat_n3", {separable(net, "bu2", n3, 64, 2), reduced}), 128, 1, false);
  const TensorId n5 =
      csp(net, "c3_n4", net.concat("concat_n4", {separable(net, "bu1", n4, 128, 2), lateral}), 256, 1, false);
  std::vector<TensorId> levels;
  for (const TensorId level : {n3, n4, n5})
    levels.push_back(yoloxHead(net, at("head", static_cast<std::int64_t>(levels.size())), level));
  return net.finish("output", net.transpose("rows", net.concat("levels", levels, 2), {0, 2, 1}));
}

}  // namespace tessera::bench
