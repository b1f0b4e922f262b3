// class_pixels: classes of pixels from scores in any order, class maps and masks.
#include "clkernels/common/strided.hpp"
#include "clkernels/common/work_size.hpp"
#include "clkernels/family.hpp"
#include "ops/image.hpp"

namespace tessera {
namespace {

class ClassPixels final : public KernelFamily {
 public:
  FamilyId id() const override { return {"class_pixels", 1}; }
  Verdict applies(const OpView& op, const DeviceCaps&) const override {
    if (op.inputs[0].layout.block != 1 || op.outputs[0].layout.block != 1)
      return Verdict::no("wants planar operands");
    if (op.inputs[0].type == DataType::Float16) return Verdict::no("reads no halves");
    return Verdict::yes();
  }
  Launch plan(const Problem& p, const Tactic&, const DeviceCaps& device) const override {
    const ClassMapParams params = classMapParams(p.attrs);
    const TensorDesc &x = p.inputs[0], &y = p.outputs[0];
    const std::int64_t pixels = y.size(), classes = x.size() / std::max<std::int64_t>(pixels, 1);
    const bool last = params.layout == ClassMapLayout::ScoresLast;
    const bool scores = last || params.layout == ClassMapLayout::Scores;
    KernelCall call{"class_pixels/class_pixels.cl", "class_pixels", {}};
    call.defines = {{"P_KIND", scores                                     ? "0"
                               : params.layout == ClassMapLayout::Classes ? "1"
                                                                          : "2"},
                    {"P_TYPE", clType(x.type)},
                    {"P_FLOAT", x.type == DataType::Float32 ? "1" : "0"},
                    {"P_CLASS", params.wide ? "int" : "uchar"},
                    {"P_MOST", std::to_string(params.most())}};
    setFlat(call, pixels, device);
    call.args = {KernelArg::input(0), KernelArg::output(0)};
    addInts(call.args, {x.layout.offset, y.layout.offset, classes, last ? std::int64_t{1} : pixels,
                        last ? classes : std::int64_t{1}, pixels});
    call.args.push_back(KernelArg::ofFloat(static_cast<float>(params.threshold)));
    return {{call}, {}, {}};
  }
};

}  // namespace

void addFamilies_class_pixels(FamilyList& list) { list.add<ClassPixels>({"ClassMap"}); }

}  // namespace tessera
