// Lanes of members that become blocks.
#include "clkernels/concat_lanes/lane_runs.hpp"

#include <algorithm>
#include <set>

namespace tessera {
namespace {

std::string component(const std::string& vector, int lane) {
  return vector + ".s" + "0123456789abcdef"[lane];
}

/// `value` with the lanes of `run` taken from `vector`, names of vectors both. The compiler makes one shuffle
/// of it.
std::string merged(const std::string& value, const LaneRun& run, const std::string& vector, int block) {
  std::string text = "(VECTOR)(";
  for (int l = 0; l < block; ++l) {
    const bool mine = l >= run.to && l < run.to + run.count;
    text += (l ? ", " : "") + (mine ? component(vector, run.from + l - run.to) : component(value, l));
  }
  return text + ")";
}

/// `value` with zeros from lane `used` on.
std::string masked(const std::string& value, int used, int block) {
  std::string text = value + " & (VECTOR)(";
  for (int l = 0; l < block; ++l) text += std::string(l ? ", " : "") + (l < used ? "(P_TYPE)-1" : "0");
  return text + ")";
}

}  // namespace

std::vector<std::vector<LaneRun>> laneRuns(const std::vector<std::int64_t>& channels, int block) {
  std::vector<std::vector<LaneRun>> runs;
  std::int64_t start = 0;
  for (std::size_t member = 0; member < channels.size(); start += channels[member++])
    for (std::int64_t c = 0; c < channels[member];) {
      const std::int64_t to = start + c;
      const int from = static_cast<int>(c % block), lane = static_cast<int>(to % block);
      const auto count = std::min<std::int64_t>(block - std::max(from, lane), channels[member] - c);
      if (static_cast<std::size_t>(to / block) == runs.size()) runs.emplace_back();
      runs.back().push_back({static_cast<int>(member), c / block, from, lane, static_cast<int>(count)});
      c += count;
    }
  return runs;
}

std::vector<LaneGroup> laneGroups(const std::vector<std::vector<LaneRun>>& runs, int mostBlocks,
                                  int mostMembers) {
  std::vector<LaneGroup> groups;
  for (std::int64_t k = 0; k < static_cast<std::int64_t>(runs.size()); ++k) {
    std::set<int> with;
    for (const LaneRun& run : runs[k]) with.insert(run.member);
    if (!groups.empty() && groups.back().end - groups.back().begin < mostBlocks) {
      std::set<int> all = with;
      all.insert(groups.back().members.begin(), groups.back().members.end());
      if (static_cast<int>(all.size()) <= mostMembers) {
        groups.back() = {groups.back().begin, k + 1, {all.begin(), all.end()}};
        continue;
      }
    }
    groups.push_back({k, k + 1, {with.begin(), with.end()}});
  }
  return groups;
}

std::string laneStatements(const std::vector<std::vector<LaneRun>>& runs, const LaneGroup& group, int block) {
  std::string code;
  std::set<std::string> loaded;
  const auto load = [&](const LaneRun& run) {
    const auto slot =
        std::find(group.members.begin(), group.members.end(), run.member) - group.members.begin();
    const std::string x = std::to_string(slot), k = std::to_string(run.block), vector = "v" + x + "_" + k;
    if (loaded.insert(vector).second) code += "const VECTOR " + vector + " = LOAD(x" + x + ", " + k + "); ";
    return vector;
  };
  for (std::int64_t k = group.begin; k < group.end; ++k) {
    std::string value;
    for (const LaneRun& run : runs[k]) {
      const std::string vector = load(run);
      if (value.empty()) value = vector;
      if (value == vector && run.from == run.to) continue;  // its lanes lie right as they are
      const std::string next = "w" + std::to_string(k) + "_" + std::to_string(run.to);
      code += "const VECTOR " + next + " = " + merged(value, run, vector, block) + "; ";
      value = next;
    }
    const int used = runs[k].back().to + runs[k].back().count;
    code += "STORE(" + std::to_string(k) + ", " + (used < block ? masked(value, used, block) : value) + "); ";
  }
  return code;
}

}  // namespace tessera
