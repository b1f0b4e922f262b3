// Telling scores from class maps and masks.
#include "exec/segmentation_output.hpp"

#include <cmath>

#include "ops/shape_tools.hpp"

namespace tessera {

std::string_view toString(OutputLayout layout) {
  switch (layout) {
    case OutputLayout::Auto:
      return "auto";
    case OutputLayout::Nchw:
      return "NCHW";
    case OutputLayout::Nhwc:
      return "NHWC";
    case OutputLayout::Classes:
      return "classes";
    case OutputLayout::Mask:
      return "mask";
  }
  return "?";
}

OutputLayout parseOutputLayout(std::string_view text) {
  for (const OutputLayout layout : {OutputLayout::Auto, OutputLayout::Nchw, OutputLayout::Nhwc,
                                    OutputLayout::Classes, OutputLayout::Mask})
    if (text == toString(layout)) return layout;
  throw Error(ErrorCode::InvalidArgument,
              "unknown output layout '" + std::string(text) + "': auto, NCHW, NHWC, classes or mask");
}

namespace {

constexpr const char* kTaken =
    "a segmentation gives scores f32:NxCLASSESxHEIGHTxWIDTH or f32:NxHEIGHTxWIDTHxCLASSES, or one value a "
    "pixel, "
    "NxHEIGHTxWIDTH with or without an axis of one channel: its class (any number type) or a score (f32)";
constexpr const char* kOption = "output.layout in the model's description (SegmentationOptions::layout)";

class Reading {
 public:
  Reading(const Binding& output, std::int64_t batch, std::pair<std::int64_t, std::int64_t> input,
          const SegmentationOptions& options)
      : output_(output), input_(input), options_(options) {
    Shape shape = output.shape;
    if (batch == 1 && (shape.size() == 2 || (shape.size() == 3 && shape[0] != 1)))
      shape.insert(shape.begin(), 1);  // written without the batch
    if (shape.size() == 3) shape.insert(shape.begin() + 1, 1);
    if (shape.size() != 4) fail(kTaken);
    if (shape[0] != batch)
      fail("the input takes " + std::to_string(batch) +
           " images, which must be the first extent of the output");
    for (const std::int64_t extent : shape)
      if (extent < 1) fail("it is empty");
    shape[0] = 1;
    item_ = shape;
  }

  ClassOutput read() {
    ClassOutput out;
    const OutputLayout layout = options_.layout == OutputLayout::Auto ? told() : options_.layout;
    out.item = item_;
    if (layout == OutputLayout::Nchw || layout == OutputLayout::Nhwc) {
      if (output_.type != DataType::Float32)
        fail("scores are floats; integers are classes, without an axis of scores");
      const bool last = layout == OutputLayout::Nhwc;
      out.how.layout = last ? ClassMapLayout::ScoresLast : ClassMapLayout::Scores;
      out.height = last ? item_[1] : item_[2];
      out.width = last ? item_[2] : item_[3];
      const std::int64_t classes = last ? item_[3] : item_[1];
      if (classes < 2)
        fail("scores are of at least two classes; one value a pixel is a mask or a class: " + option());
      if (classes > 65536)
        fail("read as " + std::string(toString(layout)) + " it has more than 65536 classes");
      out.classes = static_cast<int>(classes);
      out.how.wide = classes > kPaletteSize;
      return out;
    }
    if (!oneValue()) fail("it has more than one value a pixel, so it holds neither classes nor a mask");
    if (item_[1] != 1) out.item = {1, 1, item_[1], item_[2]};
    out.height = out.item[2];
    out.width = out.item[3];
    if (layout == OutputLayout::Mask) {
      if (output_.type != DataType::Float32) fail("a mask is of floats");
      out.how.layout = ClassMapLayout::Mask;
      out.how.threshold = options_.threshold.value_or(0.5);
      out.classes = 2;
      return out;
    }
    out.how.layout = ClassMapLayout::Classes;
    const bool bytes = byteSize(output_.type) == 1;
    out.classes = options_.mostClasses > 0 ? options_.mostClasses
                  : bytes                  ? static_cast<int>(kPaletteSize)
                                           : 65536;
    out.how.wide = !bytes && out.classes > kPaletteSize;
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const {
    throw Error(ErrorCode::InvalidArgument, "the network's output '" + output_.name + "' is " +
                                                std::string(toString(output_.type)) + ":" +
                                                toString(output_.shape) + "; " + reason);
  }
  static std::string option() { return std::string("say which with ") + kOption; }
  bool oneValue() const { return item_[1] == 1 || item_[3] == 1; }
  bool asManyAsKnown(std::int64_t classes) const {
    return classes >= std::max(2, options_.fewestClasses) && classes <= options_.mostClasses;
  }
  // How far a picture of so many rows and columns is from the shape of the network's input.
  double distortion(std::int64_t rows, std::int64_t columns) const {
    return std::abs(std::log(static_cast<double>(rows) / static_cast<double>(columns)) -
                    std::log(static_cast<double>(input_.first) / static_cast<double>(input_.second)));
  }

  OutputLayout told() const {
    if (output_.type != DataType::Float32) {
      if (output_.type != DataType::Bool && !isInteger(output_.type)) fail(kTaken);
      return OutputLayout::Classes;
    }
    if (oneValue())
      fail("each pixel's one value may be its class or the score of a mask: say 'classes' or 'mask' with " +
           std::string(kOption) + ", or give a mask's threshold (--threshold)");
    if (options_.mostClasses > 0) {
      const bool first = asManyAsKnown(item_[1]), last = asManyAsKnown(item_[3]);
      if (first != last) return first ? OutputLayout::Nchw : OutputLayout::Nhwc;
      if (!first)
        fail("read as NCHW that is " + std::to_string(item_[1]) + " classes, as NHWC " +
             std::to_string(item_[3]) + ", but the labels or the description name " +
             (options_.fewestClasses == options_.mostClasses
                  ? std::to_string(options_.mostClasses)
                  : std::to_string(options_.fewestClasses) + " to " + std::to_string(options_.mostClasses)) +
             "; choose others (--labels)");
    }
    constexpr double kSame = 0.1;
    const double first = distortion(item_[2], item_[3]), last = distortion(item_[1], item_[2]);
    if (first <= last / 2 && last > kSame) return OutputLayout::Nchw;
    if (last <= first / 2 && first > kSame) return OutputLayout::Nhwc;
    fail("the classes may be its second extent or its last one: say NCHW or NHWC with " +
         std::string(kOption) + ", or give labels");
  }

  const Binding& output_;
  std::pair<std::int64_t, std::int64_t> input_;
  const SegmentationOptions& options_;
  Shape item_;
};

}  // namespace

ClassOutput classOutputOf(const Binding& output, std::int64_t batch,
                          std::pair<std::int64_t, std::int64_t> input, const SegmentationOptions& options) {
  return Reading(output, batch, input, options).read();
}

}  // namespace tessera
