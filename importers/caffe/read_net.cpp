// Prototxt: text format, upgrade of V1 layers, phase rules.
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>
#include <spdlog/logger.h>

#include <algorithm>
#include <limits>
#include <set>

#include "base/read_file.hpp"
#include "importers/caffe/plugin.hpp"
#include "importers/caffe/read.hpp"
#include "importers/common/text_format.hpp"
#include "tessera/error.hpp"
#include "tessera/log.hpp"

namespace tessera::caffe {
namespace {

using google::protobuf::FieldDescriptor;

/// Keeps the first syntax error and the names of unknown fields. Fields that only matter to training are not
/// worth a warning.
class Messages final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    if (error.empty()) error = std::to_string(line + 1) + ":" + std::to_string(column + 1) + ": " + message;
  }
  void AddWarning(int line, google::protobuf::io::ColumnNumber, const std::string& message) override {
    static const std::set<std::string> kTraining = {"lr_mult",
                                                    "decay_mult",
                                                    "share_mode",
                                                    "blobs_lr",
                                                    "weight_decay",
                                                    "blob_share_mode",
                                                    "weight_filler",
                                                    "bias_filler",
                                                    "filler",
                                                    "scale_filler",
                                                    "shift_filler",
                                                    "slope_filler",
                                                    "engine",
                                                    "loss_weight",
                                                    "loss_param",
                                                    "backend",
                                                    "rand_skip",
                                                    "prefetch",
                                                    "shuffle",
                                                    "root_folder",
                                                    "fg_threshold",
                                                    "bg_threshold",
                                                    "fg_fraction",
                                                    "context_pad",
                                                    "crop_mode",
                                                    "save_output_param",
                                                    "resize_mode",
                                                    "interp_mode",
                                                    "prob",
                                                    "distort_param",
                                                    "expand_param",
                                                    "emit_constraint",
                                                    "propagate_down",
                                                    "phase",
                                                    "data_filler",
                                                    "debug_info",
                                                    "force_backward",
                                                    "hdf5_data_param",
                                                    "dropout_param",
                                                    "accuracy_param",
                                                    "moving_average_fraction",
                                                    "python_param",
                                                    "dropout_ratio",
                                                    "sigmoid_param",
                                                    "tanh_param",
                                                    "annotated_data_param",
                                                    "force_nd_im2col",
                                                    "hdf5_output_param",
                                                    "stable_prod_grad",
                                                    "infogain_loss_param",
                                                    "hinge_loss_param",
                                                    "contrastive_loss_param"};
    const auto last = message.rfind('"'), first = message.rfind('"', last - 1);
    if (last == std::string::npos || first == std::string::npos) return;
    const std::string field = message.substr(first + 1, last - first - 1);
    if (!kTraining.count(field)) unknown.emplace(field, line + 1);
  }
  std::string error;
  std::map<std::string, int> unknown;  ///< field name, first line
};

const std::map<V1LayerParameter::LayerType, const char*>& v1Types() {
  using V1 = V1LayerParameter;
  static const std::map<V1::LayerType, const char*> names = {
      {V1::ACCURACY, "Accuracy"},
      {V1::BNLL, "BNLL"},
      {V1::CONCAT, "Concat"},
      {V1::CONVOLUTION, "Convolution"},
      {V1::DATA, "Data"},
      {V1::DROPOUT, "Dropout"},
      {V1::EUCLIDEAN_LOSS, "EuclideanLoss"},
      {V1::FLATTEN, "Flatten"},
      {V1::HDF5_DATA, "HDF5Data"},
      {V1::HDF5_OUTPUT, "HDF5Output"},
      {V1::IM2COL, "Im2col"},
      {V1::IMAGE_DATA, "ImageData"},
      {V1::INFOGAIN_LOSS, "InfogainLoss"},
      {V1::INNER_PRODUCT, "InnerProduct"},
      {V1::LRN, "LRN"},
      {V1::MULTINOMIAL_LOGISTIC_LOSS, "MultinomialLogisticLoss"},
      {V1::POOLING, "Pooling"},
      {V1::RELU, "ReLU"},
      {V1::SIGMOID, "Sigmoid"},
      {V1::SOFTMAX, "Softmax"},
      {V1::SOFTMAX_LOSS, "SoftmaxWithLoss"},
      {V1::SPLIT, "Split"},
      {V1::TANH, "TanH"},
      {V1::WINDOW_DATA, "WindowData"},
      {V1::ELTWISE, "Eltwise"},
      {V1::POWER, "Power"},
      {V1::SIGMOID_CROSS_ENTROPY_LOSS, "SigmoidCrossEntropyLoss"},
      {V1::HINGE_LOSS, "HingeLoss"},
      {V1::MEMORY_DATA, "MemoryData"},
      {V1::ARGMAX, "ArgMax"},
      {V1::THRESHOLD, "Threshold"},
      {V1::DUMMY_DATA, "DummyData"},
      {V1::SLICE, "Slice"},
      {V1::MVN, "MVN"},
      {V1::ABSVAL, "AbsVal"},
      {V1::SILENCE, "Silence"},
      {V1::CONTRASTIVE_LOSS, "ContrastiveLoss"},
      {V1::EXP, "Exp"},
      {V1::DECONVOLUTION, "Deconvolution"},
      {V1::CROP, "Crop"},
      {V1::RESHAPE, "Reshape"},
      {V1::PERMUTE, "Permute"},
      {V1::PRELU, "PReLU"},
      {V1::BN, "BN"},
      {V1::UPSAMPLE, "Upsample"},
      {V1::DENSE_IMAGE_DATA, "DenseImageData"}};
  return names;
}

LayerParameter upgrade(const V1LayerParameter& old, const std::string& origin) {
  if (!old.has_type())
    throw Error(ErrorCode::BadModel,
                origin + ": layer '" + old.name() +
                    "' has no type; if the network is in the V0 format, upgrade it with Caffe's "
                    "upgrade_net_proto_text");
  LayerParameter layer;
  layer.set_name(old.name());
  const auto type = v1Types().find(old.type());
  layer.set_type(type == v1Types().end() ? "NONE" : type->second);
  *layer.mutable_bottom() = old.bottom();
  *layer.mutable_top() = old.top();
  *layer.mutable_include() = old.include();
  *layer.mutable_exclude() = old.exclude();
  for (const auto& shared : old.param()) layer.add_param()->set_name(shared);
  std::vector<const FieldDescriptor*> present;
  old.GetReflection()->ListFields(old, &present);
  for (const auto* field : present) {  // the parameter messages are the same ones under the same names
    if (field->type() != FieldDescriptor::TYPE_MESSAGE || field->is_repeated()) continue;
    const auto* target = LayerParameter::descriptor()->FindFieldByName(field->name());
    layer.GetReflection()
        ->MutableMessage(&layer, target)
        ->CopyFrom(old.GetReflection()->GetMessage(old, field));
  }
  return layer;
}

bool has(const google::protobuf::RepeatedPtrField<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool meets(const NetState& state, const NetStateRule& rule) {
  if (rule.has_phase() && rule.phase() != TEST) return false;
  if (rule.has_min_level() && state.level() < rule.min_level()) return false;
  if (rule.has_max_level() && state.level() > rule.max_level()) return false;
  return std::all_of(rule.stage().begin(), rule.stage().end(),
                     [&](const auto& s) { return has(state.stage(), s); }) &&
         std::none_of(rule.not_stage().begin(), rule.not_stage().end(),
                      [&](const auto& s) { return has(state.stage(), s); });
}

bool belongsToTest(const NetState& state, const LayerParameter& layer) {
  const auto met = [&](const NetStateRule& rule) { return meets(state, rule); };
  if (layer.include_size()) return std::any_of(layer.include().begin(), layer.include().end(), met);
  return std::none_of(layer.exclude().begin(), layer.exclude().end(), met);
}

}  // namespace

NetParameter parseNet(const std::string& text, const std::string& origin) {
  if (text.size() > std::size_t{std::numeric_limits<int>::max()})
    throw Error(ErrorCode::BadModel, origin + ":1:1: too large for a prototxt");
  checkNesting(text, origin);
  NetParameter net;
  Messages messages;
  google::protobuf::TextFormat::Parser parser;
  parser.AllowUnknownField(true);
  parser.AllowPartialMessage(true);
  parser.RecordErrorsTo(&messages);
  if (!parser.ParseFromString(text, &net))
    throw Error(ErrorCode::BadModel,
                origin + ":" + (messages.error.empty() ? "1:1: not a prototxt" : messages.error));
  for (const std::string& field : pluginFields()) messages.unknown.erase(field);
  for (const auto& [field, line] : messages.unknown)
    log().warn("{}:{}: field '{}' is unknown and ignored", origin, line, field);

  if (net.layer_size() && net.layers_size())
    throw Error(ErrorCode::BadModel,
                origin + " mixes `layer` and `layers`; a network has either current or V1 layers");
  std::vector<LayerParameter> layers(net.layer().begin(), net.layer().end());
  for (const auto& old : net.layers()) layers.push_back(upgrade(old, origin));
  net.clear_layers();
  net.clear_layer();
  for (auto& layer : layers)
    if (belongsToTest(net.state(), layer)) *net.add_layer() = std::move(layer);
  return net;
}

std::string readNetText(const std::filesystem::path& file) {
  FileContent text = readRegularFile(file, std::uintmax_t{64} << 20);
  if (!text.ok())
    throw Error(ErrorCode::BadModel, "the network file " + file.string() + " can not be opened: " + text.why);
  return std::move(text.bytes);
}

}  // namespace tessera::caffe
