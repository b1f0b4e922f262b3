// A network as one kernel: which function each step becomes, and the calls of every phase.
#include "lower/chain.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "lower/chain_program.hpp"

namespace tessera {
namespace {

constexpr std::size_t kSyncWords = 32, kConstantAlign = 256;
// Of a work-group at least. Large ones meet faster, and the compiler leaves each item at most 128 registers;
// but they have no more local memory than small ones, which the tiles of fp32 want.
constexpr std::size_t kLargeItems = 512, kSmallItems = 128;
constexpr std::size_t kMostItems = 512;  // of a work-group
constexpr std::size_t kCacheLine = 16;   // words
// A group that takes units of work takes so many at a time that each group comes so often.
constexpr std::size_t kTakes = 16;
// Buffers of constants that are arguments of their own, of so many bytes at least: what every device takes
// has room for 128 pointers. The others are copied into one.
constexpr std::size_t kOwnBuffers = 96, kOwnBytes = 64 << 10;

std::size_t product(const std::vector<std::size_t>& extents) {
  std::size_t all = 1;
  for (const std::size_t e : extents) all *= e;
  return all;
}

std::string number(std::size_t value) { return std::to_string(value); }

// All that decides what function a call becomes.
std::string callIdentity(const KernelCall& call) {
  std::string text = call.source + "\n" + call.entry + "\n" + call.prologue + "\n";
  for (const auto& [name, value] : call.defines) text += name + "=" + value + "\n";
  for (const auto* extents : {&call.global, &call.local}) {
    for (const std::size_t e : *extents) text += number(e) + ",";
    text += "\n";
  }
  return text;
}

bool sameLocal(const ChainFunction& a, const ChainFunction& b) {
  return a.localBytes == b.localBytes && a.localArgumentBytes == b.localArgumentBytes;
}

struct Placed {
  const KernelCall* call = nullptr;
  const Step* step = nullptr;
  int stepIndex = 0, phase = 0, function = 0;
  int behind = -1;           // StepPhases'
  std::size_t counters = 0;  // first of its words of the sync buffer
};

class Composer {
 public:
  Composer(const Lowered& lowered, const DeviceCaps& device, const ChainContents& contents)
      : lowered_(lowered), device_(device), contents_(contents), meets_(device.nvidia) {}

  Chain compose() {
    place();
    chain_.items = meets_ ? wantedItems() : 1;
    for (const Placed& p : placed_)
      if (waits(p)) chain_.items = std::max(chain_.items, product(p.call->local));
    if (device_.pocl && device_.isCpu() && chain_.items == 1)
      chain_.shares = static_cast<std::size_t>(std::max(device_.computeUnits, 1));
    chain_.takenAt = chain_.syncWords;
    if (meets_) chain_.items = (chain_.items + kChainWarp - 1) / kChainWarp * kChainWarp;
    if (chain_.items > std::min(kMostItems, device_.maxWorkGroup)) refuseItems();
    std::string body;
    for (const Placed& p : placed_) body += callText(p);
    finishProgram(std::move(body));
    return std::move(chain_);
  }

 private:
  std::size_t wantedItems() const {
    const auto narrow = [](const TensorDesc& t) {
      return t.type == DataType::Float16 || t.type == DataType::Int8;
    };
    const bool any = std::ranges::any_of(
        lowered_.steps, [&](const Step& step) { return std::ranges::any_of(step.view.inputs, narrow); });
    return any ? std::min(kLargeItems, device_.maxWorkGroup) : kSmallItems;
  }
  bool waits(const Placed& p) const {
    return pieces_.functions[p.function].barriers || pieces_.functions[p.function].local;
  }

  [[noreturn]] void refuse(const Step& step, const std::string& why) const {
    throw Error(ErrorCode::Unsupported, "step '" + step.layer + "' can not be part of a chain: " + why);
  }
  [[noreturn]] void refuseItems() const {
    const auto it = std::ranges::find_if(placed_, [&](const Placed& p) {
      return waits(p) && product(p.call->local) + kChainWarp > chain_.items;
    });
    refuse(*it->step, "it wants work-groups of " + number(chain_.items) + " items");
  }

  void place() {
    chain_.syncWords = kSyncWords;
    std::map<int, int> functions;  // of steps of one call
    for (std::size_t i = 0; i < lowered_.steps.size(); ++i) {
      const Step& step = lowered_.steps[i];
      for (const KernelCall& call : step.launch.calls) {
        if (call.library.empty() && product(call.global) == 0) continue;
        Placed p{&call, &step, static_cast<int>(i), 0, functionOf(step, call), -1, chain_.syncWords};
        functions[p.stepIndex] = p.function;
        placed_.push_back(p);
      }
      chain_.syncWords += step.launch.counters;
    }
    if (!meets_) return placeInTurn();
    const auto phases = phasesOf(lowered_, [&](int a, int b) {
      return functions.count(a) && functions.count(b) &&
             sameLocal(pieces_.functions[functions[a]], pieces_.functions[functions[b]]);
    });
    for (Placed& p : placed_) {
      const StepPhases& its = phases[static_cast<std::size_t>(p.stepIndex)];
      p.phase = its.calls[static_cast<std::size_t>(p.call - p.step->launch.calls.data())],
      p.behind = its.behind;
    }
    std::ranges::stable_sort(placed_, {}, &Placed::phase);
    chain_.kernels = placed_.size();
  }

  // One call after the other, as launches do: ends of phases cost little there.
  void placeInTurn() {
    for (std::size_t i = 0; i < placed_.size(); ++i) placed_[i].phase = static_cast<int>(i);
    chain_.kernels = placed_.size();
  }

  int functionOf(const Step& step, const KernelCall& call) {
    const auto [it, fresh] =
        byIdentity_.emplace(callIdentity(call), static_cast<int>(pieces_.functions.size()));
    if (fresh) try {
        if (!call.options.empty()) refuse(step, "its kernel has build options of its own");
        if (call.source.starts_with("plugin/")) refuse(step, "its kernel is a plugin's");
        pieces_.functions.push_back(
            chainFunction(call, chainFunctionName(it->second),
                          call.local.empty() ? "" : chainBarrierName(product(call.local)), compilerMacros()));
      } catch (const Error& e) {
        if (e.code() != ErrorCode::Unsupported) throw;
        refuse(step, e.what());
      }
    // Steps of one function that want more of their arguments than the first one make it larger.
    std::size_t& most = pieces_.functions[static_cast<std::size_t>(it->second)].localArgumentBytes;
    most = std::max(most, localArgumentBytes(call));
    return it->second;
  }
  Defines compilerMacros() const {
    return device_.nvidia ? Defines{{"__NV_CL_C_VERSION", "120"}}
                          : Defines{};  // common/operand.cl asks for it
  }

  // How many groups of the call's size run side by side in one of the chain's.
  std::size_t sideBySide(const KernelCall& call) const { return chain_.items / product(call.local); }

  std::string callText(const Placed& p) {
    std::string text;
    if (p.phase != phase_) {
      if (phase_ >= 0) text += endOfPhase();
      text += "CHAIN_AHEAD_" + number(chain_.phases.size()) + " \\\n";
      phase_ = p.phase;
      first_ = waited_ = 0;
      chain_.phases.emplace_back();
      pieces_.fresh.push_back({chain_.constantBytes, chain_.constantBytes});
    }
    chain_.phases.back() += (chain_.phases.back().empty() ? "" : ", ") + p.step->layer;
    const ChainFunction& f = pieces_.functions[p.function];
    const std::size_t next = first_;
    if (p.behind >= 0) first_ = firsts_.at(p.behind);
    firsts_[p.stepIndex] = first_;
    text += f.byItems ? byItems(p) : byGroups(p, f);
    if (p.behind >= 0) first_ = next;
    return text;
  }

  std::string endOfPhase() {
    const std::string phase = number(chain_.phases.size());
    if (!chain_.shares) return "meet(sync, " + phase + ", groups, keeps); \\\n";
    const std::string text = "finishPhase(sync + " + number(chain_.syncWords) + ", own, " + number(units_) +
                             "); own = 0; keepTime(sync, " + phase + ", keeps); \\\n";
    chain_.syncWords += kCacheLine;
    units_ = 0;
    return text;
  }

  std::string byItems(const Placed& p) { return itemsOf(p, product(p.call->global), p.call->global, 1); }

  // Items that wait for nobody, warp by warp over all groups; `each` of them are one group of the kernel's.
  std::string itemsOf(const Placed& p, std::size_t all, const std::vector<std::size_t>& extents,
                      std::size_t each) {
    const std::size_t chunk = std::min(kChainWarp, chain_.items);
    requireRange(p, all);
    const std::string c = number(chunk), e = number(each);
    if (chain_.shares) {
      const std::string word = number(chain_.syncWords);
      chain_.syncWords += chain_.shares * kCacheLine;
      units_ += all;
      return "CHAIN_TAKE(" + word + ", " + number(all) + ", " +
             number(std::max<std::size_t>(all / (chain_.shares * kTakes), 1)) + ", " +
             invocation(p, "t / " + e, "t % " + e, "memory", extents) + ") \\\n";
    }
    std::string text = "for (int t = (item / " + c + " * groups + CHAIN_FIRST(" + number(first_) + ")) * " +
                       c + " + item % " + c + "; t < " + number(all) + "; t += groups * " +
                       number(chain_.items) + ") " +
                       invocation(p, "t / " + e, "t % " + e, "memory", extents) + " \\\n";
    first_ += (all + chunk - 1) / chunk;
    return text;
  }

  std::string byGroups(const Placed& p, const ChainFunction& f) {
    const std::size_t items = product(p.call->local), side = sideBySide(*p.call);
    std::vector<std::size_t> groups;
    for (std::size_t d = 0; d < p.call->global.size(); ++d)
      groups.push_back(p.call->global[d] / p.call->local[d]);
    const std::size_t all = product(groups);
    requireRange(p, all);
    if (f.local) pieces_.localFunctions.insert(chainFunctionName(p.function));
    // One item has nobody to wait for, and its group's local memory for itself.
    if (!waits(p) || chain_.shares) return itemsOf(p, all * items, groups, items);
    if (!meets_ && items != chain_.items)
      refuse(*p.step, "its work-groups of " + number(items) + " items have barriers, others have " +
                          number(chain_.items) + " items");
    if (meets_ && items % kChainWarp != 0)
      refuse(*p.step, "its work-groups of " + number(items) + " items have barriers");
    // As many side by side as local memory holds, which the compiler knows.
    std::string local = "memory", beside = number(side);
    if (f.local) {
      const std::string name = chainFunctionName(p.function);
      beside = name + "_side";
      local += " + item / " + number(items) + " * " + name + "_bytes";
    }
    const bool whole = items == chain_.items;
    pieces_.barriers[items] = whole;
    // Groups of one size side by side use local memory and barriers otherwise than those of another.
    const bool mixes = waited_ && !(waited_ == chain_.items && whole);
    waited_ = items;
    const bool idle = f.local || side * items < chain_.items;
    const std::string guard = idle ? "item < " + beside + " * " + number(items) + " && " : "";
    std::string text = std::string(mixes ? "barrier(CLK_LOCAL_MEM_FENCE); " : "") + "for (int t = item / " +
                       number(items) + " * groups + CHAIN_FIRST(" + number(first_) + "); " + guard + "t < " +
                       number(all) + "; t += groups * " + beside + ") { " +
                       invocation(p, "t", "item % " + number(items), local, groups) + " CHAIN_DONE " +
                       chainBarrierName(items) + "(); } \\\n";
    first_ += all;
    return text;
  }

  void requireRange(const Placed& p, std::size_t all) const {
    if (all > std::size_t{1} << 30) refuse(*p.step, "it has " + number(all) + " items");
  }

  // `t` and `item` name the group (or item) and the place in it.
  std::string invocation(const Placed& p, const std::string& t, const std::string& item,
                         const std::string& local, const std::vector<std::size_t>& extents) {
    const auto extent = [&](std::size_t d) { return number(d < extents.size() ? extents[d] : 1); };
    const bool byItems = pieces_.functions[static_cast<std::size_t>(p.function)].byItems;
    const std::string text = (byItems ? callerOf(p) : chainFunctionName(p.function)) + "(CHAIN_PLACE(" + t +
                             ", " + extent(0) + ", " + extent(1) + "), " + item + ", ";
    std::size_t taken = 0;  // of local memory that arguments want
    std::string arguments;
    for (const KernelArg& arg : p.call->args)
      if (!byItems || !isNumber(arg)) arguments += ", " + argument(p, arg, local, taken);
    return text + local + (taken ? " + " + number(taken) : "") + arguments + ");";
  }

  static bool isNumber(const KernelArg& arg) {
    using Kind = KernelArg::Kind;
    return arg.kind == Kind::Int || arg.kind == Kind::Float || arg.kind == Kind::None;
  }

  // A function that calls p's with its numbers, so that the compiler knows them: loops of few rounds are
  // unrolled and their loads begin together.
  std::string callerOf(const Placed& p) {
    std::string parameters, arguments;
    std::size_t taken = 0, pointers = 0;
    for (const KernelArg& arg : p.call->args) {
      if (isNumber(arg)) {
        arguments += ", " + argument(p, arg, "", taken);
      } else {
        const std::string name = "p" + number(pointers++);
        parameters += ", __global void* " + name, arguments += ", " + name;
      }
    }
    const auto [it, fresh] =
        callers_.emplace(number(static_cast<std::size_t>(p.function)) + arguments, callers_.size());
    const std::string name = "c" + number(it->second);
    if (fresh)
      pieces_.callers +=
          "CHAIN_STEP void " + name +
          "(const int chain0, const int chain1, const int chain2, const int chain3, __local char* "
          "chainLocal" +
          parameters + ") { " + chainFunctionName(p.function) +
          "(chain0, chain1, chain2, chain3, chainLocal" + arguments + "); }\n";
    return name;
  }

  std::string argument(const Placed& p, const KernelArg& arg, const std::string& local, std::size_t& taken) {
    using Kind = KernelArg::Kind;
    const Step& step = *p.step;
    switch (arg.kind) {
      case Kind::Input:
        return pointer(p, step.inputs.at(arg.index));
      case Kind::Output:
        return pointer(p, step.outputs.at(arg.index));
      case Kind::Scratch:
        return storagePointer(step.scratch.at(arg.index));
      case Kind::Packed:
        return constantPointer(contents_(p.stepIndex, arg.index));
      case Kind::Counters:
        return "(__global void*)(sync + " + number(p.counters) + ")";
      case Kind::None:
        return "0";
      case Kind::Int:
        return "(" + std::to_string(arg.integer) + ")";
      case Kind::Float:
        return "as_float(" + std::to_string(std::bit_cast<std::uint32_t>(arg.number)) + "u)";
      case Kind::Local:
        break;
    }
    const std::string text = "(__local void*)(" + local + " + " + number(taken) + ")";
    taken += (static_cast<std::size_t>(arg.integer) + 15) / 16 * 16;
    return text;
  }

  std::string pointer(const Placed& p, int value) {
    if (value < 0) refuse(*p.step, "it wants an operand that is not there");
    return storagePointer(lowered_.values[value].storage);
  }
  std::string storagePointer(int id) {
    const Storage& s = lowered_.storages[id];
    if (s.kind == Storage::Kind::Constant) return constantPointer(contents_(-1, id));
    if (s.kind != Storage::Kind::Arena) return place({ChainBuffer::Kind::Binding, id}, 0);
    if (s.slot >= 0) return place({ChainBuffer::Kind::Slot, s.slot}, 0);
    return place({ChainBuffer::Kind::Arena, 0}, s.arenaOffset);
  }
  std::string constantPointer(const ChainContent& content) {
    const auto it = std::ranges::find(chain_.constants, content.key, &ChainConstant::key);
    if (it != chain_.constants.end()) return place({ChainBuffer::Kind::Constants, 0}, it->offset);
    if (!meets_ && content.bytes >= kOwnBytes && owned(content.key)) {
      ChainBuffer buffer{ChainBuffer::Kind::Constant, 0};
      buffer.key = content.key;
      return place(buffer, 0);
    }
    const std::size_t offset = chain_.constantBytes;
    chain_.constants.push_back({content.key, offset, content.bytes});
    pieces_.fresh.back().end = offset + content.bytes;
    chain_.constantBytes += (content.bytes + kConstantAlign - 1) / kConstantAlign * kConstantAlign;
    return place({ChainBuffer::Kind::Constants, 0}, offset);
  }
  // Whether a buffer of constants is an argument of its own, or may become one.
  bool owned(const void* key) {
    return owned_.count(key) || (owned_.size() < kOwnBuffers && owned_.insert(key).second);
  }
  std::string place(const ChainBuffer& buffer, std::size_t offset) {
    auto it = std::ranges::find(chain_.buffers, buffer);
    if (it == chain_.buffers.end()) it = chain_.buffers.insert(it, buffer);
    return "(__global void*)(b" + std::to_string(it - chain_.buffers.begin()) + " + " + number(offset) +
           "ul)";
  }

  void finishProgram(std::string body) {
    pieces_.body = std::move(body);
    if (chain_.shares) pieces_.body += endOfPhase();
    chain_.timesAt = (chain_.syncWords + 1) / 2 * 2;
    chain_.syncWords = chain_.timesAt + 2 * (chain_.phases.size() + 1);
    KernelCall& call = chain_.call;
    call.source = "chain/chain.cl", call.entry = "chain";
    call.prologue = chainProgram(pieces_, chain_, device_);
    call.defines = {{"P_ITEMS", number(chain_.items)},
                    {"P_SHARES", number(chain_.shares)},
                    {"P_TAKEN", number(chain_.takenAt)},
                    {"P_COUNTERS", number(kSyncWords)},
                    {"D_MEET", meets_ ? "1" : "0"},
                    {"P_TIMES", number(chain_.timesAt)},
                    {"P_PHASES", number(chain_.phases.size())}};
  }

  const Lowered& lowered_;
  const DeviceCaps& device_;
  const ChainContents& contents_;
  const bool meets_;
  Chain chain_;
  std::vector<Placed> placed_;
  ChainPieces pieces_;
  std::map<std::string, int> byIdentity_;
  std::map<std::string, std::size_t> callers_;  // by function and numbers
  int phase_ = -1;
  std::size_t waited_ = 0;  // items of the groups of the phase's last step that has barriers; 0: none has
  std::size_t units_ = 0;   // of the phase, to be taken
  std::set<const void*> owned_;
  std::size_t first_ = 0;              // units of work that the phase has given to groups
  std::map<int, std::size_t> firsts_;  // by step: what it was when the step was placed
};

}  // namespace

Verdict canChain(const DeviceCaps& device) {
  if (device.nvidia && device.nvidiaComputeCapability >= 70) return Verdict::yes();
  if (device.pocl) return Verdict::yes();
  return Verdict::no("work-groups of " + device.name +
                     " are not known to wait for each other: NVIDIA's from compute "
                     "capability 7.0 on do; PoCL's need not");
}

Chain composeChain(const Lowered& lowered, const DeviceCaps& device, const ChainContents& contents) {
  if (const Verdict can = canChain(device); !can) throw Error(ErrorCode::Unsupported, can.why);
  return Composer(lowered, device, contents).compose();
}

}  // namespace tessera
