/// \file
/// Tactics that come with Tessera (clkernels/<folder>/defaults.txt): what was fast on devices of a class, for
/// problems of a kind. They serve where a device has no record of its own.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clkernels/family.hpp"

namespace tessera {

/// What a line may ask of a problem, by name: "kernel" -> "3x3", "in" -> "64". Those that the operator does
/// not have are missing.
struct ProblemFeatures {
  std::map<std::string, std::int64_t, std::less<>>
      numbers;  ///< batch, in, out, group, pixels, inBlock, outBlock
  std::map<std::string, std::string, std::less<>> texts;  ///< type, kernel, stride, dilation
};
ProblemFeatures featuresOf(const OpView& problem);

/// One line: `class family operator condition.. -> tactic`.
struct DefaultLine {
  std::string deviceClass, family, op;
  struct Condition {
    std::string feature;
    std::string text;                         ///< of a feature that is text
    std::optional<std::int64_t> least, most;  ///< of a number
    bool holds(const ProblemFeatures& features) const;
  };
  std::vector<Condition> conditions;
  Tactic tactic;

  std::string text() const;
  /// Throws Error(BadCache) that says what is wrong.
  static DefaultLine parse(std::string_view line);
  bool matches(const Problem& problem) const;
};

/// The line without its class and tactic that covers problems like this one: same operator, type, window and
/// blocks, channels and pixels within a factor of four.
DefaultLine coarseClass(const KernelFamily& family, const Problem& problem);

/// The default tactics of one device.
class DefaultTactics {
 public:
  /// Those that were embedded; files in `$TESSERA_KERNEL_DIR` replace those of the same path. Reports lines
  /// that are wrong.
  explicit DefaultTactics(const DeviceCaps& device);
  /// Those of files given as path -> text.
  DefaultTactics(const DeviceCaps& device, const std::map<std::string, std::string>& files);

  /// Members of the family's space that are offered for the problem, the device's narrowest class first, then
  /// in the order of the lines.
  std::vector<Tactic> of(const KernelFamily& family, const Problem& problem) const;
  std::size_t size() const;  ///< lines for this device

 private:
  void load(const std::map<std::string, std::string>& files);

  struct Known {
    DefaultLine line;
    std::string place;  ///< file and line, for complaints
    mutable bool reported = false;
  };
  DeviceCaps device_;
  std::map<std::string, std::vector<Known>, std::less<>> byFamily_;
};

}  // namespace tessera
