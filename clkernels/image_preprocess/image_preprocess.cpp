// image_preprocess: resize, channel order, mean, deviation and scale in one kernel. Sizes are arguments, so
// that images of all sizes share one program.
#include <array>

#include "clkernels/common/work_size.hpp"
#include "clkernels/family.hpp"
#include "ops/image.hpp"

namespace tessera {
namespace {

constexpr int kSame = 4;   // P_RESIZE of an image that has its extents already
constexpr int kPairs = 5;  // likewise of an area where one axis grows and the other shrinks

// Bytes of a row of `width` pixels' sums: three floats each, and one that is read with the last.
std::size_t lineBytes(std::int64_t width) { return static_cast<std::size_t>(width * 3 + 1) * sizeof(float); }

// Work-items of image_preprocess_rows's groups.
std::size_t rowItems(const DeviceCaps& device) { return std::min<std::size_t>(device.maxWorkGroup, 128); }

/// What is to be resized, and how.
struct PreprocessJob {
  explicit PreprocessJob(const Problem& p)
      : how(preprocessOf(p.attrs)),
        source(imageSourceOf(p.attrs, p.inputs[0].shape)),
        region(imageRegion(how, source.height, source.width)),
        same(region.height == source.height && region.width == source.width) {}

  /// Whether pixels are computed of bytes, of two by two.
  bool ofBytes() const {
    return how.rounded && (mode() == static_cast<int>(ResizeMode::Linear) || mode() == kPairs);
  }
  /// Whether a way makes this job's rows of whole rows of the source.
  bool byRows(int way) const;
  /// P_RESIZE
  int mode() const {
    if (same) return kSame;
    const bool pairs =
        how.resize == ResizeMode::Area && areaOfPairs(source.height, source.width, region, how.rounded);
    return pairs ? kPairs : static_cast<int>(how.resize);
  }
  /// Pixels of the source that a column is made of, at most.
  std::int64_t taps() const {
    if (ofBytes()) return 2;
    const std::int64_t to = region.width, ratio = (std::max(source.width, to) + to - 1) / to;
    const std::int64_t taps = how.resize == ResizeMode::Area          ? ratio + 1
                              : how.resize == ResizeMode::Antialiased ? 2 * ratio + 1
                                                                      : 2;
    return std::min(taps, source.width);
  }
  /// Bytes of local memory that a line takes.
  std::size_t lineBytes() const;
  /// Bytes of local memory that image_preprocess_bands takes beside a line: columns' sums, begins and
  /// weights.
  std::array<std::size_t, 3> bandBytes() const {
    const auto width = static_cast<std::size_t>(how.width);
    return {tessera::lineBytes(how.width), width * sizeof(int),
            width * static_cast<std::size_t>(taps()) * sizeof(float)};
  }

  ImagePreprocess how;
  ImageSource source;
  ImageRegion region;
  bool same;
};

// Values of the tunable WAY: which kernel.
constexpr int kPixels = 0, kRows = 1, kBands = 2;

bool PreprocessJob::byRows(int way) const {
  return same || (how.resize != ResizeMode::Nearest && (way == kBands || !ofBytes()));
}

std::size_t PreprocessJob::lineBytes() const {
  return tessera::lineBytes(ofBytes() ? 2 * how.width : source.width);
}

// Whether lines and tables leave half of the local memory to others.
bool fits(const PreprocessJob& job, int way, const DeviceCaps& device) {
  std::size_t bytes = job.lineBytes();
  if (way == kBands)
    for (const std::size_t more : job.bandBytes()) bytes += more;
  return bytes <= device.localMemory / 2;
}

// Work sizes, and the arguments that a way has for itself.
void setSizes(KernelCall& call, const PreprocessJob& job, int way, const DeviceCaps& device) {
  const auto height = static_cast<std::size_t>(job.how.height);
  if (way == kPixels) {
    call.global = {static_cast<std::size_t>(roundUp(job.how.width, 32)), height};
    if (device.maxWorkGroup >= 32) call.local = {32, 1};
    return;
  }
  call.args.push_back(KernelArg::local(job.lineBytes()));
  if (way == kRows) {
    call.local = {rowItems(device)};
    call.global = {rowItems(device) * height};
    return;
  }
  for (const std::size_t bytes : job.bandBytes()) call.args.push_back(KernelArg::local(bytes));
  // Two bands a core, since each makes the weights of columns anew.
  const std::int64_t rows =
      std::max<std::int64_t>(job.how.height / (2 * static_cast<std::int64_t>(device.computeUnits)), 1);
  call.global = {static_cast<std::size_t>((job.how.height + rows - 1) / rows)};
  call.local = {1};
  addInts(call.args, {rows, job.taps()});
}

class ImagePreprocessFamily final : public KernelFamily {
 public:
  FamilyId id() const override { return {"image_preprocess", 7}; }
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
  TacticSpace space(const Problem& p, const DeviceCaps& device) const override {
    const PreprocessJob job(p);
    TacticSpace space{{{"WAY", {kPixels, kRows, kBands}}}, {}};
    space.constraints.push_back(
        {"pixels are not picked one by one, nor rounded in between where rows are summed up first",
         [job](const Tactic& t) { return t.get("WAY") == kPixels || job.byRows(t.get("WAY")); }});
    space.constraints.push_back(
        {"a line of sums, and the weights of columns, fit local memory", [job, device](const Tactic& t) {
           return t.get("WAY") == kPixels || fits(job, t.get("WAY"), device);
         }});
    return space;
  }
  // CPUs make vectors of loops over values side by side. GPUs sample two by two pixels faster than they sum
  // up lines.
  Tactic fallback(const Problem& p, const DeviceCaps& device) const override {
    const PreprocessJob job(p);
    const int wanted = device.isCpu() ? kBands : kRows;
    const bool many = device.isCpu() || (!job.same && job.how.resize != ResizeMode::Linear);
    return Tactic{{"WAY", job.byRows(wanted) && many && fits(job, wanted, device) ? wanted : kPixels}};
  }
  Launch plan(const Problem& p, const Tactic& tactic, const DeviceCaps& device) const override {
    const PreprocessJob job(p);
    const auto& [how, source, region, same] = job;
    const int way = tactic.get("WAY");
    static constexpr const char* kKernels[] = {"image_preprocess", "image_preprocess_rows",
                                               "image_preprocess_bands"};
    KernelCall call{"image_preprocess/image_preprocess.cl",
                    kKernels[way],
                    {{"P_RESIZE", std::to_string(job.mode())},
                     {"P_FORMAT", std::to_string(static_cast<int>(source.format))},
                     {"P_YUV", std::to_string(static_cast<int>(source.colors))},
                     {"P_ORDER", std::to_string(static_cast<int>(how.order))},
                     {"P_LAST", how.channelsLast ? "1" : "0"},
                     {"P_ROUNDED", how.rounded ? "1" : "0"},
                     {"P_ITEMS", std::to_string(rowItems(device))},
                     {"T_WAY", std::to_string(way)}}};
    call.args = {KernelArg::input(0), KernelArg::output(0)};
    setSizes(call, job, way, device);
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
