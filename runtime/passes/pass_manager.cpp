// The list of passes, and running them: groups, repetition, verification.
#include <spdlog/logger.h>

#include <algorithm>

#include "tessera/log.hpp"
#include "tessera/passes.hpp"

namespace tessera {

#define TESSERA_PASS_GROUP()
#define TESSERA_PASS(stem, name, purpose) bool pass_##stem(Graph&);
#include "passes/passes.def"
#undef TESSERA_PASS
#undef TESSERA_PASS_GROUP

namespace {

/// A group that still changes the graph after so many rounds undoes its own work: a defect.
constexpr int kMaxRounds = 200;

const std::vector<std::vector<Pass>>& groups() {
  static const std::vector<std::vector<Pass>> list = [] {
    std::vector<std::vector<Pass>> all;
#define TESSERA_PASS_GROUP() all.emplace_back();
#define TESSERA_PASS(stem, name, purpose) all.back().push_back({name, purpose, &pass_##stem});
#include "passes/passes.def"
#undef TESSERA_PASS
#undef TESSERA_PASS_GROUP
    return all;
  }();
  return list;
}

bool runPass(Graph& graph, const Pass& pass) {
  const std::size_t before = graph.layers().size();
  if (!pass.run(graph)) return false;
  graph.compact();
  try {
    graph.verify();
  } catch (const Error& e) {
    throw Error(ErrorCode::Internal, "after pass " + std::string(pass.name) + ": " + e.what());
  }
  log().debug("pass {}: {} layers became {}", pass.name, before, graph.layers().size());
  return true;
}

}  // namespace

const std::vector<Pass>& allPasses() {
  static const std::vector<Pass> list = [] {
    std::vector<Pass> all;
    for (const auto& group : groups()) all.insert(all.end(), group.begin(), group.end());
    return all;
  }();
  return list;
}

namespace {

void requirePass(const std::string& name) {
  std::string names;
  for (const Pass& pass : allPasses()) {
    if (pass.name == name) return;
    names += (names.empty() ? "" : ", ") + std::string(pass.name);
  }
  throw Error(ErrorCode::InvalidArgument, "there is no pass named '" + name + "'; there are " + names);
}

}  // namespace

void optimize(Graph& graph, const PassOptions& options) {
  for (const auto& name : options.disabled) requirePass(name);
  for (const auto& group : groups()) {
    bool changed = true;
    for (int round = 0; changed; ++round) {
      if (round == kMaxRounds)
        throw Error(ErrorCode::Internal, "the passes from " + std::string(group.front().name) +
                                             " on do not come to rest on graph '" + graph.name + "'");
      changed = false;
      for (const Pass& pass : group)
        if (!options.disabled.count(std::string(pass.name))) changed |= runPass(graph, pass);
    }
  }
}

}  // namespace tessera
