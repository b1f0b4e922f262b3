// The text of a chain's program.
#include "lower/chain_program.hpp"

#include <algorithm>

namespace tessera {
namespace {

constexpr int kAsyncCopies = 80;            // compute capability from which on NVIDIA's devices have cp.async
constexpr std::size_t kWorthAsking = 4096;  // bytes of constants

std::string barrierText(std::size_t items, bool whole, bool meets) {
  // PoCL's compiler gives up on some barriers in loops; one item has nobody to wait for.
  const std::string how = items == 1 && !meets ? ""
                          : whole || !meets    ? "barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);"
                          : items == kChainWarp
                              ? "asm volatile(\"bar.warp.sync 0xffffffff;\" ::: \"memory\");"
                              : "asm volatile(\"bar.sync %0, " + std::to_string(items) +
                                    ";\" ::\"r\"((int)(1 + get_local_id(0) / " + std::to_string(items) +
                                    ")) : \"memory\");";
  return "static inline void " + chainBarrierName(items) + "(void) { " + how + " }\n";
}

// How many groups of a function fit into a work-group of the chain, by their local memory.
std::string sideText(const std::string& name, const ChainFunction& f, const Chain& chain,
                     const DeviceCaps& device) {
  const std::string most = std::to_string(chain.items / f.items),
                    fits = std::to_string(device.localMemory) + " / " + name + "_bytes";
  return "enum { " + name + "_bytes = " + f.localBytes + " + " + std::to_string(f.localArgumentBytes) +
         " };\nenum { " + name + "_side = " + fits + " < " + most + " ? " + fits + " : " + most + " };\n";
}

// The local memory of the function that wants most.
std::string localText(const std::set<std::string>& names) {
  std::string text = "enum { chainBytes0 = 16 };\n";
  std::size_t i = 0;
  for (const std::string& name : names) {
    const std::string before = "chainBytes" + std::to_string(i++), own = name + "_bytes * " + name + "_side";
    text += "enum { chainBytes" + std::to_string(i) + " = " + own + " > " + before + " ? " + own + " : " +
            before + " };\n";
  }
  return text + "#define chainBytes chainBytes" + std::to_string(i) + "\n";
}

// Constants wait for nobody: each phase asks for those of the next one, so that they are near when it begins.
std::string aheadText(const std::vector<ChainPieces::Range>& fresh, const Chain& chain) {
  const auto it = std::ranges::find(chain.buffers, ChainBuffer{ChainBuffer::Kind::Constants, 0});
  std::string text;
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    text += "#define CHAIN_AHEAD_" + std::to_string(i);
    const ChainPieces::Range next = i + 1 < fresh.size() ? fresh[i + 1] : ChainPieces::Range{};
    if (next.end - next.begin >= kWorthAsking)
      text += " ahead(b" + std::to_string(static_cast<std::size_t>(it - chain.buffers.begin())) + ", " +
              std::to_string(next.begin) + "ul, " + std::to_string(next.end - next.begin) + ");";
    text += "\n";
  }
  return text;
}

}  // namespace

std::string chainFunctionName(int index) { return "s" + std::to_string(index); }
std::string chainBarrierName(std::size_t items) { return "chainBarrier" + std::to_string(items); }

std::string chainProgram(const ChainPieces& pieces, const Chain& chain, const DeviceCaps& device) {
  std::string text =
      "#if D_MEET\n#define CHAIN_STEP static __attribute__((noinline))\n#define CHAIN_ITEM static inline "
      "__attribute__((always_inline))\n#else\n#define CHAIN_STEP static\n#define CHAIN_ITEM static inline\n"
      "#endif\n";
  // What a step copies ahead of what it needs must not arrive in what is the next one's local memory.
  const bool copies = device.nvidia && device.nvidiaComputeCapability >= kAsyncCopies;
  text += std::string("#define CHAIN_DONE ") +
          (copies ? "asm volatile(\"cp.async.wait_all;\" ::: \"memory\");" : "") + "\n";
  for (const auto& [items, whole] : pieces.barriers) text += barrierText(items, whole, device.nvidia);
  for (std::size_t i = 0; i < pieces.functions.size(); ++i) {
    const ChainFunction& f = pieces.functions[i];
    text += "#pragma OPENCL FP_CONTRACT ON\n" + f.text;
    if (f.local) text += sideText(chainFunctionName(static_cast<int>(i)), f, chain, device);
  }
  text += pieces.callers + localText(pieces.localFunctions) + "#define CHAIN_PARAMETERS ";
  for (std::size_t i = 0; i < chain.buffers.size(); ++i)
    text += "__global char* b" + std::to_string(i) + ", ";
  return text + "\n" + aheadText(pieces.fresh, chain) + "#define CHAIN_PHASES " + pieces.body + "\n";
}

}  // namespace tessera
