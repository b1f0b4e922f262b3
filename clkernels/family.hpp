/// \file
/// Kernel families: how an operator runs on a device. Families are stateless, make no OpenCL call and can be
/// tested without a device. Executor, tuner, tests and benchmarks all launch through plan().
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clkernels/params.hpp"
#include "ops/operator.hpp"
#include "tessera/device.hpp"

namespace tessera {

/// An answer with its reason; every refusal says why.
struct Verdict {
  bool ok = true;
  std::string why;
  static Verdict yes() { return {}; }
  static Verdict no(std::string reason) { return {false, std::move(reason)}; }
  explicit operator bool() const { return ok; }
};

/// Name and revision; a new revision makes older tuning records stale.
struct FamilyId {
  std::string_view name;
  int revision = 1;
  std::string text() const { return std::string(name) + "/" + std::to_string(revision); }
};

/// Canonical identity of the work: what the kernel is specialised on and the tuner searches for.
using Problem = OpView;

/// One kernel argument, in order.
struct KernelArg {
  enum class Kind { Input, Output, Scratch, Packed, Counters, None, Int, Float, Local } kind;
  int index = 0;             ///< of input, output, scratch buffer or packed constant
  std::int64_t integer = 0;  ///< Int: the value (passed as a 32-bit int); Local: bytes
  float number = 0;

  static KernelArg input(int i) { return {Kind::Input, i}; }
  static KernelArg output(int i) { return {Kind::Output, i}; }
  static KernelArg scratch(int i) { return {Kind::Scratch, i}; }
  static KernelArg packed(int i) { return {Kind::Packed, i}; }
  /// Launch::counters ints that are zero; the launch leaves them zero again, so that all launches of a queue
  /// share them.
  static KernelArg counters() { return {Kind::Counters}; }
  /// A null pointer, for a buffer that this launch never touches: drivers look at every buffer of every
  /// launch.
  static KernelArg none() { return {Kind::None}; }
  static KernelArg ofInt(std::int64_t v) { return {Kind::Int, 0, v}; }
  static KernelArg ofFloat(float v) { return {Kind::Float, 0, 0, v}; }
  static KernelArg local(std::size_t bytes) { return {Kind::Local, 0, static_cast<std::int64_t>(bytes)}; }
  bool operator==(const KernelArg&) const = default;
};

using Defines = std::vector<std::pair<std::string, std::string>>;

/// One kernel to enqueue.
struct KernelCall {
  std::string source;    ///< path below clkernels/
  std::string entry;     ///< kernel function
  Defines defines;       ///< -D options, in order: T_ tunables, P_ problem constants, D_ device facts
  std::string prologue;  ///< generated code put before the source (pointwise chains); mostly empty
  std::string options;   ///< further build options; mostly empty
  std::vector<std::size_t> global,
      local;  ///< 1 to 3 extents each; an empty local leaves the choice to the driver
  std::vector<KernelArg> args;
  /// Not empty: no kernel, but the routine `entry` of a library, which enqueues kernels of its own; `args`
  /// are its operands (runtime/launch/library_call.hpp), and there is no source and no range.
  std::string library;
};

/// A constant made on the host when the engine is built, from the operator's constant inputs.
/// `inputs` has one entry per operator input; those that are not constant are null.
struct PackedConstant {
  std::string name;  ///< what it is, for people; packingKey() tells packings apart
  std::function<HostTensor(const std::vector<const HostTensor*>& inputs)> pack;
};

/// All that is needed to run an operator: kernels in order, scratch sizes in bytes, packed constants, and how
/// many counters (see KernelArg::counters).
struct Launch {
  std::vector<KernelCall> calls;
  std::vector<std::size_t> scratch;
  std::vector<PackedConstant> packed;
  std::size_t counters = 0;
};

/// Work of a problem, for the roofline and for choosing untuned. Operations count a multiply-add as two.
struct Cost {
  double operations = 0;
  double bytes = 0;  ///< each operand moved once
  double efficiency =
      0.1;  ///< expected fraction of the device's peak with the fallback tactic: ranks families untuned
};

/// Channel block of each operand; 1 for those that are not blockable.
struct BlockChoice {
  std::vector<int> inputs, outputs;
  static BlockChoice uniform(const OpView& op, int block);
};
/// `op` with its operands' layouts dense and blocked as chosen.
OpView withBlocks(const OpView& op, const BlockChoice& choice);

class KernelFamily {
 public:
  virtual ~KernelFamily() = default;
  virtual FamilyId id() const = 0;
  /// Whether it can run this operator, with these layouts and types, on such a device.
  virtual Verdict applies(const OpView& op, const DeviceCaps& device) const = 0;
  /// Canonical identity: drops what does not change the kernel. The default keeps everything.
  virtual Problem problem(const OpView& op) const { return op; }
  virtual TacticSpace space(const Problem& problem, const DeviceCaps& device) const { return {}; }
  /// Whether it is chosen for this operator only where its time has been measured: the cost model is not
  /// trusted with it.
  virtual bool onlyMeasured(const OpView& op) const { return false; }
  /// Whether it sums in the order of docs/numerics.md where the layer asks for it (ops/ordered.hpp): such
  /// layers are offered to no other family.
  virtual bool ordersSums() const { return false; }
  /// Whether its calls are a library's routines, which compile kernels of their own.
  virtual bool usesLibrary() const { return false; }
  /// Always valid; used untuned.
  virtual Tactic fallback(const Problem& problem, const DeviceCaps& device) const { return {}; }
  virtual Launch plan(const Problem& problem, const Tactic& tactic, const DeviceCaps& device) const = 0;
  virtual Cost cost(const Problem& problem, const DeviceCaps& device) const;
  /// Channel block the family wants its blockable operands in; 0: any that `applies` accepts, 1: planar.
  virtual int channelBlock(const OpView& op, const DeviceCaps& device) const { return 1; }
  /// Layouts in which it runs this operator, preferred first; lowering takes the cheapest that `applies`
  /// accepts and inserts reformats where neighbours disagree. The default follows channelBlock(): every
  /// blockable operand alike.
  virtual std::vector<BlockChoice> blockChoices(const OpView& op, const DeviceCaps& device) const;
  /// Shapes that stress this family's own edges, besides the operators' samples.
  virtual std::vector<OpInstance> samples() const { return {}; }
};

/// Families that can run an operator, most specialised first and the naive one last (order of families.def).
const std::vector<const KernelFamily*>& familiesFor(std::string_view op);
/// Of these, those that may run a layer: where it sums in order, they do.
const std::vector<const KernelFamily*>& familiesFor(const OpView& op);
const std::vector<const KernelFamily*>& allFamilies();
const KernelFamily* findFamily(std::string_view name);

/// All that the content of `plan(problem, tactic, ..).packed[index]` depends on, besides its constant inputs:
/// packings of equal keys, made of the same constants on one device, are equal.
std::string packingKey(const KernelFamily& family, const Problem& problem, const Tactic& tactic,
                       std::size_t index);

/// Collects what the add functions of families.def name: which operators a family serves.
class FamilyList {
 public:
  void add(const KernelFamily& family, std::vector<std::string> ops);
  /// The same with a family of its own, made of `arguments`.
  template <class Family, class... Arguments>
  void add(std::vector<std::string> ops, Arguments... arguments) {
    owned_.push_back(std::make_unique<Family>(arguments...));
    add(*owned_.back(), std::move(ops));
  }
  std::vector<const KernelFamily*> all;
  using ByOp = std::map<std::string, std::vector<const KernelFamily*>, std::less<>>;
  ByOp byOp, inOrder;  ///< all, and those that sum in order

 private:
  std::vector<std::unique_ptr<const KernelFamily>> owned_;
};

}  // namespace tessera
