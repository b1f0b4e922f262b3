// Sorts the nodes of a network by what they read.
#include <algorithm>

#include "importers/tensorflow/walk.hpp"

namespace tessera::tensorflow {
namespace {

std::map<std::string, std::size_t> makers(const SourceGraph& source) {
  std::map<std::string, std::size_t> made;
  for (const auto& input : source.inputs) made[input.name] = source.nodes.size();
  for (std::size_t i = 0; i < source.nodes.size(); ++i)
    for (const auto& output : source.nodes[i].outputs)
      if (!output.empty() && !made.emplace(output, i).second)
        throw Error(ErrorCode::BadModel, source.file + ": two nodes make the value '" + output + "'.");
  return made;
}

[[noreturn]] void refuseCycle(const SourceGraph& source, const std::vector<std::size_t>& waiting) {
  std::string names;
  std::size_t listed = 0;
  for (std::size_t i = 0; i < source.nodes.size(); ++i)
    if (waiting[i] > 0 && listed++ < 5) names += (names.empty() ? "'" : ", '") + source.nodes[i].name + "'";
  throw Error(ErrorCode::BadModel,
              source.file + ": nodes depend on each other in a cycle; among them or behind it: " + names +
                  (listed > 5 ? ", .." : "") + ".");
}

}  // namespace

std::vector<std::size_t> executionOrder(const SourceGraph& source) {
  const auto made = makers(source);
  std::vector<std::size_t> waiting(source.nodes.size(), 0), order;
  std::vector<std::vector<std::size_t>> readers(source.nodes.size());
  for (std::size_t i = 0; i < source.nodes.size(); ++i)
    for (const auto& input : source.nodes[i].inputs) {
      if (input.empty()) continue;
      const auto maker = made.find(input);
      if (maker == made.end())
        throw Error(ErrorCode::BadModel, source.file + ": nothing makes the value '" + input +
                                             "' that node '" + source.nodes[i].name + "' reads.");
      if (maker->second == source.nodes.size() || source.nodes[maker->second].type == "NextIteration")
        continue;
      readers[maker->second].push_back(i);
      ++waiting[i];
    }
  for (std::size_t i = 0; i < source.nodes.size(); ++i)
    if (waiting[i] == 0) order.push_back(i);
  for (std::size_t next = 0; next < order.size(); ++next)
    for (const std::size_t reader : readers[order[next]])
      if (--waiting[reader] == 0) order.push_back(reader);
  if (order.size() < source.nodes.size()) refuseCycle(source, waiting);
  return order;
}

}  // namespace tessera::tensorflow
