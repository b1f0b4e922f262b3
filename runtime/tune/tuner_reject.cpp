// A network that is wrong as a whole though its kernels are right alone.
#include <algorithm>

#include "tune/problem.hpp"
#include "tune/tuner.hpp"

namespace tessera {

Lowered Tuner::lowerUntuned(const Graph& graph) {
  const TuneReport before = report_;
  Lowered lowered = lowerAs(graph, kUntuned);
  report_ = before;
  return lowered;
}

Lowered Tuner::reject(const Graph& graph, const Step* step, const std::string& reason) {
  if (step) {
    const Problem problem = step->family->problem(denseView(step->view));
    TuneRecord bad{step->family->id().text(),
                   sourceHash(*step->family, problem),
                   problem.text(),
                   caps_.fingerprint(),
                   step->tactic.text(),
                   0,
                   true,
                   reason};
    std::replace(bad.reason.begin(), bad.reason.end(), '\t', ' ');
    store_.add(bad);
    noteBad(bad);
  }
  const NetworkCheck check = report_.check;
  Lowered lowered = lowerAs(graph, kUntuned);
  recordWinner(graph, {kUntuned, {}, report_}, 1);
  report_.check = check;
  return lowered;
}

}  // namespace tessera
