/// \file
/// What tuning writes down: one text line a record, of one kind each.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lower/recipe.hpp"
#include "tessera/tuning.hpp"
#include "tune/records/precision_choice.hpp"

namespace tessera {

/// What was found for one family on one problem.
struct TacticRecord {
  std::string family;        ///< FamilyId::text(): name and revision
  std::uint64_t source = 0;  ///< hash of the family's programs: an edited kernel makes its records stale
  std::string problem;       ///< OpView::text() of the canonical problem
  std::string device;        ///< DeviceCaps::fingerprint()
  std::string tactic;        ///< Tactic::text()
  double milliseconds = 0;   ///< median device time; 0 for bad ones
  bool bad = false;          ///< gave wrong results, crashed or hung: never to be tried again
  std::string reason;        ///< why it is bad
  bool operator==(const TacticRecord&) const = default;
};

/// What was found out about a subject, a problem or a network. Of several notes of a kind on a subject the
/// last counts.
struct Note {
  std::string kind;          ///< of the structures below
  std::string subject;       ///< OpView::text() of a problem, or networkKey()
  std::uint64_t source = 0;  ///< hash of the programs that it is about
  std::string device;        ///< DeviceCaps::fingerprint()
  std::string text;          ///< as the kind's structure reads and writes it
  bool operator==(const Note&) const = default;
};

using Record = std::variant<TacticRecord, Note>;

/// One line, without its end: format, checksum, kind, fields; separated by tabs.
std::string lineOf(const Record& record);
/// Empty where the line is damaged, of another format, or not a record.
std::optional<Record> parseRecord(std::string_view line);
/// Whether a line is a record of an earlier version's format.
bool isOlderFormat(std::string_view line);
const std::string& deviceOf(const Record& record);
/// Names a record by all but what it found.
std::string nameOf(const Record& record);

/// That a problem was searched, or every problem of a network.
struct SearchNote {
  static constexpr const char* kKind = "search";
  TuneMode mode = TuneMode::Fast;
  double budget =
      0;  ///< seconds: a problem's search was cut off by it (0: ended by itself); a network's had it
  bool found = false;  ///< some kernel was measured, and is right
  std::vector<std::string>
      relies;  ///< a network's: nameOf() every record that listing its problems would ask for
  std::string text() const;
  static std::optional<SearchNote> parse(std::string_view text);
  bool operator==(const SearchNote&) const = default;
};

/// How a network runs fastest.
struct RecipeNote {
  static constexpr const char* kKind = "recipe";
  TuneMode mode = TuneMode::Fast;  ///< that let its variants race
  double milliseconds = 0;         ///< of a run
  std::uint64_t sources = 0;       ///< hash of the programs of its kernels
  Recipe recipe;
  std::string text() const;
  static std::optional<RecipeNote> parse(std::string_view text);
  bool operator==(const RecipeNote&) const = default;
};

/// Which layers of a network in INT8 stay in floats.
struct PrecisionNote {
  static constexpr const char* kKind = "precision";
  PrecisionDecision decision;
  std::string text() const { return decision.name + " " + decision.text(); }
  static std::optional<PrecisionNote> parse(std::string_view text);
  bool operator==(const PrecisionNote&) const = default;
};

}  // namespace tessera
