/// \file
/// The state of one lowering run.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "lower/step.hpp"

namespace tessera {

class Lowering {
 public:
  Lowering(const Graph& graph, const DeviceCaps& device, const TacticChooser& chooser,
           const TimeSource& times, LayoutChoice layouts)
      : graph_(graph), device_(device), chooser_(chooser), times_(times), layouts_(layouts) {}
  Lowered run();

 private:
  /// One way to run a layer, for planning layouts; no family: as a view.
  struct Planned {
    const KernelFamily* family = nullptr;
    BlockChoice blocks;
    double estimate = 0;
    std::optional<double> measured;
    double seconds = 0;  ///< the measured time, or the estimate where the layer has none
  };
  /// An in_place Concat: one storage that its inputs' producers write into.
  struct SharedConcat {
    int layer = -1;
    int block = 0;  ///< of the shared storage; 0: not decided yet
    int storage = -1;
    std::vector<TensorId> written;  ///< members whose producer wrote into their slice
  };
  /// How one family could run a layer.
  struct Candidate {
    const KernelFamily* family = nullptr;
    OpView view;
    bool intoSlice = false;
    double around = 0;               ///< seconds of the reformats it would cause
    double estimate = 0;             ///< seconds of its own, by the cost model
    std::optional<double> measured;  ///< and as measured

    double estimated() const { return around + estimate; }
    bool sameLayouts(const Candidate& other) const;
  };

  // lowering.cpp
  void lowerLayer(const Layer& layer);
  OpView viewOf(const Layer& layer) const;
  std::optional<Candidate> bestCandidate(const Layer& layer, const OpView& base, std::string& refusals);
  std::optional<Candidate> tryChoice(const Layer& layer, const OpView& base, const KernelFamily& family,
                                     const BlockChoice& choice, std::string& refusal);
  /// Seconds to bring a tensor from one channel block to another.
  double reformatTime(const TensorDesc& tensor, int from, int to) const;
  void emit(const Layer& layer, const Candidate& candidate);
  void addStep(const std::string& name, const KernelFamily& family, const OpView& view,
               std::vector<int> inputs, std::vector<int> outputs,
               std::vector<std::shared_ptr<const HostTensor>> constants);
  void bindOutputs();

  // layout_plan.cpp
  void planLayouts();
  std::vector<Planned> viewWays(int index, const Layer& layer, const std::set<int>& blocks) const;
  std::vector<Planned> kernelWays(const Layer& layer) const;

  // views.cpp: layers that need no kernel
  bool lowerAsView(const Layer& layer);
  bool lowerSharedConcat(const Layer& layer);
  void findSharedConcats();
  /// The layout of `tensor` as a slice of its shared concat in channel block `block`; none where that is not
  /// possible.
  std::optional<Layout> sliceLayout(TensorId tensor, int block);
  int sliceStorage(TensorId tensor, int block);

  // wishes.cpp: looking one layer ahead
  /// A way to run a layer, dense, and its estimated time.
  struct Way {
    BlockChoice choice;
    double seconds = 0;
  };
  /// The fastest ways and their equals.
  const std::vector<Way>& waysOf(int layer);
  /// Blocks in which `layer` takes `tensor` in one of its fastest ways; none where it does not matter.
  std::optional<std::set<int>> wishesOf(int layer, TensorId tensor);
  /// Reformats that readers of `tensor` would need if it were written in blocks of `block`.
  int reformatsAfter(TensorId tensor, int block, int depth = 0);
  /// Layers that read it: found once for all tensors, where a graph would search all its layers each time.
  const std::vector<int>& readersOf(TensorId tensor);
  std::vector<std::vector<int>> readers_;

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
  const TacticChooser& chooser_;
  const TimeSource& times_;
  const LayoutChoice layouts_;
  Lowered out_;
  std::map<TensorId, std::vector<int>> valuesOf_;
  std::map<const HostTensor*, int> constantValues_;
  std::map<int, SharedConcat> concats_;   ///< by layer index
  std::map<TensorId, int> concatOf_;      ///< member tensor -> layer index
  std::map<int, std::vector<Way>> ways_;  ///< by layer index
  std::map<int, Planned> plan_;           ///< by layer index
  int layerIndex_ = 0;
};

}  // namespace tessera
