// A plugin as a C++ class: where the heat of a map lies, by the mean of its places weighted with softmax.
#include <algorithm>
#include <cmath>
#include <vector>

#include "tessera/plugin.hpp"

namespace {

using namespace tessera;

// One work-group a map: every item adds up its share of the places, then the group adds up the shares.
constexpr const char* kSource = R"(
__kernel void softArgMax(__global const float* maps, __global float* places, const int height, const int width,
                         const float sharpness, __local float4* shares) {
  const int item = get_local_id(0), count = height * width;
  maps += get_group_id(0) * count;
  float most = -INFINITY;  // every item looks for itself: the maps are small
  for (int i = 0; i < count; ++i) most = fmax(most, maps[i]);
  float4 share = 0;
  for (int i = item; i < count; i += T_GROUP) {
    const float weight = exp(sharpness * (maps[i] - most));
    share += (float4)(weight, weight * (i % width), weight * (i / width), 0);
  }
  shares[item] = share;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (item > 0) return;
  for (int i = 1; i < T_GROUP; ++i) share += shares[i];
  places[get_group_id(0) * 2] = share.s1 / share.s0;
  places[get_group_id(0) * 2 + 1] = share.s2 / share.s0;
}
)";

class SoftArgMax final : public Plugin {
 public:
  std::string name() const override { return "SoftArgMax"; }
  std::string version() const override { return "1.0"; }
  std::vector<std::string> types() const override { return {"SoftArgMax", "com.example::SoftArgMax"}; }
  std::vector<PluginInput> inputs() const override { return {{"maps"}}; }
  std::vector<PluginAttribute> attributes() const override { return {{"sharpness", 1.0}}; }
  std::vector<PluginTunable> tunables() const override { return {{"GROUP", {1, 8, 32, 64, 128}, 8}}; }
  std::string source() const override { return kSource; }

  // N, C, H, W: for each map x and y.
  std::vector<TensorDesc> infer(const PluginLayer& layer) const override {
    const Shape& maps = layer.inputs[0].shape;
    if (maps.size() != 4 || maps[2] * maps[3] == 0)
      throw Error(ErrorCode::InvalidArgument, "maps have to be N, C, H, W, and not empty");
    return {{DataType::Float32, {maps[0], maps[1], 2}, {}, false}};
  }

  void reference(const PluginLayer& layer, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Shape& shape = layer.inputs[0].shape;
    const double sharpness = layer.attributes.number("sharpness");
    for (std::int64_t map = 0; map < shape[0] * shape[1]; ++map) {
      const std::int64_t first = map * shape[2] * shape[3];
      double most = -INFINITY, all = 0, x = 0, y = 0;
      for (std::int64_t i = 0; i < shape[2] * shape[3]; ++i)
        most = std::max(most, inputs[0].number(first + i));
      for (std::int64_t i = 0; i < shape[2] * shape[3]; ++i) {
        const double weight = std::exp(sharpness * (inputs[0].number(first + i) - most));
        all += weight, x += weight * static_cast<double>(i % shape[3]),
            y += weight * static_cast<double>(i / shape[3]);
      }
      outputs[0].setNumber(map * 2, x / all);
      outputs[0].setNumber(map * 2 + 1, y / all);
    }
  }

  std::string whyNot(const PluginLayer&, const PluginTactic& tactic,
                     const DeviceCaps& device) const override {
    return static_cast<std::size_t>(tactic.at("GROUP")) > device.maxWorkGroup
               ? "the device has smaller work-groups"
               : "";
  }

  PluginLaunch launch(const PluginLayer& layer, const PluginTactic& tactic,
                      const DeviceCaps&) const override {
    const Shape& maps = layer.inputs[0].shape;
    const auto group = static_cast<std::size_t>(tactic.at("GROUP"));
    PluginCall call;
    call.entry = "softArgMax";
    call.global = {static_cast<std::size_t>(maps[0] * maps[1]) * group};
    call.local = {group};
    call.arguments = {PluginArgument::input(0),
                      PluginArgument::output(0),
                      PluginArgument::ofInt(maps[2]),
                      PluginArgument::ofInt(maps[3]),
                      PluginArgument::ofFloat(static_cast<float>(layer.attributes.number("sharpness"))),
                      PluginArgument::local(static_cast<std::int64_t>(group * 4 * sizeof(float)))};
    return {{call}, {}};
  }

  // An exponential counts as ten.
  double operations(const PluginLayer& layer) const override {
    return 15.0 * static_cast<double>(layer.inputs[0].size());
  }
};

}  // namespace

TESSERA_PLUGINS(SoftArgMax)
