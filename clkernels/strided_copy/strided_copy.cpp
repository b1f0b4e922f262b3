// strided_copy: operators that move elements along regular strides.
#include <algorithm>

#include "clkernels/strided_copy/copy_plan.hpp"

namespace tessera {
namespace {

constexpr int kTile = 32, kCpuTile = 16;

/// Elements of one access: wider where runs, strides and offsets are multiples of it.
struct Access {
  std::string type;
  std::int64_t elements;  ///< of the tensor in one access
};

Access widestAccess(const StridedCopy& copy, DataType type) {
  const auto size = static_cast<std::int64_t>(byteSize(type));
  const bool contiguous = !copy.dims.empty() && copy.dims.back().x == 1 && copy.dims.back().y == 1;
  if (contiguous) {
    const auto fits = [&](std::int64_t n) {
      if (copy.xOffset % n || copy.yOffset % n || copy.dims.back().extent % n) return false;
      return std::all_of(copy.dims.begin(), copy.dims.end() - 1,
                         [&](const CopyDim& dim) { return dim.x % n == 0 && dim.y % n == 0; });
    };
    for (const auto& [name, bytes] : {std::pair{"uint4", 16}, {"ulong", 8}, {"uint", 4}, {"ushort", 2}})
      if (bytes > size && fits(bytes / size)) return {name, bytes / size};
  }
  return {rawType(type), 1};
}

class Strided final : public KernelFamily {
 public:
  FamilyId id() const override { return {"strided_copy", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    try {
      stridedCopies(op);
      return Verdict::yes();
    } catch (const Error& error) {
      return Verdict::no(error.what());
    }
  }
  int channelBlock(const OpView& op, const DeviceCaps&) const override {
    using View = OperatorTraits::View;
    const OperatorTraits traits = traitsOf(op.op);
    return traits.joins || traits.view == View::Same || traits.view == View::Part ? 0 : 1;
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    Launch launch;
    for (const StridedCopy& copy : stridedCopies(p))
      if (copy.count() > 0) launch.calls.push_back(planCopy(copy, p.outputs[0].type, device));
    return launch;
  }
  Cost cost(const Problem& p, const DeviceCaps&) const override {
    return {0, 2.0 * static_cast<double>(p.outputs[0].bytes()), 0.5};
  }
  std::vector<OpInstance> samples() const override {
    using Ints = std::vector<std::int64_t>;
    return {makeSample("Concat", {{"axis", 2}}, {f32({1, 19, 3, 4}), f32({1, 19, 2, 4})}),
            makeSample("Transpose", {{"perm", Ints{0, 2, 3, 1}}}, {f32({1, 64, 9, 40})})};
  }

 private:
  static KernelCall planCopy(StridedCopy copy, DataType type, const DeviceCaps& device) {
    const Access access = widestAccess(copy, type);
    copy.xOffset /= access.elements;
    copy.yOffset /= access.elements;
    if (access.elements > 1) {
      for (CopyDim& dim : copy.dims) dim = {dim.extent, dim.x / access.elements, dim.y / access.elements};
      copy.dims.back() = {copy.dims.back().extent / access.elements, 1, 1};
    }
    std::reverse(copy.dims.begin(), copy.dims.end());  // innermost first, as the kernel counts
    while (copy.dims.size() < 2) copy.dims.push_back({1, 0, 0});
    const bool tiled = moveTransposedLoop(copy.dims);
    const auto& dims = copy.dims;

    KernelCall call{"strided_copy/strided_copy.cl", tiled ? "strided_transpose" : "strided_copy"};
    const int side = device.isCpu() ? kCpuTile : kTile;
    call.defines.emplace_back("P_TYPE", access.type);
    addDefine(call.defines, "P_RANK", static_cast<std::int64_t>(dims.size()));
    addDefine(call.defines, "P_XUNIT", dims[0].x == 1);
    addDefine(call.defines, "P_YUNIT", dims[0].y == 1);
    addDefine(call.defines, "P_LOCAL", !device.isCpu());
    addDefine(call.defines, "P_TILE", side);
    call.args = {KernelArg::input(copy.input), KernelArg::output(0), KernelArg::ofInt(copy.xOffset),
                 KernelArg::ofInt(copy.yOffset)};
    const auto addEach = [&](std::int64_t CopyDim::*member, std::int64_t absent) {
      for (std::size_t d = 0; d < 8; ++d)
        call.args.push_back(KernelArg::ofInt(d < dims.size() ? dims[d].*member : absent));
    };
    addEach(&CopyDim::extent, 1);
    addEach(&CopyDim::x, 0);
    addEach(&CopyDim::y, 0);
    std::int64_t outer = 1;
    for (std::size_t d = 2; d < dims.size(); ++d) outer *= dims[d].extent;
    if (!tiled) {
      setGrid(call, dims[0].extent, dims[1].extent, outer, device);
      return call;
    }
    const auto tiles0 = static_cast<std::size_t>(ceilDiv(dims[0].extent, side));
    const auto tiles1 = static_cast<std::size_t>(ceilDiv(dims[1].extent, side));
    if (device.isCpu()) {
      call.global = {tiles0, tiles1, static_cast<std::size_t>(outer)};
      call.local = {1, 1, 1};
    } else {
      const std::size_t rows =
          std::min<std::size_t>(8, std::max<std::size_t>(device.maxWorkGroup / kTile, 1));
      call.global = {tiles0 * kTile, tiles1 * rows, static_cast<std::size_t>(outer)};
      call.local = {kTile, rows, 1};
    }
    return call;
  }

  /// Makes loop 1 the one that is contiguous in x, where loop 0 is contiguous in y only and both are long
  /// enough for tiles. Returns whether it did.
  static bool moveTransposedLoop(std::vector<CopyDim>& dims) {
    if (dims[0].y != 1 || dims[0].x <= 1 || dims[0].extent < kCpuTile) return false;
    for (std::size_t d = 1; d < dims.size(); ++d)
      if (dims[d].x == 1 && dims[d].extent >= kCpuTile) {
        std::rotate(dims.begin() + 1, dims.begin() + static_cast<long>(d),
                    dims.begin() + static_cast<long>(d) + 1);
        return true;
      }
    return false;
  }
};

}  // namespace

void addFamilies_strided_copy(FamilyList& list) {
  list.add<Strided>({"Transpose", "Slice", "Concat", "Expand", "Tile", "DepthToSpace", "SpaceToDepth",
                     "ChannelShuffle", "Identity", "Dropout"});
}

}  // namespace tessera
