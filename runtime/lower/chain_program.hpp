/// \file
/// The program of a chain, put together from what its steps became.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "clkernels/text/chain_function.hpp"
#include "lower/chain.hpp"

namespace tessera {

/// What the text of a chain's program is made of.
struct ChainPieces {
  std::vector<ChainFunction> functions;  ///< function i is named chainFunctionName(i)
  std::map<std::size_t, bool> barriers;  ///< items of the groups that wait -> they are the chain's own
  std::set<std::string> localFunctions;  ///< names of those that take local memory
  std::string callers;                   ///< functions that call others with numbers known to the compiler
  std::string body;                      ///< the calls of all phases
  struct Range {
    std::size_t begin = 0, end = 0;
  };
  std::vector<Range> fresh;  ///< of each phase, the bytes of constants that no earlier one read
};

std::string chainFunctionName(int index);
/// Of the function that groups of so many items wait at.
std::string chainBarrierName(std::size_t items);

/// What stands before clkernels/chain/chain.cl. `chain` has its items, buffers and phases already.
std::string chainProgram(const ChainPieces& pieces, const Chain& chain, const DeviceCaps& device);

inline constexpr std::size_t kChainWarp = 32;  ///< items that NVIDIA's devices run in step

}  // namespace tessera
