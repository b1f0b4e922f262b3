// DepthToSpace (attributes block, mode DCR or CRD), SpaceToDepth (block), ChannelShuffle (group): rearrange
// channels of x [N, C, H, W].
#include "ops/moving.hpp"

namespace tessera {
namespace {

std::int64_t positive(const Attributes& attrs, const char* name) {
  const std::int64_t value = attrs.integer(name, 1);
  if (value < 1 || value > INT32_MAX)
    refuse("attribute " + std::string(name) + " must be positive, of 32 bits");
  return value;
}

class DepthToSpace final : public MovingOperator {
 public:
  DepthToSpace() : MovingOperator("DepthToSpace") {}
  AttributeNames attributes() const override { return {"block", "mode"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const Shape& x = inputs[0].shape;
    const std::int64_t b = positive(attrs, "block");
    const std::string mode = attrs.string("mode", "DCR");
    if (mode != "DCR" && mode != "CRD") refuse("there is no mode " + mode);
    if (x.size() != 4 || x[1] % (b * b))
      refuse("wants N, C, H, W with C a multiple of block * block, has " + toString(x));
    return {{inputs[0].type, {x[0], x[1] / (b * b), elementCount({x[2], b}), elementCount({x[3], b})}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Shape& x = inputs[0].shape;
    const std::int64_t b = view.attrs.integer("block", 1), depth = outputs[0].shape[1];
    const bool crd = view.attrs.string("mode", "DCR") == "CRD";
    forEachIndex(outputs[0].shape, [&](std::int64_t i, auto at) {
      const std::int64_t by = at[2] % b, bx = at[3] % b;
      const std::int64_t c = crd ? (at[1] * b + by) * b + bx : (by * b + bx) * depth + at[1];
      copyElement(outputs[0], i, inputs[0], ((at[0] * x[1] + c) * x[2] + at[2] / b) * x[3] + at[3] / b);
    });
  }
  std::vector<OpInstance> samples() const override {
    return {sample({{"block", 2}}, {f32({2, 12, 3, 5})}),
            sample({{"block", 2}, {"mode", std::string("CRD")}}, {f32({2, 12, 3, 5})}),
            sample({{"block", 3}}, {f32({1, 18, 2, 2})}),
            sample({{"block", 2}}, {anyTensor(DataType::Int8, {1, 16, 3, 3})}, {anyInteger(DataType::Int8)})};
  }
};

class SpaceToDepth final : public MovingOperator {
 public:
  SpaceToDepth() : MovingOperator("SpaceToDepth") {}
  AttributeNames attributes() const override { return {"block"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const Shape& x = inputs[0].shape;
    const std::int64_t b = positive(attrs, "block");
    if (x.size() != 4 || x[2] % b || x[3] % b)
      refuse("wants N, C, H, W with H and W multiples of block, has " + toString(x));
    return {{inputs[0].type, {x[0], elementCount({x[1], b, b}), x[2] / b, x[3] / b}, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Shape& x = inputs[0].shape;
    const std::int64_t b = view.attrs.integer("block", 1);
    forEachIndex(outputs[0].shape, [&](std::int64_t i, auto at) {
      const std::int64_t c = at[1] % x[1], by = at[1] / x[1] / b, bx = at[1] / x[1] % b;
      copyElement(outputs[0], i, inputs[0],
                  ((at[0] * x[1] + c) * x[2] + at[2] * b + by) * x[3] + at[3] * b + bx);
    });
  }
  std::vector<OpInstance> samples() const override {
    return {sample({{"block", 2}}, {f32({2, 3, 6, 4})}), sample({{"block", 3}}, {f32({1, 2, 6, 9})}),
            sample({{"block", 2}}, {f32({1, 16, 8, 6})})};
  }
};

class ChannelShuffle final : public MovingOperator {
 public:
  ChannelShuffle() : MovingOperator("ChannelShuffle") {}
  AttributeNames attributes() const override { return {"group"}; }
  std::vector<TensorDesc> infer(const Attributes& attrs, std::span<const TensorDesc> inputs) const override {
    wantInputs(inputs, 1, 1);
    const Shape& x = inputs[0].shape;
    const std::int64_t group = positive(attrs, "group");
    if (x.size() < 2 || x[1] % group) refuse("channels are not a multiple of group: " + toString(x));
    return {{inputs[0].type, x, {}}};
  }
  void reference(const OpView& view, std::span<const HostTensor> inputs,
                 std::span<HostTensor> outputs) const override {
    const Shape& x = inputs[0].shape;
    const std::int64_t group = view.attrs.integer("group", 1), perGroup = x[1] / group;
    const std::int64_t inner = extentProduct(x, 2, x.size());
    for (std::int64_t n = 0; n < x[0]; ++n)
      for (std::int64_t c = 0; c < x[1]; ++c)
        for (std::int64_t i = 0; i < inner; ++i)
          copyElement(outputs[0], (n * x[1] + c) * inner + i, inputs[0],
                      (n * x[1] + c % group * perGroup + c / group) * inner + i);
  }
  std::vector<OpInstance> samples() const override {
    return {sample({{"group", 2}}, {f32({2, 6, 3, 5})}), sample({{"group", 3}}, {f32({1, 24, 4, 4})}),
            sample({{"group", 4}}, {f32({2, 8})})};
  }
};

}  // namespace

void addOperators_depth_to_space(OperatorList& list) {
  static const DepthToSpace depthToSpace;
  static const SpaceToDepth spaceToDepth;
  static const ChannelShuffle channelShuffle;
  list.push_back(&depthToSpace);
  list.push_back(&spaceToDepth);
  list.push_back(&channelShuffle);
}

}  // namespace tessera
