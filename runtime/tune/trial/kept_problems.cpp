// Bookkeeping of what trials keep.
#include "tune/trial/kept_problems.hpp"

#include <algorithm>
#include <iterator>

#include "tune/problem.hpp"

namespace tessera {
namespace {

constexpr std::size_t kKeptPacking = 4 << 20;

std::size_t hostBytes(const std::vector<HostTensor>& tensors) {
  std::size_t bytes = 0;
  for (const HostTensor& t : tensors) bytes += t.data.size();
  return bytes;
}

}  // namespace

std::vector<bool> givenToPackings(const OpView& view) {
  std::vector<bool> constants;
  for (const TensorDesc& t : view.inputs) constants.push_back(t.constant);
  return constants;
}

KeptProblems::Problem& KeptProblems::use(const OpView& planar) {
  const std::string key = planar.text();
  const auto known = std::ranges::find(problems_, key, [](const auto& p) { return p.first; });
  if (known != problems_.end()) {
    problems_.splice(problems_.begin(), problems_, known);
  } else {
    problems_.emplace_front(key, Problem{});
    problems_.front().second.planar = planar;
  }
  return problems_.front().second;
}

void KeptProblems::makeValues() {
  Problem& problem = problems_.front().second;
  if (problem.values) return;
  std::size_t bytes = 0;
  for (const TensorDesc& t : problem.planar.inputs) bytes += t.present() ? t.bytes() : 0;
  makeRoom(bytes);
  problem.values = std::make_shared<const std::vector<HostTensor>>(madeUpOperands(problem.planar));
}

std::shared_ptr<OpOperands> KeptProblems::operands(const OpView& view) {
  const auto& [problem, known] = problems_.front();
  const std::string text = view.text();
  const auto kept = std::ranges::find_if(
      layouts_, [&, &key = problem](const Layout& l) { return l.view == text && l.problem == key; });
  if (kept != layouts_.end()) {
    layouts_.splice(layouts_.begin(), layouts_, kept);
    return kept->operands;
  }
  makeValues();
  makeRoom(OpOperands::bytesFor(view));
  layouts_.push_front(
      {problem, text, std::make_shared<OpOperands>(device_, view, known.values, givenToPackings(view))});
  return layouts_.front().operands;
}

void KeptProblems::endBatch() {
  for (Layout& layout : layouts_)
    if (layout.operands->packedBytes() > kKeptPacking) layout.operands->dropPacked();
  makeRoom(0);
}

std::size_t KeptProblems::bytes() const {
  std::size_t bytes = 0;
  for (const Layout& layout : layouts_)
    bytes += OpOperands::bytesFor(layout.operands->view()) + layout.operands->packedBytes();
  for (const auto& [_, problem] : problems_) {
    if (problem.values) bytes += hostBytes(*problem.values);
    if (problem.trusted) bytes += hostBytes(*problem.trusted);
    for (const auto& [text, reference] : problem.references) bytes += hostBytes(reference);
  }
  return bytes;
}

// Operands are made again in milliseconds; with a problem goes what took a naive kernel seconds.
void KeptProblems::makeRoom(std::size_t wanted) {
  for (auto oldest = layouts_.end(); oldest != layouts_.begin() && bytes() + wanted > most_;)
    if (std::prev(oldest)->operands.use_count() == 1)
      oldest = layouts_.erase(std::prev(oldest));
    else
      --oldest;
  while (problems_.size() > 1 && bytes() + wanted > most_) problems_.pop_back();
}

}  // namespace tessera
