// The file: header, table of sections, sections. Every byte that means something is under a checksum.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <optional>

#include "base/hex.hpp"
#include "base/read_file.hpp"
#include "base/write_file.hpp"
#include "plan/plan_network.hpp"
#include "tessera/engine.hpp"

namespace tessera {
namespace {

constexpr std::array<char, 8> kMagic{'T', 'S', 'R', 'P', 'L', 'A', 'N', '\n'};
constexpr std::uint32_t kFormat = 1, kMostSections = 1024;
constexpr std::uint64_t kAlignment = 4096;  // of sections: a page

enum class Kind : std::uint32_t { Network = 1, Constants = 2, Device = 3 };

struct Header {
  std::array<char, 8> magic;
  std::uint32_t format, sections;
  std::uint64_t bytes;     ///< of the whole file
  std::uint64_t checksum;  ///< of the rest of the header and the table
};
static_assert(sizeof(Header) == 32);

struct Section {
  std::uint32_t kind, reserved;
  std::uint64_t offset, bytes;
  std::array<std::uint64_t, 2> checksum;
};
static_assert(sizeof(Section) == 40);

std::array<std::uint64_t, 2> checksumOf(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

std::uint64_t checksumOf(Header header, const std::vector<Section>& table) {
  header.checksum = 0;
  std::string text(reinterpret_cast<const char*>(&header), sizeof header);
  text.append(reinterpret_cast<const char*>(table.data()), table.size() * sizeof(Section));
  return textHash(text);
}

std::uint64_t aligned(std::uint64_t at) { return (at + kAlignment - 1) / kAlignment * kAlignment; }

// A file mapped for reading: pages come from disk as they are read, and go again where memory is short.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& file) {
    if (const auto why = whyNotRegular(file); !why.empty()) fail(file, why);
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (descriptor < 0 || ::fstat(descriptor, &status) != 0) {
      const std::string why = std::strerror(errno);
      if (descriptor >= 0) ::close(descriptor);
      fail(file, why);
    }
    size_ = static_cast<std::size_t>(status.st_size);
    if (size_ > 0) data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    const std::string why = data_ == MAP_FAILED ? std::strerror(errno) : "";
    ::close(descriptor);
    if (data_ == MAP_FAILED) data_ = nullptr, fail(file, why);
  }
  ~MappedFile() {
    if (data_) ::munmap(data_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }

 private:
  [[noreturn]] static void fail(const std::filesystem::path& file, const std::string& why) {
    throw Error(ErrorCode::BadCache, "The plan " + file.string() + " can not be read: " + why + ".");
  }
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

[[noreturn]] void bad(const std::string& reason) { throw Error(ErrorCode::BadCache, reason); }

template <class T>
T take(std::string_view bytes, std::size_t at) {
  T value;
  if (at > bytes.size() || sizeof value > bytes.size() - at) bad("it is cut off");
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::vector<Section> tableOf(std::string_view bytes) {
  if (bytes.size() < kMagic.size() || !std::equal(kMagic.begin(), kMagic.end(), bytes.begin()))
    bad("it is no plan");
  const auto header = take<Header>(bytes, 0);
  if (header.format != kFormat)
    bad("it has format " + std::to_string(header.format) + ", this is Tessera with format " +
        std::to_string(kFormat) + ": build it again from the model");
  if (header.bytes != bytes.size()) bad("it is cut off, or something follows its end");
  if (header.sections > kMostSections) bad("it is damaged");
  std::vector<Section> table;
  for (std::uint32_t i = 0; i < header.sections; ++i)
    table.push_back(take<Section>(bytes, sizeof(Header) + i * sizeof(Section)));
  if (checksumOf(header, table) != header.checksum) bad("its table of sections is damaged");
  return table;
}

std::string_view contentOf(std::string_view bytes, const Section& section) {
  if (section.offset > bytes.size() || section.bytes > bytes.size() - section.offset) bad("it is cut off");
  const auto content = bytes.substr(section.offset, section.bytes);
  if (checksumOf(content) != section.checksum) bad("it is damaged: a checksum does not fit");
  return content;
}

Plan parsePlan(std::string_view bytes) {
  std::optional<std::string_view> network, constants;
  std::vector<PlanDevice> devices;
  for (const Section& section : tableOf(bytes)) {
    const auto content = contentOf(bytes, section);
    switch (static_cast<Kind>(section.kind)) {
      case Kind::Network:
        network = content;
        break;
      case Kind::Constants:
        constants = content;
        break;
      case Kind::Device:
        devices.push_back(parseDevice(content));
        break;
      default:
        bad("it has a section of an unknown kind");
    }
  }
  if (!network || !constants) bad("it holds no network");
  Plan plan = parseNetwork(*network, {constants->data(), constants->size()});
  plan.devices = std::move(devices);
  return plan;
}

}  // namespace

void writePlan(const std::filesystem::path& file, const Plan& plan) {
  const NetworkSections portable = networkSections(plan);
  std::vector<std::pair<Kind, std::string>> sections{{Kind::Network, portable.network},
                                                     {Kind::Constants, portable.constants}};
  for (const PlanDevice& device : plan.devices) sections.emplace_back(Kind::Device, deviceSection(device));
  std::vector<Section> table;
  std::uint64_t end = sizeof(Header) + sections.size() * sizeof(Section);
  for (const auto& [kind, content] : sections) {
    const std::uint64_t offset = aligned(end);
    table.push_back({static_cast<std::uint32_t>(kind), 0, offset, content.size(), checksumOf(content)});
    end = offset + content.size();
  }
  Header header{kMagic, kFormat, static_cast<std::uint32_t>(table.size()), end, 0};
  header.checksum = checksumOf(header, table);

  AtomicFile out(file);
  out.write({reinterpret_cast<const char*>(&header), sizeof header});
  out.write({reinterpret_cast<const char*>(table.data()), table.size() * sizeof(Section)});
  std::uint64_t at = sizeof(Header) + table.size() * sizeof(Section);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    out.write(std::string(table[i].offset - at, '\0'));
    out.write(sections[i].second);
    at = table[i].offset + table[i].bytes;
  }
  out.commit();
}

Plan readPlan(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  try {
    return parsePlan(mapped.bytes());
  } catch (const Error& e) {
    throw Error(ErrorCode::BadCache, "The plan " + file.string() + " can not be used: " + e.what() + ".");
  }
}

bool isPlan(const std::filesystem::path& file) {
  std::array<char, kMagic.size()> start{};
  if (!whyNotRegular(file).empty()) return false;
  std::ifstream in(file, std::ios::binary);
  return in.read(start.data(), start.size()) && start == kMagic;
}

}  // namespace tessera
