// Caffe networks: blobs by name, in-place layers, layers of training left out, and what becomes an output.
#include <spdlog/logger.h>

#include <algorithm>
#include <map>
#include <set>

#include "importers/caffe/blob_names.hpp"
#include "importers/caffe/data_layers.hpp"
#include "importers/caffe/layers.hpp"
#include "importers/caffe/plugin.hpp"
#include "importers/caffe/read.hpp"
#include "importers/common/input_shapes.hpp"
#include "importers/common/names.hpp"
#include "tessera/importer.hpp"
#include "tessera/log.hpp"

namespace tessera {
namespace caffe {
namespace {

bool contains(const std::set<std::string>& set, const std::string& name) { return set.count(name) != 0; }

constexpr std::size_t kMostExtents = 32;  ///< of a blob, as in Caffe

/// Layers that only measure; what they read stays what it is (an output where nothing else reads it).
bool isMeasure(const std::string& type) {
  return type.ends_with("Loss") || type.ends_with("Accuracy") || type == "HDF5Output" ||
         type == "DetectionEvaluate";
}

class Importer {
 public:
  Importer(NetParameter net, Weights weights, PluginParameters parameters, const std::string& file,
           const ImportOptions& options, const ImportBudget& budget)
      : net_(std::move(net)),
        weights_(std::move(weights)),
        pluginParameters_(std::move(parameters)),
        options_(options),
        build_(file, budget) {}

  Graph run() {
    build_.graph.name = net_.name();
    selectLayers();
    shareWeights();
    planNames();
    declareInputs();
    for (std::size_t i = 0; i < layers_.size(); ++i) importLayer(i);
    reportMissingData();
    checkOptions();
    markOutputs();
    return build_.finish();
  }

 private:
  struct Blob {
    TensorId tensor = kNoTensor;  ///< kNoTensor: comes from a layer that was rejected
    bool read = false;
    std::size_t written = 0;  ///< number of the write: outputs come in this order
  };
  struct Top {
    std::string name;
    bool used = false;  ///< a kept layer reads it
  };

  [[noreturn]] void bad(const std::string& reason) const {
    throw Error(ErrorCode::BadModel, build_.file() + ": " + reason);
  }

  /// Keeps what inference runs. A SoftmaxWithLoss that also gives its probabilities becomes a Softmax.
  void selectLayers() {
    for (const auto& layer : net_.layer()) {
      if (layer.type() == "SoftmaxWithLoss" && layer.top_size() > 1 && layer.bottom_size()) {
        LayerParameter softmax = layer;
        softmax.set_type("Softmax");
        *softmax.mutable_bottom() = {layer.bottom().begin(), layer.bottom().begin() + 1};
        *softmax.mutable_top() = {layer.top().begin() + 1, layer.top().begin() + 2};
        layers_.push_back(std::move(softmax));
      } else if (!isMeasure(layer.type()) && layer.type() != "SoftmaxWithLoss") {
        layers_.push_back(layer);
      }
    }
    if (layers_.empty()) bad("the network has no layers to run in the TEST phase");
  }

  /// Layers whose parameters have names share blobs, and files may hold those of one of them only.
  void shareWeights() {
    std::map<std::string, HostTensor> named;
    for (const auto& layer : layers_) {
      const auto own = weights_.find(layer.name());
      if (own == weights_.end()) continue;
      const int count = std::min<int>(layer.param_size(), static_cast<int>(own->second.size()));
      for (int i = 0; i < count; ++i)
        if (!layer.param(i).name().empty()) named.emplace(layer.param(i).name(), own->second[i]);
    }
    if (named.empty()) return;
    for (const auto& layer : layers_) {
      auto& blobs = weights_[layer.name()];
      for (int i = static_cast<int>(blobs.size()); i < layer.param_size(); ++i) {
        const auto found = named.find(layer.param(i).name());
        if (found == named.end()) break;
        blobs.push_back(found->second);
      }
    }
  }

  /// The last layer that writes a blob names its tensor after it; in-place predecessors get `blob@layer`.
  void planNames() {
    std::set<std::string> taken(net_.input().begin(), net_.input().end());
    for (const auto& layer : layers_)
      if (layer.type() == "Input" || isData(layer.type()))
        taken.insert(layer.top().begin(), layer.top().end());
    std::set<std::string> readLater;
    std::map<std::string, int> copies;  // of each name that is taken
    tops_.resize(layers_.size());
    for (std::size_t i = layers_.size(); i-- > 0;) {
      const auto& layer = layers_[i];
      const bool input = layer.type() == "Input" || isData(layer.type());
      for (const auto& blob : layer.top()) {
        std::string name = blob;
        if (!input && !taken.insert(name).second) {
          const std::string base = name = blob + "@" + layer.name();
          for (int& copy = copies.try_emplace(base, 1).first->second; !taken.insert(name).second;)
            name = base + "#" + std::to_string(++copy);
        }
        tops_[i].push_back({name, contains(readLater, blob)});
      }
      for (const auto& blob : layer.top()) readLater.erase(blob);
      if (layer.type() != "Silence") readLater.insert(layer.bottom().begin(), layer.bottom().end());
    }
  }

  /// `declared`: extents below 1 are open; no extents: the network says nothing about the shape.
  void addInput(const std::string& name, const Shape& declared) {
    if (blobs_.count(name)) bad("the input '" + name + "' is declared twice");
    inputNames_.insert(name);
    DeclaredInput input{name, DataType::Float32, !declared.empty(), {}};
    for (auto extent : declared) input.extents.push_back({extent < 1 ? -1 : extent, {}});
    if (options_.batch != 1 && !declared.empty()) input.extents[0].value = options_.batch;
    ImportOptions wanted;
    wanted.batch = options_.batch;
    wanted.openShape = options_.openShape;
    for (const auto& [key, given] : options_.inputShapes)
      if (key == name || (key == "*" && (declared.empty() || declared.size() == given.size())))
        wanted.inputShapes.emplace(key, given);
    const Shape shape = resolveInputShapes(build_.file(), {input}, wanted).at(name);
    for (auto extent : shape)
      if (extent < 1) bad("the input '" + name + "' has the shape " + toString(shape) + "; give it one");
    const auto frozen = options_.constants.find(name);
    const auto number = options_.constantNumbers.find(name);
    TensorId id;
    if (frozen != options_.constants.end())
      id = build_.constant(name, frozen->second);
    else if (number != options_.constantNumbers.end())
      id = build_.constant(name,
                           frozenNumber(name, number->second, build_.allocate(DataType::Float32, shape)));
    else
      id = build_.graph.addInput(name, DataType::Float32, shape);
    blobs_[name] = {id};
  }

  void declareInputs() {
    if (net_.input_dim_size() && net_.input_dim_size() != 4 * net_.input_size())
      bad("there are " + std::to_string(net_.input_dim_size()) + " values of input_dim for " +
          std::to_string(net_.input_size()) + " inputs; each takes four");
    for (int i = 0; i < net_.input_size(); ++i) {
      Shape shape;
      if (net_.input_dim_size())
        shape.assign(net_.input_dim().begin() + 4 * i, net_.input_dim().begin() + 4 * i + 4);
      else if (i < net_.input_shape_size())
        shape.assign(net_.input_shape(i).dim().begin(), net_.input_shape(i).dim().end());
      addInput(net_.input(i), shape);
    }
  }

  void importInput(const LayerParameter& layer) {
    const auto& shapes = layer.input_param().shape();
    if (shapes.size() > 1 && shapes.size() != layer.top_size())
      bad("layer '" + layer.name() + "' has " + std::to_string(shapes.size()) + " shapes for " +
          std::to_string(layer.top_size()) + " inputs");
    for (int i = 0; i < layer.top_size(); ++i) {
      Shape shape;
      if (!shapes.empty()) {
        const auto& dims = shapes[shapes.size() == 1 ? 0 : i].dim();
        shape.assign(dims.begin(), dims.end());
      }
      addInput(layer.top(i), shape);
    }
  }

  /// A layer that loads data: its tops become inputs where their shape is known, and are missing otherwise,
  /// which only matters where a kept layer reads them.
  void importData(std::size_t index) {
    const auto& layer = layers_[index];
    for (int i = 0; i < layer.top_size(); ++i) {
      const Shape shape = dataShape(layer, i, channelsByWeights(layers_, weights_, layer.top(i)));
      const bool known = !shape.empty() || options_.inputShapes.count(layer.top(i)) ||
                         (i == 0 && options_.inputShapes.count("*"));  // the second top holds labels
      if (known && tops_[index][i].used)
        addInput(layer.top(i), shape);
      else
        missingData_.emplace(layer.top(i), index);
    }
  }

  /// Reads of data whose shape is not known: one error, or part of the list of what is not supported.
  void reportMissingData() {
    std::string all;
    for (const auto& [blob, reader] : missingReads_) {
      const auto& layer = layers_[missingData_.at(blob)];
      const std::string advice = "its shape is not known; give a shape for the input '" + blob +
                                 "', for example --shape " + blob + "=1x3x480x640";
      if (!build_.rejected().empty())
        build_.reject({layer.name(), layer.type(), "Caffe", "", advice});
      else
        all +=
            (all.empty() ? "" : "; ") + ("layer '" + reader + "' reads '" + blob + "' of the data layer '" +
                                         layer.name() + "' (" + layer.type() + "): " + advice);
    }
    if (build_.rejected().empty() && !all.empty()) bad(all);
  }

  Blob& blobNamed(const LayerParameter& layer, const std::string& name) {
    const auto found = blobs_.find(name);
    if (found != blobs_.end()) return found->second;
    if (missingData_.count(name)) {
      missingReads_.emplace_back(name, layer.name());
      return blobs_[name];
    }
    bad("layer '" + layer.name() + "' reads the blob '" + name + "', which no layer before it produces");
  }

  void importLayer(std::size_t index) {
    const auto& layer = layers_[index];
    if (layer.type() == "Input") return importInput(layer);
    if (isData(layer.type()) && !layer.bottom_size()) return importData(index);
    std::vector<TensorId> bottoms;
    bool poisoned = false;
    for (const auto& name : layer.bottom()) {
      Blob& blob = blobNamed(layer, name);
      blob.read = true;
      bottoms.push_back(blob.tensor);
      poisoned |= blob.tensor == kNoTensor;
    }
    if (layer.type() == "Silence") return;
    std::vector<TensorId> results;
    const bool known = findRow(layer.type()) || pluginFor("", layer.type());
    if (!poisoned || !known) results = importKnown(index, bottoms);
    for (int i = 0; i < layer.top_size(); ++i) {
      if (!results.empty() && i >= static_cast<int>(results.size())) continue;  // a mask nothing reads
      auto& blob = blobs_[layer.top(i)];
      blob = {results.empty() ? kNoTensor : results[i], false, ++writes_};
    }
  }

  /// The tops of a layer; nothing where it was rejected.
  std::vector<TensorId> importKnown(std::size_t index, const std::vector<TensorId>& bottoms) {
    const auto& layer = layers_[index];
    const auto reject = [&](const std::string& reason) {
      build_.reject({layer.name(), layer.type(), "Caffe", build_.describe(bottoms), reason});
      return std::vector<TensorId>{};
    };
    const LayerRow* row = findRow(layer.type());
    const auto plugin = row ? nullptr : pluginFor("", layer.type());
    if (!row && !plugin)
      return reject("there is no layer type of this name; a plugin can provide it (docs/plugins.md)");
    const int count = static_cast<int>(bottoms.size());
    if (row && (count < row->minBottoms || count > row->maxBottoms))
      bad("layer '" + layer.name() + "' (" + layer.type() + ") has " + std::to_string(count) + " inputs");
    if (!layer.top_size()) bad("layer '" + layer.name() + "' (" + layer.type() + ") has no output");
    static const std::vector<HostTensor> kNone;
    const auto blobs = weights_.find(layer.name());
    std::vector<std::string> names;
    std::vector<bool> used;
    for (const auto& top : tops_[index]) {
      names.push_back(top.name);
      used.push_back(top.used);
    }
    const LayerContext context(build_, layer, bottoms, blobs == weights_.end() ? kNone : blobs->second, names,
                               used);
    const auto damaged = [&](const std::string& reason) {
      bad("layer '" + layer.name() + "' (" + layer.type() + "): " + reason);
    };
    try {
      const auto results =
          row ? row->import(context)
              : importPlugin(context, *plugin, pluginParameters_[{layer.name(), layer.type()}]);
      for (TensorId id : results)
        if (build_.shape(id).size() > kMostExtents) damaged("it gives a blob of more than 32 extents");
      return results;
    } catch (const Error& e) {
      const std::string what = e.what();
      if (e.code() == ErrorCode::Unsupported) return reject(what);
      if (what.starts_with(build_.file())) throw;
      if (e.code() == ErrorCode::InvalidArgument || e.code() == ErrorCode::BadModel) damaged(what);
      throw;
    } catch (const std::exception& e) {  // numbers that no layer expects: one error, whatever they broke
      damaged(e.what());
      throw;
    }
  }

  void checkOptions() const {
    const auto check = [&](const auto& named) {
      for (const auto& [name, value] : named)
        if (name != "*" && !contains(inputNames_, name))
          throw Error(ErrorCode::InvalidArgument, build_.file() + " has no input '" + name + "'");
    };
    check(options_.inputShapes);
    check(options_.constants);
    check(options_.constantNumbers);
  }

  void markOutputs() {
    std::set<TensorId> computed;
    for (const auto& layer : build_.graph.layers())
      computed.insert(layer.outputs.begin(), layer.outputs.end());
    std::map<std::size_t, TensorId> ends;
    for (const auto& [name, blob] : blobs_)
      if (!blob.read && computed.count(blob.tensor)) ends.emplace(blob.written, blob.tensor);
    for (const auto& [written, tensor] : ends) build_.graph.markOutput(tensor);
    if (build_.graph.outputs().empty() && build_.rejected().empty()) bad("the network computes no output");
  }

  NetParameter net_;
  Weights weights_;
  PluginParameters pluginParameters_;
  const ImportOptions& options_;
  ImportBuilder build_;
  std::vector<LayerParameter> layers_;
  std::vector<std::vector<Top>> tops_;  ///< per layer
  std::map<std::string, Blob> blobs_;   ///< the current tensor of each blob
  std::size_t writes_ = 0;
  std::set<std::string> inputNames_;
  std::map<std::string, std::size_t> missingData_;  ///< blob, index of its data layer
  std::vector<std::pair<std::string, std::string>>
      missingReads_;  ///< such a blob, the first layer that reads it
};

}  // namespace
}  // namespace caffe

Graph importCaffe(const std::filesystem::path& prototxt, const std::filesystem::path& caffemodel,
                  const ImportOptions& options) {
  ImportBudget budget(options);
  budget.addFile(prototxt);
  budget.addFile(caffemodel);
  const std::string text = caffe::readNetText(prototxt);
  caffe::NetParameter net = caffe::parseNet(text, prototxt.string());
  caffe::PluginParameters parameters = caffe::pluginParameters(text, prototxt.string());
  budget.addFileNodes(net.layer_size());
  caffe::Weights weights = caffe::readWeights(caffemodel);
  if (caffe::escapeNames(net, weights)) {
    caffe::PluginParameters escaped;
    for (auto& [layer, attrs] : parameters)
      escaped.emplace(std::pair(escapeBytes(layer.first), layer.second), attrs);
    parameters = std::move(escaped);
    log().warn(
        "{} has names that are not UTF-8; their bytes are written as \\xff, backslashes in names as \\\\",
        prototxt.string());
  }
  return caffe::Importer(std::move(net), std::move(weights), std::move(parameters), prototxt.string(),
                         options, budget)
      .run();
}

}  // namespace tessera
