// The table of UFF's operators: fields become attributes.
#include "importers/uff/operators.hpp"

#include <iterator>

namespace tessera::uff {

Fields::Fields(const tessera_uff::Node& node,
               const std::map<std::string, const tessera_uff::Data*>& referenced) {
  for (const auto& field : node.fields()) {
    const tessera_uff::Data* data = &field.value();
    if (data->has_ref()) {
      const auto found = referenced.find(data->ref());
      if (found == referenced.end())
        throw Error(ErrorCode::BadModel, "its field " + field.key() + " refers to data that are not there");
      data = found->second;
    }
    fields_[field.key()] = data;
  }
}

const tessera_uff::Data* Fields::find(const std::string& key) const {
  const auto found = fields_.find(key);
  return found == fields_.end() ? nullptr : found->second;
}

std::int64_t Fields::integer(const std::string& key, std::int64_t fallback) const {
  const auto* data = find(key);
  if (data && data->has_b()) return data->b();
  return data && data->has_i() ? data->i() : fallback;
}

double Fields::number(const std::string& key, double fallback) const {
  const auto* data = find(key);
  if (data && data->has_i()) return static_cast<double>(data->i());
  return data && data->has_d() ? data->d() : fallback;
}

std::string Fields::text(const std::string& key) const {
  const auto* data = find(key);
  return data && data->has_s() ? data->s() : "";
}

std::vector<std::int64_t> Fields::integers(const std::string& key) const {
  const auto* data = find(key);
  if (data && data->has_i()) return {data->i()};
  if (!data || !data->has_i_list()) return {};
  return {data->i_list().val().begin(), data->i_list().val().end()};
}

Attributes Fields::attributes() const {
  Attributes attributes;
  for (const auto& [key, data] : fields_) {
    const std::string name = key.substr(0, key.rfind("_u_"));
    if (data->has_s())
      attributes.set(name, data->s());
    else if (data->has_d())
      attributes.set(name, data->d());
    else if (data->has_b() || data->has_i())
      attributes.set(name, integer(key, 0));
    else if (data->has_i_list())
      attributes.set(name, integers(key));
    else if (data->has_d_list())
      attributes.set(name, std::vector<double>(data->d_list().val().begin(), data->d_list().val().end()));
    else if (!data->has_dim_orders() && !data->has_dim_orders_list() && !data->has_dtype())
      throw Error(ErrorCode::Unsupported,
                  "its field '" + key + "' is nothing that a plugin's attribute can be");
  }
  return attributes;
}

std::vector<std::int64_t> Fields::order(int i) const {
  constexpr std::int32_t kSpecial = -1;
  constexpr std::int64_t kMostAxes = 8;  // larger numbers are marks
  std::vector<std::int64_t> axes;
  const auto* data = find("inputs_orders");
  if (!data || !data->has_dim_orders_list() || i >= data->dim_orders_list().val_size()) return axes;
  for (const auto& entry : data->dim_orders_list().val(i).orders())
    if (entry.key() == kSpecial)
      for (const std::int64_t axis : entry.value().val())
        if (axis >= 0 && axis < kMostAxes) axes.push_back(axis);
  return axes;
}

void Operator::addIntegers(const std::string& part, std::vector<std::int64_t> values, bool scalar) {
  tensorflow::SourceNode helper{names.unique(node.name + "/" + part), "Const"};
  helper.outputs = {helper.name};
  helper.value = [values = std::move(values), scalar](ImportBudget&) {
    HostTensor tensor(DataType::Int32, scalar ? Shape{} : Shape{static_cast<std::int64_t>(values.size())});
    for (std::size_t i = 0; i < values.size() && static_cast<std::int64_t>(i) < tensor.size(); ++i)
      tensor.setNumber(static_cast<std::int64_t>(i), static_cast<double>(values[i]));
    return tensor;
  };
  node.inputs.push_back(helper.name);
  helpers.push_back(std::move(helper));
}

namespace {

/// N, C, + has the first spatial axis at the end; N, +, C the channels.
void setFormat(Operator& op) {
  const auto order = op.fields.order(0);
  if (order.size() < 3) return;
  const bool last = order[1] != 1;
  op.node.attributes.set("data_format", last ? "NHWC" : "NCHW");
  if (order[0] != 0) op.node.refused = "its images begin with another axis than the batch";
}

/// strides, dilation, padding: entries of the spatial axes. Padding on both sides alike, or as TensorFlow's
/// SAME.
void window(Operator& op) {
  auto& attributes = op.node.attributes;
  setFormat(op);
  if (const auto strides = op.fields.integers("strides"); !strides.empty())
    attributes.set("strides", strides);
  if (const auto dilations = op.fields.integers("dilation"); !dilations.empty())
    attributes.set("dilations", dilations);
  const auto padding = op.fields.integers("padding");
  if (op.fields.text("implicit_padding") == "same") {
    attributes.set("padding", "SAME");
  } else if (!padding.empty()) {
    std::vector<std::int64_t> pads{0, 0};
    const bool last = attributes.string("data_format", "NHWC") == "NHWC";
    if (!last) pads.insert(pads.end(), {0, 0});
    for (const std::int64_t pad : padding) pads.insert(pads.end(), {pad, pad});
    if (last) pads.insert(pads.end(), {0, 0});
    attributes.set("padding", "EXPLICIT").set("explicit_paddings", pads);
  }
}

/// Weights +, C, K as TensorFlow has them. As many groups as channels: a depthwise convolution.
void conv(Operator& op) {
  window(op);
  const auto weights = op.fields.order(1);
  if (!weights.empty() && weights != std::vector<std::int64_t>{2, 1, 0})
    op.node.refused = "its weights lie in another order than +CK";
  if (op.fields.integer("number_groups", 1) > 1) op.node.type = "DepthwiseConv2dNative";
}

/// Inputs: image, weights +, K, C, the result's shape.
void convTranspose(Operator& op) {
  window(op);
  if (op.fields.integer("number_groups", 1) > 1) op.node.refused = "it has groups";
  if (op.node.inputs.size() == 3) std::swap(op.node.inputs[0], op.node.inputs[2]);
}

void pool(Operator& op) {
  window(op);
  const std::string func = op.fields.text("func");
  op.node.type = func == "max" ? "MaxPool" : "AvgPool";
  if (func != "max" && func != "avg") op.node.refused = "its func is " + func;
  op.node.attributes.set("ksize", op.fields.integers("kernel"));
}

void fullyConnectedOperator(Operator& op) {
  const auto turned = [&](int i, std::vector<std::int64_t> plain) {
    const auto order = op.fields.order(i);
    return std::int64_t{!order.empty() && order != plain};
  };
  op.node.attributes.set("transpose_a", turned(0, {0, 1})).set("transpose_b", turned(1, {1, 0}));
}

/// The type that a name in the field func stands for.
template <std::size_t count>
void byFunc(Operator& op, const std::pair<const char*, const char*> (&types)[count]) {
  const std::string func = op.fields.text("func");
  for (const auto& [name, type] : types)
    if (func == name) op.node.type = type;
  if (op.node.type.empty()) op.node.refused = "its func is '" + func + "'";
}

void binary(Operator& op) {
  byFunc(op, {{"add", "Add"},
              {"sub", "Sub"},
              {"mul", "Mul"},
              {"div", "RealDiv"},
              {"min", "Minimum"},
              {"max", "Maximum"},
              {"pow", "Pow"}});
}

void unaryOperator(Operator& op) {
  byFunc(op, {{"neg", "Neg"},     {"exp", "Exp"},     {"log", "Log"},       {"abs", "Abs"},
              {"sqrt", "Sqrt"},   {"rsqrt", "Rsqrt"}, {"square", "Square"}, {"sin", "Sin"},
              {"cos", "Cos"},     {"tan", "Tan"},     {"sinh", "Sinh"},     {"cosh", "Cosh"},
              {"asin", "Asin"},   {"acos", "Acos"},   {"atan", "Atan"},     {"asinh", "Asinh"},
              {"acosh", "Acosh"}, {"atanh", "Atanh"}, {"ceil", "Ceil"},     {"floor", "Floor"}});
}

void activation(Operator& op) {
  byFunc(op, {{"relu", "Relu"},
              {"relu6", "Relu6"},
              {"sigmoid", "Sigmoid"},
              {"tanh", "Tanh"},
              {"elu", "Elu"},
              {"selu", "Selu"},
              {"softsign", "Softsign"},
              {"softplus", "Softplus"},
              {"leakyrelu", "LeakyRelu"}});
  op.node.attributes.set("alpha", op.fields.number("alpha", op.node.type == "Elu" ? 1 : 0.2));
}

void reduce(Operator& op) {
  byFunc(op, {{"sum", "Sum"}, {"prod", "Prod"}, {"max", "Max"}, {"min", "Min"}, {"mean", "Mean"}});
  op.addIntegers("axes", op.fields.integers("axes"));
  op.node.attributes.set("keep_dims", op.fields.integer("keepdims", 0));
}

void axisOperand(Operator& op) { op.addIntegers("axis", {op.fields.integer("axis", 0)}, true); }
void copyAxis(Operator& op) { op.node.attributes.set("axis", op.fields.integer("axis", 0)); }
void transpose(Operator& op) { op.addIntegers("permutation", op.fields.integers("permutation")); }
void squeeze(Operator& op) { op.node.attributes.set("squeeze_dims", op.fields.integers("axes")); }

/// The converter writes axis 0 where TensorFlow's operator had none: it is the last one then.
void softmaxOperator(Operator& op) {
  if (op.fields.integer("axis", 0) > 0)
    op.node.refused = "its axis is given; only the last axis is supported";
}

void stridedSlice(Operator& op) {
  for (const char* mask : {"begin_mask", "end_mask", "shrink_axis_mask"})
    op.node.attributes.set(mask, op.fields.integer(mask, 0));
}

void batchNorm(Operator& op) {
  setFormat(op);
  op.node.attributes.set("epsilon", op.fields.number("epsilon", 1e-3)).set("is_training", std::int64_t{0});
}

void lrn(Operator& op) {
  setFormat(op);
  op.node.attributes.set("depth_radius", op.fields.integer("window_size", 5))
      .set("alpha", op.fields.number("alpha", 1))
      .set("beta", op.fields.number("beta", 0.5))
      .set("bias", op.fields.number("k", 1));
}

constexpr Row kRows[] = {
    {"Activation", "", activation, "relu, relu6, sigmoid, tanh, elu, selu, softsign, softplus, leakyrelu"},
    {"ArgMax", "ArgMax", axisOperand},
    {"ArgMin", "ArgMin", axisOperand},
    {"BatchNorm", "FusedBatchNorm", batchNorm},
    {"Binary", "", binary, "add, sub, mul, div, min, max, pow"},
    {"Concat", "ConcatV2", axisOperand},
    {"Conv", "Conv2D", conv, "groups: one per channel"},
    {"ConvTranspose", "Conv2DBackpropInput", convTranspose},
    {"ExpandDims", "ExpandDims", axisOperand},
    {"Flatten", "Flatten", nullptr},
    {"FullyConnected", "MatMul", fullyConnectedOperator},
    {"Gather", "Gather", nullptr},
    {"GatherV2", "GatherV2", axisOperand},
    {"Identity", "Identity", nullptr},
    {"LRN", "LRN", lrn, "window_size is the radius, as the converter writes it"},
    {"Pad", "Pad", nullptr},
    {"Pool", "", pool, "max, avg"},
    {"Reduce", "", reduce, "sum, prod, max, min, mean; keepdims is obeyed"},
    {"Reshape", "Reshape", nullptr},
    {"Shape", "Shape", nullptr, "computed at import"},
    {"Softmax", "Softmax", softmaxOperator, "along the last axis"},
    {"Squeeze", "Squeeze", squeeze},
    {"Stack", "Pack", copyAxis},
    {"StridedSlice", "StridedSlice", stridedSlice},
    {"Transpose", "Transpose", transpose},
    {"Unary", "", unaryOperator},
};

}  // namespace

const std::vector<Row>& rows() {
  static const std::vector<Row> all(std::begin(kRows), std::end(kRows));
  return all;
}

const Row* findRow(std::string_view name) {
  for (const Row& row : kRows)
    if (row.name == name) return &row;
  return nullptr;
}

}  // namespace tessera::uff
