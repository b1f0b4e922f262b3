/// \file
/// Building an engine: a network lowered, compiled and loaded for one device.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tessera/calibration.hpp"
#include "tessera/device.hpp"
#include "tessera/graph.hpp"
#include "tessera/passes.hpp"
#include "tessera/precision.hpp"
#include "tessera/shapes.hpp"
#include "tessera/tuning.hpp"

namespace tessera {

/// Which layers run in INT8. Rules: every one that can, the same on every device. Measured: those for which
/// it pays on this device, as tuning with Fast or Full finds; later builds with any mode but Off take the
/// recorded choice.
enum class PrecisionChoice { Rules, Measured };
std::string_view toString(PrecisionChoice choice);  ///< as parsePrecisionChoice() reads it
PrecisionChoice parsePrecisionChoice(
    std::string_view text);  ///< "rules", "measured"; throws Error(InvalidArgument)

/// How a network is put on a queue. Steps: a launch for each kernel. One: all of them in one launch, in which
/// work-groups wait for each other where kernels depend on each other; Error(Unsupported) with the reason
/// where network or device can not. Measured: one where tuning with Fast or Full found it to be faster, or
/// earlier tuning did.
enum class Launches { Measured, Steps, One };
std::string_view toString(Launches launches);   ///< as parseLaunches() reads it
Launches parseLaunches(std::string_view text);  ///< "measured", "steps", "one"; throws Error(InvalidArgument)

class Engine;

/// How to build an engine.
struct EngineOptions {
  Precision precision = Precision::Fp32;                     ///< see there
  PassOptions passes;                                        ///< that the graph goes through
  std::optional<Calibration> calibration;                    ///< needed for Int8
  PrecisionOptions layerPrecision;                           ///< exceptions from Fp16 and Int8
  PrecisionChoice precisionChoice = PrecisionChoice::Rules;  ///< of Int8
  /// Outputs are the same bits on every device, tuned or not, in any precision: layers in floats sum in the
  /// one order of docs/numerics.md, by plain kernels, which are slow where such layers are heavy. Building
  /// throws Error(Unsupported) that lists the layers with functions of the device's library (Sin, Pow, ..).
  bool deterministic = false;
  Launches launches = Launches::Measured;  ///< see there
  TuneOptions tuning;                      ///< records are used, nothing is searched for unless asked
  /// How images become the input and what the outputs are, for whoever runs the network (the programs: JSON
  /// as in docs/programs.md); goes into plans as it is.
  std::string description;
  ShapeProfile shapes;  ///< that Context::setShape() may set; needs a GraphSource
  /// Bytes that the engine and one context may take, with weights, activations, bindings and workspace;
  /// building throws Error(OutOfMemory) that lists them where they are more. 0: as the device has.
  std::size_t memoryBudget = 0;
  bool optimized = false;  ///< the graph went through optimize() already; a calibration's hash is not checked
  std::shared_ptr<const Engine>
      sharePrograms;  ///< an engine on the same device: kernels that it has compiled are not compiled again
                      ///< (nor, untuned, chosen again where the networks differ in numbers alone), and equal
                      ///< weights lie on the device once
};

/// An input or output of the network, as the host sees it: planar, dense.
struct Binding {
  std::string name;                ///< of the graph's tensor
  DataType type = DataType::None;  ///< as the host sees it: floats in any precision
  Shape shape;                     ///< the most there can be, where the length depends on values
  bool isInput = false;            ///< else an output
  /// Of its buffer.
  std::size_t bytes() const { return static_cast<std::size_t>(elementCount(shape)) * byteSize(type); }
};

/// Bytes an engine takes; activations and workspace once per context.
struct MemoryUse {
  std::size_t weights = 0;      ///< constants on the device, in the layouts the tactics want
  std::size_t activations = 0;  ///< the most that values take at one time, bindings not counted
  std::size_t bindings = 0;     ///< inputs and outputs as the host sees them: floats in any precision
  std::size_t workspace = 0;    ///< the rest of the arena: scratch of steps, gaps; and counters
};

/// How one layer runs.
struct LayerInfo {
  std::string name;       ///< of the layer; "reformat .." for a change of layout
  std::string op;         ///< its operator
  std::string family;     ///< of its kernels
  std::string tactic;     ///< values of its tunables; empty: it has none
  std::string precision;  ///< "fp32", "fp16" or "int8"
  double operations = 0;  ///< a multiply-add counts two
  double bytes = 0;       ///< each operand moved once
};

/// A network ready to run on one device. Immutable; any number of contexts may use it from any threads.
class Engine {
 public:
  /// Optimises and lowers `graph`, compiles its kernels and uploads its weights. Throws Error(Unsupported)
  /// that lists every layer without a kernel, OutOfMemory, DeviceError.
  static std::shared_ptr<const Engine> build(Graph graph, const Device& device,
                                             const EngineOptions& options = {});
  /// As above, of a network whose inputs' shapes may change as `options.shapes` says (docs/shapes.md): this
  /// is the engine of the largest, and makes what others need when Context::setShape() asks for them first.
  /// Throws also Error(InvalidArgument) where the profile is none, and Error(Unsupported) that names the
  /// layer where the network at one shape does not tell how it is at others.
  static std::shared_ptr<const Engine> build(const GraphSource& source, const Device& device,
                                             const EngineOptions& options);
  ~Engine();

  /// Writes a plan: the network in its precision with weights and description, and how it runs on this
  /// device, so that load() need not import, optimise or choose. Engines of equal networks with equal kernels
  /// give equal bytes. Throws Error(InvalidArgument) where the file can not be written; what was there before
  /// then stays.
  void save(const std::filesystem::path& file) const;
  /// Adds how the network runs on this engine's device to a plan of the same network, or replaces it. Throws
  /// Error(BadCache) where the file is no plan of this network.
  void appendTo(const std::filesystem::path& file) const;
  /// The engine that a plan holds. On a device (or driver) that the plan does not know, or whose kernels have
  /// changed, a warning says so and kernels are chosen as for a new network: by records, or by a search where
  /// `tuning` asks for one. Throws Error(BadCache) that names file and reason where it is no plan, of another
  /// format, cut off or damaged, and what build() throws.
  static std::shared_ptr<const Engine> load(const std::filesystem::path& file, const Device& device,
                                            const TuneOptions& tuning = {});

  const std::string& name() const;               ///< of the network
  Precision precision() const;                   ///< that it was built with
  const std::string& description() const;        ///< EngineOptions::description
  const Graph& graph() const;                    ///< what runs: optimised, in its precision
  const std::vector<Binding>& bindings() const;  ///< inputs, then outputs, as the graph lists them
  const Binding& binding(
      std::string_view name) const;              ///< throws Error(InvalidArgument) that lists the names
  const ShapeProfile& shapes() const;            ///< that a context may set; bindings() have the largest
  const Device& device() const;                  ///< that it was built for
  const MemoryUse& memory() const;               ///< see there
  const std::vector<LayerInfo>& layers() const;  ///< one per step, in order
  const std::vector<LayerPrecision>& precisions()
      const;                         ///< Fp16, Int8: one per layer, with the reason; else empty
  std::size_t launches() const;      ///< of a run: 1 where it is in one launch, else one a kernel
  const TuneReport& tuning() const;  ///< where the tactics came from
  /// Whether no search goes on in the background (TuneMode::Background). What it found is what contexts run
  /// from then on, each from its next run.
  bool tuningDone() const;
  void waitForTuning() const;  ///< until tuningDone()
  std::string text() const;    ///< one line a step: layer, family, tactic, operands

  struct Impl;  ///< runtime/exec/engine_impl.hpp
  /// For the library itself.
  const Impl& impl() const { return *impl_; }

 private:
  friend class EngineBuilder;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Whether a file is a plan, by its first bytes; false where it can not be read.
bool isPlan(const std::filesystem::path& file);

}  // namespace tessera
