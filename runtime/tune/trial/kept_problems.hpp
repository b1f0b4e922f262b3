/// \file
/// What trials keep of the problems that a search comes back to: operands, and what is known to be right.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "launch/op_runner.hpp"

namespace tessera {

/// Operands are kept for every layout of a problem, and a network's largest tensors may be written in twenty
/// of them: the bytes that are there are counted, and what was used least recently goes first.
class KeptProblems {
 public:
  /// A problem, and what is known of it.
  struct Problem {
    OpView planar;
    std::set<std::string> verified;
    std::map<std::string, std::vector<HostTensor>> references;
    std::optional<std::vector<HostTensor>> trusted;  ///< results at full size; none yet, or none to be had

   private:
    friend class KeptProblems;
    std::shared_ptr<const std::vector<HostTensor>>
        values;  ///< of the inputs, in every layout; null until used
  };

  /// `most`: bytes, of the host's and the device's memory, that are kept.
  KeptProblems(Device device, std::size_t most) : device_(std::move(device)), most_(most) {}

  /// The problem from now on; valid until another one is used.
  Problem& use(const OpView& planar);
  /// Of the problem in use, in a layout of it. What trials hold is not dropped, and counts.
  std::shared_ptr<OpOperands> operands(const OpView& view);
  /// After trials: drops packed constants where they are large, for every tactic packs in its own way; and
  /// what is too much.
  void endBatch();
  std::size_t bytes() const;

 private:
  void makeValues();
  struct Layout {
    std::string problem, view;
    std::shared_ptr<OpOperands> operands;
  };
  void makeRoom(std::size_t wanted);

  Device device_;
  std::size_t most_;
  std::list<std::pair<std::string, Problem>> problems_;  ///< the one in use first
  std::list<Layout> layouts_;                            ///< the one used last first
};

/// Which inputs packings get.
std::vector<bool> givenToPackings(const OpView& view);

}  // namespace tessera
