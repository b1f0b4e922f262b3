/// \file
/// Members of a concatenation in channel blocks: which lanes of which blocks make up a block of the result,
/// and the OpenCL text that puts them together.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tessera {

/// Lanes [to, to + count) of a block of the result are lanes [from, from + count) of block `block` of member
/// `member`.
struct LaneRun {
  int member = 0;
  std::int64_t block = 0;
  int from = 0, to = 0, count = 0;
};

/// The runs of every block of the result, in order of lanes; `channels`: of each member.
std::vector<std::vector<LaneRun>> laneRuns(const std::vector<std::int64_t>& channels, int block);

/// Consecutive blocks [begin, end) of the result and the members that they are made of, in order.
struct LaneGroup {
  std::int64_t begin = 0, end = 0;
  std::vector<int> members;
};

/// All blocks in groups of at most `mostBlocks` blocks of `mostMembers` members; a single block may have more
/// members.
std::vector<LaneGroup> laneGroups(const std::vector<std::vector<LaneRun>>& runs, int mostBlocks,
                                  int mostMembers);

/// Statements for a group: "const VECTOR v<i>_<k> = LOAD(x<i>, k);" for block k of the group's i-th member,
/// each once and where it is first needed, and "STORE(k, <vector>);" for block k of the result. Lanes of no
/// member are zero.
std::string laneStatements(const std::vector<std::vector<LaneRun>>& runs, const LaneGroup& group, int block);

}  // namespace tessera
