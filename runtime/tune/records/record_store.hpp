/// \file
/// Tuning records on disk: one text line a record, one file a device, safe for several processes at once.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tessera/device.hpp"
#include "tune/records/record.hpp"

namespace tessera {

/// How far a look-up had to reach.
enum class RecordMatch { Exact, OtherDriver };

/// The records of one device. Reads its file once; appends under a file lock, so processes may share a
/// folder. A folder or file that can not be read or written, stays locked, is a link, or belongs to another
/// user is reported once and worked around: records then live in memory only.
class RecordStore {
 public:
  /// `folder` empty: memory only. `patience`: how long to wait for whoever has the file locked, once;
  /// compaction and an append take far less.
  RecordStore(std::filesystem::path folder, const DeviceCaps& device,
              std::chrono::milliseconds patience = std::chrono::seconds(5));

  /// The fastest good record of the problem by any of `families` (name/revision, with its source hash), or
  /// none.
  struct Hit {
    TacticRecord record;
    RecordMatch match = RecordMatch::Exact;
  };
  /// Of those that `accepts` takes, where it is given.
  std::optional<Hit> best(const std::string& problem, const std::string& family, std::uint64_t source,
                          const std::function<bool(const TacticRecord&)>& accepts = {}) const;
  /// Its good records of this device and driver.
  std::vector<const TacticRecord*> good(const std::string& problem, const std::string& family,
                                        std::uint64_t source) const;
  /// Tactics of the family on the problem that must not be tried again.
  std::vector<std::string> bad(const std::string& problem, const std::string& family,
                               std::uint64_t source) const;

  /// The last note of the kind, of this driver where there is one.
  template <class T>
  struct Noted {
    T note;
    RecordMatch match = RecordMatch::Exact;
  };
  template <class T>
  std::optional<Noted<T>> note(const std::string& subject, std::uint64_t source) const {
    const Note* found = lastNote(T::kKind, subject, source);
    if (!found) return std::nullopt;
    auto parsed = T::parse(found->text);
    if (!parsed) {
      sayUnread(*found);
      return std::nullopt;
    }
    return Noted<T>{*std::move(parsed), matchOf(found->device)};
  }

  /// Of a tactic: its time replaces the one that it had; a bad tactic stays bad.
  void add(const Record& record);
  template <class T>
  void add(const std::string& subject, std::uint64_t source, const T& note) {
    add(Note{T::kKind, subject, source, fingerprint_, note.text()});
  }

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

  std::size_t size() const { return tactics_.size() + notes_.size(); }
  /// Whether what was added so far is in the file.
  bool kept() const { return !file_.empty() && !complained_; }
  const std::vector<TacticRecord>& tactics() const { return tactics_; }  ///< the latest of each
  const std::vector<Note>& notes() const { return notes_; }              ///< the latest of each
  std::string text() const;                                              ///< all records, one a line
  const std::filesystem::path& file() const { return file_; }
  /// Rewrites the file with the best record per key and every bad one (temp + rename, under the lock).
  void compact();

 private:
  void load();
  /// Whether it is new; `replaces`: also where a good record of its tactic, or a note, is there.
  bool index(const Record& record, bool replaces);
  bool index(const TacticRecord& record, bool replaces);
  bool index(const Note& note, bool replaces);
  void append(const Record& record);
  const Note* lastNote(const std::string& kind, const std::string& subject, std::uint64_t source) const;
  RecordMatch matchOf(const std::string& device) const;
  void clear();
  void complain(const char* what, const std::string& why);
  void sayUnread(const Note& note) const;  ///< once a note
  Merged take(std::string_view text, bool write);

  std::filesystem::path file_;
  std::string fingerprint_;
  std::vector<TacticRecord> tactics_;
  std::vector<Note> notes_;
  std::unordered_map<std::string, std::vector<std::size_t>>
      byProblem_;  ///< tactics, by family, source and problem
  std::unordered_map<std::string, std::vector<std::size_t>>
      bySubject_;  ///< notes, by kind, source and subject
  std::chrono::milliseconds patience_;
  bool complained_ = false;
  mutable std::set<std::string> unread_;
};

/// `$TESSERA_CACHE_DIR`, else `$XDG_CACHE_HOME/tessera`, else `~/.cache/tessera`; empty where none is set.
std::filesystem::path defaultCacheFolder();

/// Fingerprint without the driver's version: what stays when a driver is updated.
std::string fingerprintWithoutDriver(std::string_view fingerprint);

}  // namespace tessera
