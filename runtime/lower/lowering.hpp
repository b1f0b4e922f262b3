/// \file
/// The state of one lowering run: values, storages and steps so far. What to run a layer with is asked of a
/// Choice.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "lower/step.hpp"

namespace tessera {

/// How a family would take a layer's operands as they lie: inputs as they exist (slices included), the output
/// in its slice of a concatenation where it suits.
struct Fit {
  const KernelFamily* family = nullptr;
  OpView view;
  bool intoSlice = false;
  struct Conversion {
    TensorDesc tensor;
    int from = 1, to = 1;  ///< channel blocks
  };
  std::vector<Conversion> conversions;  ///< of inputs that do not exist in the block it wants
  std::vector<TensorDesc> copies;       ///< inputs that are slices and that it wants dense

  /// Whether operands lie in the same blocks, and the output alike in a slice or not.
  bool sameLayouts(const Fit& other) const;
};

class Lowering {
 public:
  /// Decides what a lowering runs each layer with: choosing (lower/recipe_chooser.hpp), or obeying a recipe.
  class Choice {
   public:
    virtual ~Choice() = default;
    /// The graph's inputs are there; nothing is lowered yet.
    virtual void begin(Lowering& lowering) {}
    /// Throws Error(Unsupported) with the reasons where nothing runs the layer.
    virtual Fit fit(Lowering& lowering, const Layer& layer, const OpView& base) = 0;
    /// `name`: as Step::layer.
    virtual Tactic tactic(const std::string& name, bool reformat, const KernelFamily& family,
                          const OpView& view) = 0;
  };
  /// Launches are planned where `launches` is set; without them the steps tell the recipe only.
  Lowering(const Graph& graph, const DeviceCaps& device, Choice& choice, bool launches)
      : graph_(graph), device_(device), choice_(choice), launches_(launches) {}
  Lowered run();

  // For choices.
  const Graph& graph() const { return graph_; }
  const DeviceCaps& device() const { return device_; }
  int layerIndex() const { return layerIndex_; }  ///< of the layer being lowered
  OpView viewOf(const Layer& layer) const;
  /// None, with the reason, where the family refuses.
  std::optional<Fit> fit(const Layer& layer, const OpView& base, const KernelFamily& family,
                         const BlockChoice& blocks, std::string& refusal);
  /// Whether the layer is a concatenation whose inputs may be written in place.
  bool isSharedConcat(int layer) const { return concats_.count(layer) > 0; }
  /// Whether the tensor is an input of one.
  bool inSharedConcat(TensorId tensor) const { return concatOf_.count(tensor) > 0; }
  /// The layout of `tensor` as a slice of its shared concat in channel block `block`; none where that is not
  /// possible.
  std::optional<Layout> sliceLayout(TensorId tensor, int block) const;

 private:
  /// An in_place Concat: one storage that its inputs' producers write into.
  struct SharedConcat {
    int layer = -1;
    int block = 0;  ///< of the shared storage; 0: not decided yet
    int storage = -1;
    std::vector<TensorId> written;  ///< members whose producer wrote into their slice
  };

  // lowering.cpp
  void lowerLayer(const Layer& layer);
  void emit(const Layer& layer, const Fit& fit);
  void addStep(const std::string& name, bool reformat, const KernelFamily& family, const OpView& view,
               std::vector<int> inputs, std::vector<int> outputs,
               std::vector<std::shared_ptr<const HostTensor>> constants);
  void planLaunch(Step& step, const Problem& problem);
  void bindOutputs();
  void dropUnreadConstants();

  // views.cpp: layers that need no kernel
  bool lowerAsView(const Layer& layer);
  bool lowerSharedConcat(const Layer& layer);
  void findSharedConcats();
  int sliceStorage(TensorId tensor, int block);

  // values
  int addStorage(Storage::Kind kind, const std::string& name, std::size_t bytes);
  int addValue(TensorId tensor, TensorDesc desc, int storage);
  int blockOf(TensorId tensor) const;  ///< channel block it was computed in
  /// A value of the tensor in that block; -1 where there is none yet.
  int findValue(TensorId tensor, int block) const;
  /// As findValue, inserting a reformat where needed. Dense where `dense` is set.
  int needValue(TensorId tensor, int block, bool dense = false);
  int constantValue(TensorId tensor);
  void reformat(int from, int to, const std::string& name);

  const Graph& graph_;
  const DeviceCaps& device_;
  Choice& choice_;
  const bool launches_;
  Lowered out_;
  std::map<TensorId, std::vector<int>> valuesOf_;
  std::map<const HostTensor*, int> constantValues_;
  std::map<int, SharedConcat> concats_;  ///< by layer index
  std::map<TensorId, int> concatOf_;     ///< member tensor -> layer index
  int layerIndex_ = 0;
};

}  // namespace tessera
