// Tuning records on disk.
#include "tune/records/record_store.hpp"

#include <fcntl.h>
#include <spdlog/logger.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "base/hex.hpp"
#include "base/read_file.hpp"
#include "base/write_file.hpp"
#include "tessera/log.hpp"
#include "tune/records/lines.hpp"

namespace tessera {
namespace fs = std::filesystem;
namespace {

// Of a family on a problem, or of a kind of notes on a subject.
std::string keyOf(const std::string& subject, const std::string& kind, std::uint64_t source) {
  return kind + "\t" + hexText(source) + "\t" + subject;
}

// An open file with an exclusive lock, released at the end of its life. Whoever holds the lock may have
// stopped for good, so it is waited for until a moment only.
class LockedFile {
 public:
  using Clock = std::chrono::steady_clock;

  // While the lock was waited for, compaction may have put another file in place: then it is opened anew.
  LockedFile(const fs::path& file, int flags, Clock::duration patience) {
    const auto end = Clock::now() + patience;
    for (int attempt = 0; attempt < 100 && open(file, flags) && lock(end); ++attempt) {
      struct stat mine {
      }, named{};
      if (::fstat(descriptor_, &mine) == 0 && ::lstat(file.c_str(), &named) == 0 &&
          mine.st_ino == named.st_ino && mine.st_dev == named.st_dev)
        return;
      close();
    }
    close();
  }
  ~LockedFile() { close(); }
  LockedFile(const LockedFile&) = delete;
  LockedFile& operator=(const LockedFile&) = delete;
  explicit operator bool() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  const std::string& why() const { return why_; }  ///< there is none

 private:
  bool open(const fs::path& file, int flags) {
    descriptor_ = ::open(file.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    if (descriptor_ < 0) {
      why_ = errno == ELOOP ? "it is a link" : std::strerror(errno);
      return false;
    }
    struct stat status {};
    why_ = ::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode) ? "it is no file"
                                                                          : whyForeign(descriptor_);
    return why_.empty();
  }
  bool lock(Clock::time_point end) {
    while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK && errno != EINTR) {
        why_ = std::strerror(errno);
        return false;
      }
      if (Clock::now() >= end) {
        why_ = "another process has had it locked for seconds";
        return false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  void close() {
    if (descriptor_ >= 0) ::close(descriptor_);
    descriptor_ = -1;
  }

  int descriptor_ = -1;
  std::string why_;
};

std::string fileName(const DeviceCaps& device) {
  std::string name;
  for (const char c : device.name) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name.substr(0, 60) + "-" + hexText(textHash(fingerprintWithoutDriver(device.fingerprint()))) +
         ".tactics";
}

}  // namespace

fs::path defaultCacheFolder() {
  if (const char* own = std::getenv("TESSERA_CACHE_DIR")) return own;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg) return fs::path(xdg) / "tessera";
  if (const char* home = std::getenv("HOME"); home && *home) return fs::path(home) / ".cache" / "tessera";
  return {};
}

std::string fingerprintWithoutDriver(std::string_view fingerprint) {
  // platform|name|driver|cu..|wg..|lm..
  std::string out;
  int field = 0;
  for (const char c : fingerprint) {
    if (c == '|') ++field;
    if (field != 2 || c == '|') out += c;
  }
  return out;
}

RecordStore::RecordStore(fs::path folder, const DeviceCaps& device, std::chrono::milliseconds patience)
    : fingerprint_(device.fingerprint()), patience_(patience) {
  folder = trustedFolder(folder);
  if (folder.empty()) return;
  file_ = folder / fileName(device);
  createPrivateFolders(folder);
  load();
}

void RecordStore::load() {
  const FileContent content = readCacheFile(file_, kTextFileLimit);
  if (!content.ok()) {
    if (!content.missing) complain("can not be read", content.why);
    return;
  }
  std::size_t damaged = 0, older = 0;
  for (std::string_view rest = content.bytes; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    if (auto record = parseRecord(line))
      index(*record, true);
    else
      ++(isOlderFormat(line) ? older : damaged);
  }
  if (older)
    log().warn("{}: {} records of an earlier version's format are not used; tuning makes new ones",
               file_.string(), older);
  if (damaged) log().warn("{}: {} damaged or foreign lines are ignored", file_.string(), damaged);
}

bool RecordStore::index(const Record& record, bool replaces) {
  return std::visit([&](const auto& r) { return index(r, replaces); }, record);
}

// One record a tactic: the latest time, since a lucky one would last for ever; but bad for good.
bool RecordStore::index(const TacticRecord& record, bool replaces) {
  auto& same = byProblem_[keyOf(record.problem, record.family, record.source)];
  for (const std::size_t i : same) {
    TacticRecord& known = tactics_[i];
    if (known.tactic != record.tactic || known.device != record.device) continue;
    if (known.bad || !(record.bad || replaces)) return false;
    known = record;
    return true;
  }
  same.push_back(tactics_.size());
  tactics_.push_back(record);
  return true;
}

bool RecordStore::index(const Note& note, bool replaces) {
  auto& same = bySubject_[keyOf(note.subject, note.kind, note.source)];
  for (const std::size_t i : same) {
    if (notes_[i].device != note.device) continue;
    if (replaces) notes_[i] = note;
    return replaces;
  }
  same.push_back(notes_.size());
  notes_.push_back(note);
  return true;
}

RecordMatch RecordStore::matchOf(const std::string& device) const {
  return device == fingerprint_ ? RecordMatch::Exact : RecordMatch::OtherDriver;
}

const Note* RecordStore::lastNote(const std::string& kind, const std::string& subject,
                                  std::uint64_t source) const {
  const auto same = bySubject_.find(keyOf(subject, kind, source));
  if (same == bySubject_.end()) return nullptr;
  const Note* found = nullptr;
  for (const std::size_t i : same->second) {
    if (notes_[i].device == fingerprint_) return &notes_[i];
    if (fingerprintWithoutDriver(notes_[i].device) == fingerprintWithoutDriver(fingerprint_))
      found = &notes_[i];
  }
  return found;
}

void RecordStore::clear() {
  tactics_.clear(), notes_.clear();
  byProblem_.clear(), bySubject_.clear();
}

std::optional<RecordStore::Hit> RecordStore::best(
    const std::string& problem, const std::string& family, std::uint64_t source,
    const std::function<bool(const TacticRecord&)>& accepts) const {
  std::optional<Hit> found;
  const auto same = byProblem_.find(keyOf(problem, family, source));
  if (same == byProblem_.end()) return found;
  for (const std::size_t i : same->second) {
    const TacticRecord& r = tactics_[i];
    if (r.bad) continue;
    if (fingerprintWithoutDriver(r.device) != fingerprintWithoutDriver(fingerprint_)) continue;
    const RecordMatch match = matchOf(r.device);
    const bool better = !found || (match == RecordMatch::Exact && found->match != RecordMatch::Exact) ||
                        (match == found->match && r.milliseconds < found->record.milliseconds);
    if (better && (!accepts || accepts(r))) found = Hit{r, match};
  }
  return found;
}

std::vector<const TacticRecord*> RecordStore::good(const std::string& problem, const std::string& family,
                                                   std::uint64_t source) const {
  std::vector<const TacticRecord*> found;
  if (const auto same = byProblem_.find(keyOf(problem, family, source)); same != byProblem_.end())
    for (const std::size_t i : same->second)
      if (const TacticRecord& r = tactics_[i]; !r.bad && r.milliseconds > 0 && r.device == fingerprint_)
        found.push_back(&r);
  return found;
}

std::vector<std::string> RecordStore::bad(const std::string& problem, const std::string& family,
                                          std::uint64_t source) const {
  std::vector<std::string> tactics;
  if (const auto same = byProblem_.find(keyOf(problem, family, source)); same != byProblem_.end())
    for (const std::size_t i : same->second)
      if (tactics_[i].bad && tactics_[i].device == fingerprint_) tactics.push_back(tactics_[i].tactic);
  return tactics;
}

void RecordStore::add(const Record& record) {
  index(record, true);
  append(record);
}

void RecordStore::complain(const char* what, const std::string& why) {
  if (!complained_)
    log().warn("the tuning records in {} {} ({}); those of this run last for this run only", file_.string(),
               what, why);
  complained_ = true;
  patience_ = {};  // once is enough to wait for somebody who does not end
}

void RecordStore::sayUnread(const Note& note) const {
  if (!unread_.insert(keyOf(note.subject, note.kind, note.source)).second) return;
  constexpr std::size_t kShown = 60;
  log().warn("tuning: the {} on record of '{}' is not used: '{}{}' does not read as one", note.kind,
             note.subject, note.text.substr(0, kShown), note.text.size() > kShown ? ".." : "");
}

void RecordStore::append(const Record& record) {
  if (file_.empty()) return;
  const LockedFile file(file_, O_RDWR | O_CREAT | O_APPEND, patience_);
  // One write per record: a process killed in the middle leaves at most one broken line, which the next
  // append ends.
  std::string text = lineOf(record) + "\n";
  if (file) {
    const off_t size = ::lseek(file.descriptor(), 0, SEEK_END);
    char last = '\n';
    if (size > 0 && ::pread(file.descriptor(), &last, 1, size - 1) == 1 && last != '\n') text.insert(0, "\n");
    if (::write(file.descriptor(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return;
  }
  complain("can not be written", file ? std::strerror(errno) : file.why());
}

RecordStore::Merged RecordStore::merge(std::string_view text) { return take(text, true); }

RecordStore::Merged RecordStore::overlay(std::string_view text) { return take(text, false); }

RecordStore::Merged RecordStore::take(std::string_view text, bool write) {
  Merged merged;
  const std::string own = fingerprintWithoutDriver(fingerprint_);
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (const auto record = parseRecord(text.substr(0, end))) {
      if (fingerprintWithoutDriver(deviceOf(*record)) != own) {
        ++merged.foreign;
      } else if (!index(*record, false)) {
        ++merged.known;
      } else {
        ++merged.taken;
        if (write) append(*record);
      }
    }
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return merged;
}

std::string RecordStore::text() const {
  std::string out;
  for (const TacticRecord& record : tactics_) out += lineOf(record) + "\n";
  for (const Note& note : notes_) out += lineOf(note) + "\n";
  return out;
}

void RecordStore::compact() {
  if (file_.empty()) return;
  const LockedFile lock(file_, O_RDWR | O_CREAT, patience_);  // appenders wait, then open the new file
  if (!lock) return complain("can not be compacted", lock.why());
  clear();
  load();
  std::map<std::string, TacticRecord> kept;
  for (const TacticRecord& r : tactics_) {
    const std::string key =
        keyOf(r.problem, r.family, r.source) + "\t" + r.device + "\t" + (r.bad ? r.tactic : "");
    const auto [it, fresh] = kept.emplace(key, r);
    if (!fresh && !r.bad && r.milliseconds < it->second.milliseconds) it->second = r;
  }
  const std::vector<Note> notes = std::move(notes_);
  clear();
  for (const auto& [_, record] : kept) index(record, true);
  for (const Note& note : notes) index(note, true);
  try {
    AtomicFile compacted(file_, 0644);
    compacted.write(text());
    compacted.commit();
  } catch (const Error& e) {
    complain("can not be compacted", e.what());
  }
}

}  // namespace tessera
