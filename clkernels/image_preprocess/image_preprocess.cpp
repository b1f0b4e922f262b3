// image_preprocess: resize, channel order, mean, deviation and scale in one kernel. Sizes are arguments, so
// that images of all sizes share one program.
#include "clkernels/common/work_size.hpp"
#include "clkernels/family.hpp"
#include "ops/image.hpp"

namespace tessera {
namespace {

constexpr int kSame = 4;  // P_RESIZE of an image that has its extents already

// Bytes of a row of sums: three floats a pixel, and one that is read with the last.
std::size_t lineBytes(std::int64_t width) { return static_cast<std::size_t>(width * 3 + 1) * sizeof(float); }

// Work-items of a group that makes a row of the input; 0: a work-item makes a pixel.
std::size_t rowItems(const ImagePreprocess& how, std::int64_t width, bool same, const DeviceCaps& device) {
  const bool windows = how.resize == ResizeMode::Area || how.resize == ResizeMode::Antialiased;
  if (same || !windows || lineBytes(width) > device.localMemory / 2) return 0;
  return device.isCpu() ? 1 : std::min<std::size_t>(device.maxWorkGroup, 128);
}

class ImagePreprocessFamily final : public KernelFamily {
 public:
  FamilyId id() const override { return {"image_preprocess", 4}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (op.inputs[0].layout.block != 1 || op.outputs[0].layout.block != 1)
      return Verdict::no("wants planar operands");
    // Exact positions: (2 d + 3) * from must fit 32 bits.
    const ImageSource source = imageSourceOf(op.attrs, op.inputs[0].shape);
    const ImageRegion region = imageRegion(preprocessOf(op.attrs), source.height, source.width);
    const std::int64_t most =
        std::max(source.height * (2 * region.height + 3), source.width * (2 * region.width + 3));
    if (most >= std::int64_t{1} << 31 || op.inputs[0].size() >= std::int64_t{1} << 31)
      return Verdict::no("image and input are too large together");
    return Verdict::yes();
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const ImagePreprocess how = preprocessOf(p.attrs);
    const ImageSource source = imageSourceOf(p.attrs, p.inputs[0].shape);
    const ImageRegion region = imageRegion(how, source.height, source.width);
    const bool same = region.height == source.height && region.width == source.width;
    const std::size_t items = rowItems(how, source.width, same, device);
    KernelCall call{"image_preprocess/image_preprocess.cl",
                    items > 0 ? "image_preprocess_rows" : "image_preprocess",
                    {{"P_RESIZE", std::to_string(same ? kSame : static_cast<int>(how.resize))},
                     {"P_FORMAT", std::to_string(static_cast<int>(source.format))},
                     {"P_YUV", std::to_string(static_cast<int>(source.colors))},
                     {"P_ORDER", std::to_string(static_cast<int>(how.order))},
                     {"P_LAST", how.channelsLast ? "1" : "0"},
                     {"P_ITEMS", std::to_string(items)}}};
    call.args = {KernelArg::input(0), KernelArg::output(0)};
    if (items > 0) {
      call.global = {items * static_cast<std::size_t>(how.height)};
      call.local = {items};
      call.args.push_back(KernelArg::local(lineBytes(source.width)));
    } else {
      call.global = {static_cast<std::size_t>(roundUp(how.width, 32)), static_cast<std::size_t>(how.height)};
      if (device.maxWorkGroup >= 32) call.local = {32, 1};
    }
    addInts(call.args, {p.inputs[0].layout.offset, p.outputs[0].layout.offset, source.height, source.width,
                        how.height, how.width, region.top, region.left, region.height, region.width});
    for (const double value : {how.pad, how.scale, how.mean[0], how.mean[1], how.mean[2], how.deviation[0],
                               how.deviation[1], how.deviation[2]})
      call.args.push_back(KernelArg::ofFloat(static_cast<float>(value)));
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_image_preprocess(FamilyList& list) { list.add<ImagePreprocessFamily>({"ImagePreprocess"}); }

}  // namespace tessera
