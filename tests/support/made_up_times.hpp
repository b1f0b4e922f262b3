/// \file
/// Tuning without measuring.
#pragma once

#include <string>
#include <vector>

#include "tune/trial/trials.hpp"

namespace tessera::test {

/// Measures nothing: one family is the fastest.
class MadeUpTimes final : public CandidateRunner {
 public:
  explicit MadeUpTimes(std::string fastest) : fastest_(std::move(fastest)) {}
  std::vector<Trial> run(const std::vector<Candidate>& candidates, double, bool) override {
    std::vector<Trial> trials;
    for (const Candidate& c : candidates)
      trials.push_back({Trial::Outcome::Good, c.family->id().name == fastest_ ? 1e-3 : 10, "", true});
    return trials;
  }

 private:
  std::string fastest_;
};

}  // namespace tessera::test
