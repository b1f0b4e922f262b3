// Tuning records on disk.
#include "tune/tactics_store.hpp"

#include <fcntl.h>
#include <spdlog/logger.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <charconv>
#include <cstdlib>
#include <fstream>

#include "graph/hex.hpp"
#include "tessera/log.hpp"
#include "tune/lines.hpp"

namespace tessera {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kFormat = "tessera-tactic-1";

std::uint64_t hashOf(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

template <class T>
bool parseNumber(std::string_view text, T& value, int base = 10) {
  if constexpr (std::is_floating_point_v<T>)
    return std::from_chars(text.data(), text.data() + text.size(), value).ptr == text.data() + text.size();
  else
    return std::from_chars(text.data(), text.data() + text.size(), value, base).ptr ==
           text.data() + text.size();
}

std::string keyOf(const std::string& problem, const std::string& family, std::uint64_t source) {
  return family + "\t" + hexText(source) + "\t" + problem;
}

// An open file with an exclusive lock, released at the end of its life.
class LockedFile {
 public:
  // While the lock was waited for, compaction may have put another file in place: then it is opened anew.
  LockedFile(const fs::path& file, int flags) {
    for (int attempt = 0; attempt < 100; ++attempt) {
      descriptor_ = ::open(file.c_str(), flags | O_CLOEXEC, 0644);
      if (descriptor_ < 0) return;
      struct stat mine {
      }, named{};
      if (::flock(descriptor_, LOCK_EX) == 0 && ::fstat(descriptor_, &mine) == 0 &&
          ::stat(file.c_str(), &named) == 0 && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev)
        return;
      ::close(descriptor_);
      descriptor_ = -1;
    }
  }
  ~LockedFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  LockedFile(const LockedFile&) = delete;
  LockedFile& operator=(const LockedFile&) = delete;
  explicit operator bool() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

std::string fileName(const DeviceCaps& device) {
  std::string name;
  for (const char c : device.name) name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name.substr(0, 60) + "-" + hexText(hashOf(fingerprintWithoutDriver(device.fingerprint()))) +
         ".tactics";
}

}  // namespace

std::string TuneRecord::line() const {
  std::string body = family + "\t" + hexText(source) + "\t" + asField(problem) + "\t" + asField(device) +
                     "\t" + tactic + "\t" + exactText(milliseconds) + "\t" + (bad ? "bad" : "good") + "\t" +
                     asField(reason);
  return std::string(kFormat) + "\t" + hexText(hashOf(body)) + "\t" + body;
}

std::optional<TuneRecord> TuneRecord::parse(std::string_view line) {
  const auto fields = fieldsOf(line);
  if (fields.size() != 10 || fields[0] != kFormat) return std::nullopt;
  const std::string_view body = line.substr(fields[0].size() + fields[1].size() + 2);
  TuneRecord record;
  std::uint64_t sum = 0;
  if (!parseNumber(fields[1], sum, 16) || sum != hashOf(body)) return std::nullopt;
  record.family = fields[2];
  record.problem = fields[4];
  record.device = fields[5];
  record.tactic = fields[6];
  record.bad = fields[8] == "bad";
  record.reason = fields[9];
  if (!parseNumber(fields[3], record.source, 16) || !parseNumber(fields[7], record.milliseconds))
    return std::nullopt;
  return record;
}

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

TacticsStore::TacticsStore(fs::path folder, const DeviceCaps& device) : fingerprint_(device.fingerprint()) {
  if (folder.empty()) return;
  file_ = folder / fileName(device);
  std::error_code error;
  fs::create_directories(folder, error);
  load();
}

void TacticsStore::load() {
  std::ifstream in(file_, std::ios::binary);
  std::error_code error;
  if (!in && fs::exists(file_, error))
    log().warn("the tuning records in {} can not be read; they are not used", file_.string());
  if (!in) return;
  std::size_t damaged = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    if (auto record = TuneRecord::parse(line))
      index(*record, true);
    else
      ++damaged;
  }
  if (damaged) log().warn("{}: {} damaged or foreign lines are ignored", file_.string(), damaged);
}

// One record a tactic: the latest time, since a lucky one would last for ever; but bad for good.
bool TacticsStore::index(const TuneRecord& record, bool replaces) {
  auto& same = byKey_[keyOf(record.problem, record.family, record.source)];
  for (const std::size_t i : same) {
    TuneRecord& known = records_[i];
    if (known.tactic != record.tactic || known.device != record.device) continue;
    if (known.bad || !(record.bad || replaces)) return false;
    known = record;
    return true;
  }
  same.push_back(records_.size());
  records_.push_back(record);
  return true;
}

std::optional<TacticsStore::Hit> TacticsStore::best(const std::string& problem, const std::string& family,
                                                    std::uint64_t source) const {
  std::optional<Hit> found;
  const auto same = byKey_.find(keyOf(problem, family, source));
  if (same == byKey_.end()) return found;
  for (const std::size_t i : same->second) {
    const TuneRecord& r = records_[i];
    if (r.bad) continue;
    if (fingerprintWithoutDriver(r.device) != fingerprintWithoutDriver(fingerprint_)) continue;
    const RecordMatch match = r.device == fingerprint_ ? RecordMatch::Exact : RecordMatch::OtherDriver;
    const bool better = !found || (match == RecordMatch::Exact && found->match != RecordMatch::Exact) ||
                        (match == found->match && r.milliseconds < found->record.milliseconds);
    if (better) found = Hit{r, match};
  }
  return found;
}

std::vector<std::string> TacticsStore::bad(const std::string& problem, const std::string& family,
                                           std::uint64_t source) const {
  std::vector<std::string> tactics;
  if (const auto same = byKey_.find(keyOf(problem, family, source)); same != byKey_.end())
    for (const std::size_t i : same->second)
      if (records_[i].bad && records_[i].device == fingerprint_) tactics.push_back(records_[i].tactic);
  return tactics;
}

void TacticsStore::add(const TuneRecord& record) {
  index(record, true);
  append(record);
}

void TacticsStore::append(const TuneRecord& record) {
  if (file_.empty()) return;
  const LockedFile file(file_, O_RDWR | O_CREAT | O_APPEND);
  // One write per record: a process killed in the middle leaves at most one broken line, which the next
  // append ends.
  std::string text = record.line() + "\n";
  if (file) {
    const off_t size = ::lseek(file.descriptor(), 0, SEEK_END);
    char last = '\n';
    if (size > 0 && ::pread(file.descriptor(), &last, 1, size - 1) == 1 && last != '\n') text.insert(0, "\n");
    if (::write(file.descriptor(), text.data(), text.size()) == static_cast<ssize_t>(text.size())) return;
  }
  if (!complained_)
    log().warn("tuning records can not be written to {}; they last for this run only", file_.string());
  complained_ = true;
}

TacticsStore::Merged TacticsStore::merge(std::string_view text) { return take(text, true); }

TacticsStore::Merged TacticsStore::overlay(std::string_view text) { return take(text, false); }

TacticsStore::Merged TacticsStore::take(std::string_view text, bool write) {
  Merged merged;
  const std::string own = fingerprintWithoutDriver(fingerprint_);
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (const auto record = TuneRecord::parse(text.substr(0, end))) {
      if (fingerprintWithoutDriver(record->device) != own) {
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

std::string TacticsStore::text() const {
  std::string out;
  for (const TuneRecord& record : records_) out += record.line() + "\n";
  return out;
}

void TacticsStore::compact() {
  if (file_.empty()) return;
  const LockedFile lock(file_, O_RDWR | O_CREAT);  // appenders wait, then open the new file
  if (!lock) return;
  records_.clear();
  byKey_.clear();
  load();
  std::map<std::string, TuneRecord> kept;
  for (const TuneRecord& r : records_) {
    const std::string key = r.family + "\t" + hexText(r.source) + "\t" + r.problem + "\t" + r.device + "\t" +
                            (r.bad ? r.tactic : "");
    const auto [it, fresh] = kept.emplace(key, r);
    if (!fresh && !r.bad && r.milliseconds < it->second.milliseconds) it->second = r;
  }
  records_.clear();
  byKey_.clear();
  for (auto& [_, record] : kept) index(record, true);
  const fs::path temporary = file_.string() + ".tmp" + std::to_string(::getpid());
  std::ofstream out(temporary, std::ios::binary);
  out << text();
  out.close();
  std::error_code error;
  if (out) fs::rename(temporary, file_, error);
  if (!out || error) fs::remove(temporary, error);
}

}  // namespace tessera
