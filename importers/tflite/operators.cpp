// The table of TensorFlow Lite's operators: options become attributes.
#include "importers/tflite/operators.hpp"

#include <algorithm>

namespace tessera::tflite {

using namespace tessera_tflite;  // NOLINT: the options of every operator

std::string Operator::integers(const std::string& part, std::vector<std::int64_t> values, bool scalar) {
  tensorflow::SourceNode helper{names.unique(node.name + "/" + part), "Const"};
  helper.outputs = {helper.name};
  helper.value = [values = std::move(values), scalar](ImportBudget&) {
    HostTensor tensor(DataType::Int32, scalar ? Shape{} : Shape{static_cast<std::int64_t>(values.size())});
    for (std::size_t i = 0; i < values.size(); ++i)
      tensor.setNumber(static_cast<std::int64_t>(i), static_cast<double>(values[i]));
    return tensor;
  };
  helpers.push_back(std::move(helper));
  return helpers.back().name;
}

const void* Operator::optionsOf(BuiltinOptions kind) const {
  return source.builtin_options_type() == kind ? source.builtin_options() : nullptr;
}

namespace {

void setActivation(Operator& op, ActivationFunctionType activation) {
  const std::string name = EnumNameActivationFunctionType(activation);
  op.node.attributes.set("activation",
                         name.empty() ? "of number " + std::to_string(static_cast<int>(activation)) : name);
}

template <class Options>
void fused(Operator& op) {
  if (const auto* o = op.options<Options>()) setActivation(op, o->fused_activation_function());
}

template <class Options>
void window(Operator& op, const Options& o) {
  const std::string padding = EnumNamePadding(o.padding());
  op.node.attributes.set("padding", padding.empty() ? "unknown" : padding)
      .set("strides", std::vector<std::int64_t>{o.stride_h(), o.stride_w()});
  setActivation(op, o.fused_activation_function());
}

template <class Options>
void dilated(Operator& op) {
  if (const auto* o = op.options<Options>()) {
    window(op, *o);
    op.node.attributes.set("dilations",
                           std::vector<std::int64_t>{o->dilation_h_factor(), o->dilation_w_factor()});
  }
}

/// Rows are always padded, and boxes at the threshold are dropped as well.
void paddedSuppression(Operator& op) {
  op.node.attributes.set("pad_to_max_output_size", std::int64_t{1})
      .set("drops_at_threshold", std::int64_t{1});
}

void pool(Operator& op) {
  if (const auto* o = op.options<Pool2DOptions>()) {
    window(op, *o);
    op.node.attributes.set("ksize", std::vector<std::int64_t>{o->filter_height(), o->filter_width()});
  }
}

void transposeConv(Operator& op) {
  if (const auto* o = op.options<TransposeConvOptions>()) window(op, *o);
}

void fullyConnectedOperator(Operator& op) {
  if (const auto* o = op.options<FullyConnectedOptions>()) {
    setActivation(op, o->fused_activation_function());
    op.node.attributes.set("keep_num_dims", std::int64_t{o->keep_num_dims()});
    if (o->weights_format() != 0) op.node.refused = "its weights are shuffled (weights_format)";
  }
}

void concatenation(Operator& op) {
  const auto* o = op.options<ConcatenationOptions>();
  if (o) setActivation(op, o->fused_activation_function());
  op.node.inputs.push_back(op.integers("axis", {o ? o->axis() : 0}, true));
}

void softmaxOperator(Operator& op) {
  const auto* o = op.options<SoftmaxOptions>();
  op.node.attributes.set("beta", o ? static_cast<double>(o->beta()) : 1.0);
}

void reshape(Operator& op) {
  const auto* o = op.options<ReshapeOptions>();
  if (op.node.inputs.size() > 1 && !op.node.inputs[1].empty()) return;
  if (!o || !o->new_shape()) return;
  op.node.inputs.resize(1);
  op.node.inputs.push_back(op.integers("shape", {o->new_shape()->begin(), o->new_shape()->end()}));
}

template <class Options>
void resize(Operator& op) {
  if (const auto* o = op.options<Options>())
    op.node.attributes.set("align_corners", std::int64_t{o->align_corners()})
        .set("half_pixel_centers", std::int64_t{o->half_pixel_centers()});
}

template <class Options>
void blocks(Operator& op) {
  if (const auto* o = op.options<Options>())
    op.node.attributes.set("block_size", std::int64_t{o->block_size()});
}

void gather(Operator& op) {
  const auto* o = op.options<GatherOptions>();
  op.node.inputs.push_back(op.integers("axis", {o ? o->axis() : 0}, true));
  if (o) op.node.attributes.set("batch_dims", std::int64_t{o->batch_dims()});
}

void reduce(Operator& op) {
  if (const auto* o = op.options<ReducerOptions>())
    op.node.attributes.set("keep_dims", std::int64_t{o->keep_dims()});
}

void squeeze(Operator& op) {
  if (const auto* o = op.options<SqueezeOptions>(); o && o->squeeze_dims())
    op.node.attributes.set("squeeze_dims",
                           std::vector<std::int64_t>(o->squeeze_dims()->begin(), o->squeeze_dims()->end()));
}

void stridedSlice(Operator& op) {
  const auto* o = op.options<StridedSliceOptions>();
  if (!o) return;
  op.node.attributes.set("begin_mask", std::int64_t{o->begin_mask()})
      .set("end_mask", std::int64_t{o->end_mask()})
      .set("ellipsis_mask", std::int64_t{o->ellipsis_mask()})
      .set("new_axis_mask", std::int64_t{o->new_axis_mask()})
      .set("shrink_axis_mask", std::int64_t{o->shrink_axis_mask()});
  if (o->offset()) op.node.refused = "its ends are lengths (offset)";
}

template <class Options>
void axis(Operator& op) {
  if (const auto* o = op.options<Options>()) op.node.attributes.set("axis", std::int64_t{o->axis()});
}

void leakyRelu(Operator& op) {
  if (const auto* o = op.options<LeakyReluOptions>())
    op.node.attributes.set("alpha", static_cast<double>(o->alpha()));
}

void mirrorPad(Operator& op) {
  if (const auto* o = op.options<MirrorPadOptions>())
    op.node.attributes.set("mode", std::string(EnumNameMirrorPadMode(o->mode())));
}

void lrn(Operator& op) {
  if (const auto* o = op.options<LocalResponseNormalizationOptions>())
    op.node.attributes.set("depth_radius", std::int64_t{o->radius()})
        .set("bias", static_cast<double>(o->bias()))
        .set("alpha", static_cast<double>(o->alpha()))
        .set("beta", static_cast<double>(o->beta()));
}

void batchMatMul(Operator& op) {
  if (const auto* o = op.options<BatchMatMulOptions>())
    op.node.attributes.set("adj_x", std::int64_t{o->adj_x()}).set("adj_y", std::int64_t{o->adj_y()});
}

void cumSum(Operator& op) {
  if (const auto* o = op.options<CumsumOptions>())
    op.node.attributes.set("exclusive", std::int64_t{o->exclusive()})
        .set("reverse", std::int64_t{o->reverse()});
}

void gelu(Operator& op) {
  if (const auto* o = op.options<GeluOptions>())
    op.node.attributes.set("approximate", std::int64_t{o->approximate()});
}

/// Results of another type than the operands: what the file's tensor says, which the reader puts into
/// "result".
void typed(Operator& op) {
  const std::string type = op.node.attributes.string("result");
  for (const char* name : {"DstT", "output_type", "out_type"}) op.node.attributes.set(name, type);
}

/// In the order of their codes.
constexpr Row kRows[] = {
    {0, "ADD", "Add", fused<AddOptions>},
    {1, "AVERAGE_POOL_2D", "AvgPool", pool},
    {2, "CONCATENATION", "ConcatV2", concatenation},
    {3, "CONV_2D", "CONV_2D", dilated<Conv2DOptions>},
    {4, "DEPTHWISE_CONV_2D", "DEPTHWISE_CONV_2D", dilated<DepthwiseConv2DOptions>},
    {5, "DEPTH_TO_SPACE", "DepthToSpace", blocks<DepthToSpaceOptions>},
    {6, "DEQUANTIZE", "Identity", nullptr},
    {8, "FLOOR", "Floor", nullptr},
    {9, "FULLY_CONNECTED", "FULLY_CONNECTED", fullyConnectedOperator},
    {11, "L2_NORMALIZATION", "L2Normalization", fused<L2NormOptions>},
    {13, "LOCAL_RESPONSE_NORMALIZATION", "LRN", lrn},
    {14, "LOGISTIC", "Sigmoid", nullptr},
    {17, "MAX_POOL_2D", "MaxPool", pool},
    {18, "MUL", "Mul", fused<MulOptions>},
    {19, "RELU", "Relu", nullptr},
    {20, "RELU_N1_TO_1", "ReluN1To1", nullptr},
    {21, "RELU6", "Relu6", nullptr},
    {22, "RESHAPE", "Reshape", reshape},
    {23, "RESIZE_BILINEAR", "ResizeBilinear", resize<ResizeBilinearOptions>},
    {25, "SOFTMAX", "Softmax", softmaxOperator},
    {26, "SPACE_TO_DEPTH", "SpaceToDepth", blocks<SpaceToDepthOptions>},
    {28, "TANH", "Tanh", nullptr},
    {34, "PAD", "Pad", nullptr},
    {36, "GATHER", "GatherV2", gather, "batch_dims up to the axis"},
    {37, "BATCH_TO_SPACE_ND", "BatchToSpaceND", nullptr},
    {38, "SPACE_TO_BATCH_ND", "SpaceToBatchND", nullptr},
    {39, "TRANSPOSE", "Transpose", nullptr},
    {40, "MEAN", "Mean", reduce},
    {41, "SUB", "Sub", fused<SubOptions>},
    {42, "DIV", "Div", fused<DivOptions>},
    {43, "SQUEEZE", "Squeeze", squeeze},
    {45, "STRIDED_SLICE", "StridedSlice", stridedSlice},
    {47, "EXP", "Exp", nullptr},
    {48, "TOPK_V2", "TopKV2", nullptr},
    {49, "SPLIT", "Split", nullptr},
    {50, "LOG_SOFTMAX", "LogSoftmax", nullptr},
    {53, "CAST", "Cast", typed},
    {54, "PRELU", "PRelu", nullptr},
    {55, "MAXIMUM", "Maximum", nullptr},
    {56, "ARG_MAX", "ArgMax", typed},
    {57, "MINIMUM", "Minimum", nullptr},
    {58, "LESS", "Less", nullptr},
    {59, "NEG", "Neg", nullptr},
    {60, "PADV2", "PadV2", nullptr},
    {61, "GREATER", "Greater", nullptr},
    {62, "GREATER_EQUAL", "GreaterEqual", nullptr},
    {63, "LESS_EQUAL", "LessEqual", nullptr},
    {64, "SELECT", "Select", nullptr},
    {65, "SLICE", "Slice", nullptr},
    {66, "SIN", "Sin", nullptr},
    {67, "TRANSPOSE_CONV", "TRANSPOSE_CONV", transposeConv},
    {69, "TILE", "Tile", nullptr},
    {70, "EXPAND_DIMS", "ExpandDims", nullptr},
    {71, "EQUAL", "Equal", nullptr},
    {72, "NOT_EQUAL", "NotEqual", nullptr},
    {73, "LOG", "Log", nullptr},
    {74, "SUM", "Sum", reduce},
    {75, "SQRT", "Sqrt", nullptr},
    {76, "RSQRT", "Rsqrt", nullptr},
    {77, "SHAPE", "Shape", typed, "computed at import"},
    {78, "POW", "Pow", nullptr},
    {79, "ARG_MIN", "ArgMin", typed},
    {81, "REDUCE_PROD", "Prod", reduce},
    {82, "REDUCE_MAX", "Max", reduce},
    {83, "PACK", "Pack", axis<PackOptions>},
    {84, "LOGICAL_OR", "LogicalOr", nullptr},
    {85, "ONE_HOT", "OneHot", axis<OneHotOptions>},
    {86, "LOGICAL_AND", "LogicalAnd", nullptr},
    {87, "LOGICAL_NOT", "LogicalNot", nullptr},
    {88, "UNPACK", "Unpack", axis<UnpackOptions>},
    {89, "REDUCE_MIN", "Min", reduce},
    {90, "FLOOR_DIV", "FloorDiv", nullptr},
    {91, "REDUCE_ANY", "Any", reduce},
    {92, "SQUARE", "Square", nullptr},
    {93, "ZEROS_LIKE", "ZerosLike", nullptr},
    {94, "FILL", "Fill", nullptr},
    {95, "FLOOR_MOD", "FloorMod", nullptr},
    {96, "RANGE", "Range", nullptr},
    {97, "RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighbor", resize<ResizeNearestNeighborOptions>},
    {98, "LEAKY_RELU", "LeakyRelu", leakyRelu},
    {99, "SQUARED_DIFFERENCE", "SquaredDifference", nullptr},
    {100, "MIRROR_PAD", "MirrorPad", mirrorPad},
    {101, "ABS", "Abs", nullptr},
    {102, "SPLIT_V", "SplitV", nullptr},
    {104, "CEIL", "Ceil", nullptr},
    {105, "REVERSE_V2", "ReverseV2", nullptr},
    {106, "ADD_N", "AddN", nullptr},
    {107, "GATHER_ND", "GatherNd", nullptr},
    {108, "COS", "Cos", nullptr},
    {110, "RANK", "Rank", nullptr},
    {111, "ELU", "Elu", nullptr},
    {114, "QUANTIZE", "Identity", nullptr},
    {116, "ROUND", "Round", nullptr},
    {117, "HARD_SWISH", "HardSwish", nullptr},
    {120, "NON_MAX_SUPPRESSION_V4", "NonMaxSuppressionV4", paddedSuppression, "padded"},
    {121, "NON_MAX_SUPPRESSION_V5", "NonMaxSuppressionV5", paddedSuppression,
     "padded; without soft_nms_sigma"},
    {123, "SELECT_V2", "SelectV2", nullptr},
    {124, "DENSIFY", "Identity", nullptr, "of constants"},
    {126, "BATCH_MATMUL", "BatchMatMulV2", batchMatMul},
    {128, "CUMSUM", "Cumsum", cumSum},
    {130, "BROADCAST_TO", "BroadcastTo", nullptr},
    {140, "REDUCE_ALL", "All", reduce},
    {150, "GELU", "Gelu", gelu},
    {158, "SIGN", "Sign", nullptr},
};

}  // namespace

const std::vector<Row>& rows() {
  static const std::vector<Row> all(std::begin(kRows), std::end(kRows));
  return all;
}

const Row* findRow(int code) {
  for (const Row& row : rows())
    if (row.code == code) return &row;
  return nullptr;
}

}  // namespace tessera::tflite
