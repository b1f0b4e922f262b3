// The file: header, table of sections, sections. Every byte that means something is under a checksum.
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
constexpr std::uint32_t kFormat = 2, kMostSections = 1024;
constexpr std::uint64_t kSectionAlignment = 4096;  // of sections: a page

// Parts: programs and weights of the device whose section stands before it.
enum class Kind : std::uint32_t { Network = 1, Constants = 2, Device = 3, Parts = 4, Golden = 5 };

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
  Checksum checksum;
};
static_assert(sizeof(Section) == 40);

std::uint64_t tableChecksum(Header header, const std::vector<Section>& table) {
  header.checksum = 0;
  std::string text(reinterpret_cast<const char*>(&header), sizeof header);
  text.append(reinterpret_cast<const char*>(table.data()), table.size() * sizeof(Section));
  return textHash(text);
}

std::uint64_t aligned(std::uint64_t at) {
  return (at + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment;
}

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
  if (tableChecksum(header, table) != header.checksum) bad("its table of sections is damaged");
  return table;
}

std::string_view sectionBytes(std::string_view bytes, const Section& section) {
  if (section.offset > bytes.size() || section.bytes > bytes.size() - section.offset) bad("it is cut off");
  if (section.offset % kSectionAlignment != 0) bad("a section of it does not begin at a page");
  const auto content = bytes.substr(section.offset, section.bytes);
  if (checksumOf(content) != section.checksum) bad("it is damaged: a checksum does not fit");
  return content;
}

std::span<const std::byte> asBytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

Plan parsePlan(const std::shared_ptr<const MappedFile>& file, const std::optional<std::string>& only) {
  const std::string_view bytes = file->bytes();
  std::optional<std::string_view> network, constants;
  std::vector<PlanDevice> devices;
  Golden golden;
  const std::vector<Section> table = tableOf(bytes);
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto content = [&](std::size_t section) { return sectionBytes(bytes, table[section]); };
    switch (static_cast<Kind>(table[i].kind)) {
      case Kind::Network:
        network = content(i);
        break;
      case Kind::Constants:
        constants = content(i);
        file->release(asBytes(*constants));  // the checksum has read them all
        break;
      case Kind::Device: {
        if (i + 1 == table.size() || static_cast<Kind>(table[i + 1].kind) != Kind::Parts)
          bad("it lacks the parts of a device");
        PlanDevice device = parseDevice(content(i), std::nullopt, file);
        ++i;
        if (!only || device.fingerprint == *only)
          device = parseDevice(content(i - 1), asBytes(content(i)), file);
        devices.push_back(std::move(device));
        break;
      }
      case Kind::Golden:
        golden = parseGolden(content(i));
        break;
      default:
        bad("it has a section of an unknown kind, or out of order");
    }
  }
  if (!network || !constants) bad("it holds no network");
  Plan plan = parseNetwork(*network, asBytes(*constants), file);
  plan.constants = asBytes(*constants);
  plan.golden = std::move(golden);
  plan.devices = std::move(devices);
  plan.file = file;
  return plan;
}

/// A section to write: a message, or pieces.
struct Content {
  Kind kind;
  std::string message;
  const Pieces* pieces = nullptr;

  std::uint64_t size() const { return pieces ? pieces->size() : message.size(); }
  Checksum checksum() const { return pieces ? pieces->checksum() : checksumOf(message); }
  void write(AtomicFile& out) const {
    if (!pieces) return out.write(message);
    pieces->each([&](std::string_view bytes) { out.write(bytes); });
  }
};

void writeSections(const std::filesystem::path& file, const std::vector<Content>& contents) {
  std::vector<Section> table;
  std::uint64_t end = sizeof(Header) + contents.size() * sizeof(Section);
  for (const Content& content : contents) {
    const std::uint64_t offset = aligned(end);
    table.push_back(
        {static_cast<std::uint32_t>(content.kind), 0, offset, content.size(), content.checksum()});
    end = offset + content.size();
  }
  Header header{kMagic, kFormat, static_cast<std::uint32_t>(table.size()), end, 0};
  header.checksum = tableChecksum(header, table);

  AtomicFile out(file);
  out.write({reinterpret_cast<const char*>(&header), sizeof header});
  out.write({reinterpret_cast<const char*>(table.data()), table.size() * sizeof(Section)});
  std::uint64_t at = sizeof(Header) + table.size() * sizeof(Section);
  for (std::size_t i = 0; i < contents.size(); ++i) {
    out.write(std::string(table[i].offset - at, '\0'));
    contents[i].write(out);
    at = table[i].offset + table[i].bytes;
  }
  out.commit();
}

}  // namespace

void writePlan(const std::filesystem::path& file, const Plan& plan) {
  const NetworkSections portable = networkSections(plan);
  std::vector<DeviceSections> devices;
  for (const PlanDevice& device : plan.devices) devices.push_back(deviceSections(device));
  std::vector<Content> contents{{Kind::Network, portable.network},
                                {Kind::Constants, {}, &portable.constants},
                                {Kind::Golden, goldenSection(plan.golden)}};
  for (const DeviceSections& device : devices) {
    contents.push_back({Kind::Device, device.device});
    contents.push_back({Kind::Parts, {}, &device.parts});
  }
  writeSections(file, contents);
}

Plan readPlan(const std::filesystem::path& file, const std::optional<std::string>& only) {
  const auto fail = [&](const char* what, const Error& e) {
    throw Error(ErrorCode::BadCache,
                "The plan " + file.string() + " can not be " + what + ": " + e.what() + ".");
  };
  std::shared_ptr<const MappedFile> mapped;
  try {
    mapped = std::make_shared<MappedFile>(file);
  } catch (const Error& e) {
    fail("read", e);
  }
  try {
    return parsePlan(mapped, only);
  } catch (const Error& e) {
    fail("used", e);
  }
  return {};
}

bool isPlan(const std::filesystem::path& file) {
  std::array<char, kMagic.size()> start{};
  if (!whyNotRegular(file).empty()) return false;
  std::ifstream in(file, std::ios::binary);
  return in.read(start.data(), start.size()) && start == kMagic;
}

}  // namespace tessera
