/// \file
/// Tuning records on disk: one text line a record, one file a device, safe for several processes at once.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "clkernels/family.hpp"

namespace tessera {

/// What tuning found for one family on one problem.
struct TuneRecord {
  std::string family;  ///< FamilyId::text(): name and revision
  std::uint64_t source =
      0;                    ///< hash of the family's kernel sources: an edited kernel makes its records stale
  std::string problem;      ///< OpView::text() of the canonical problem
  std::string device;       ///< DeviceCaps::fingerprint()
  std::string tactic;       ///< Tactic::text()
  double milliseconds = 0;  ///< median device time; 0 for bad ones
  bool bad = false;         ///< gave wrong results, crashed or hung: never to be tried again
  std::string reason;       ///< why it is bad

  /// One line, without its end: format, fields, checksum; separated by tabs.
  std::string line() const;
  /// Empty where the line is damaged, of another format, or not a record.
  static std::optional<TuneRecord> parse(std::string_view line);
  bool operator==(const TuneRecord&) const = default;
};

/// How far a look-up had to reach.
enum class RecordMatch { Exact, OtherDriver };

/// The records of one device. Reads its file once; appends under a file lock, so processes may share a
/// folder. A folder or file that can not be read or written, stays locked, is a link, or belongs to another
/// user is reported once and worked around: records then live in memory only.
class TacticsStore {
 public:
  /// `folder` empty: memory only. `patience`: how long to wait for whoever has the file locked, once;
  /// compaction and an append take far less.
  TacticsStore(std::filesystem::path folder, const DeviceCaps& device,
               std::chrono::milliseconds patience = std::chrono::seconds(5));

  /// The fastest good record of the problem by any of `families` (name/revision, with its source hash), or
  /// none.
  struct Hit {
    TuneRecord record;
    RecordMatch match = RecordMatch::Exact;
  };
  std::optional<Hit> best(const std::string& problem, const std::string& family, std::uint64_t source) const;
  /// Its good records of this device and driver.
  std::vector<const TuneRecord*> good(const std::string& problem, const std::string& family,
                                      std::uint64_t source) const;
  /// Tactics of the family on the problem that must not be tried again.
  std::vector<std::string> bad(const std::string& problem, const std::string& family,
                               std::uint64_t source) const;

  /// Its time replaces the one that the tactic had; a bad tactic stays bad.
  void add(const TuneRecord& record);

  /// What became of the records of another text.
  struct Merged {
    std::size_t taken = 0;    ///< new here
    std::size_t known = 0;    ///< of tactics that this device has records of: its own measurements stay
    std::size_t foreign = 0;  ///< of other devices: left out
    std::size_t all() const { return taken + known + foreign; }
  };
  /// Adds the records of another file or text (an application's own, another machine's).
  Merged merge(std::string_view text);
  /// Looks records of another text up, too, without writing them to the file.
  Merged overlay(std::string_view text);

  std::size_t size() const { return records_.size(); }
  /// Whether what was added so far is in the file.
  bool kept() const { return !file_.empty() && !complained_; }
  const std::vector<TuneRecord>& records() const { return records_; }  ///< the latest of each tactic
  std::string text() const;                                            ///< all records, one a line
  const std::filesystem::path& file() const { return file_; }
  /// Rewrites the file with the best record per key and every bad one (temp + rename, under the lock).
  void compact();

 private:
  void load();
  /// Whether it is new; `replaces`: also where a good record of its tactic is there.
  bool index(const TuneRecord& record, bool replaces);
  void append(const TuneRecord& record);
  void complain(const char* what, const std::string& why);
  Merged take(std::string_view text, bool write);

  std::filesystem::path file_;
  std::string fingerprint_;
  std::vector<TuneRecord> records_;
  std::unordered_map<std::string, std::vector<std::size_t>> byKey_;  ///< family, source and problem
  std::chrono::milliseconds patience_;
  bool complained_ = false;
};

/// `$TESSERA_CACHE_DIR`, else `$XDG_CACHE_HOME/tessera`, else `~/.cache/tessera`; empty where none is set.
std::filesystem::path defaultCacheFolder();

/// Fingerprint without the driver's version: what stays when a driver is updated.
std::string fingerprintWithoutDriver(std::string_view fingerprint);

}  // namespace tessera
