// .npy: "\x93NUMPY", version, header length, a Python dictionary as text, then the elements.
#include "apps/common/npy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

#include "apps/common/files.hpp"

namespace tessera::app {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

constexpr std::array<std::pair<std::string_view, DataType>, 7> kTypes{{{"<f4", DataType::Float32},
                                                                       {"<f2", DataType::Float16},
                                                                       {"|i1", DataType::Int8},
                                                                       {"|u1", DataType::UInt8},
                                                                       {"<i4", DataType::Int32},
                                                                       {"<i8", DataType::Int64},
                                                                       {"|b1", DataType::Bool}}};

// The text after 'key': in the header's dictionary, up to the end.
std::string_view valueOf(std::string_view header, std::string_view key) {
  const auto at = header.find("'" + std::string(key) + "'");
  if (at == std::string_view::npos) return {};
  const auto colon = header.find(':', at);
  if (colon == std::string_view::npos) return {};
  const auto begin = header.find_first_not_of(' ', colon + 1);
  return begin == std::string_view::npos ? std::string_view{} : header.substr(begin);
}

}  // namespace

HostTensor parseNpy(std::string_view bytes, const std::string& name) {
  const auto refuse = [&](const std::string& reason) {
    throw Error(ErrorCode::InvalidArgument, name + " can not be read as .npy: " + reason + ".");
  };
  if (bytes.substr(0, kMagic.size()) != kMagic || bytes.size() < 12) refuse("it does not begin as one");
  const auto byteAt = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i]));
  };
  const std::size_t major = byteAt(6), lengthBytes = major == 1 ? 2 : 4;
  std::size_t length = 0;
  for (std::size_t i = 0; i < lengthBytes; ++i) length |= byteAt(8 + i) << (8 * i);
  const std::size_t begin = 8 + lengthBytes;
  if (major < 1 || major > 3 || begin + length > bytes.size()) refuse("its header is damaged");
  const std::string_view header = bytes.substr(begin, length), body = bytes.substr(begin + length);

  std::string_view descr = valueOf(header, "descr");
  if (descr.size() < 2 || (descr[0] != '\'' && descr[0] != '"')) refuse("it holds no plain array");
  descr = descr.substr(1, descr.find(descr[0], 1) - 1);
  if (!valueOf(header, "fortran_order").starts_with("False")) refuse("it is in column-major order");

  Shape shape;
  std::string_view extents = valueOf(header, "shape");
  if (extents.empty() || extents[0] != '(') refuse("its shape is damaged");
  for (extents.remove_prefix(1); !extents.empty() && extents[0] != ')';) {
    if (extents[0] == ' ' || extents[0] == ',') {
      extents.remove_prefix(1);
      continue;
    }
    std::int64_t extent = 0;
    const auto [end, failed] = std::from_chars(extents.data(), extents.data() + extents.size(), extent);
    if (failed != std::errc{} || extent < 0 || extent > (std::int64_t{1} << 40))
      refuse("its shape is damaged");
    extents.remove_prefix(static_cast<std::size_t>(end - extents.data()));
    shape.push_back(extent);
  }

  double count = 1, most = 1;  // an extent of 0 must not hide that the others overflow
  for (const std::int64_t extent : shape) {
    count *= static_cast<double>(extent);
    most *= static_cast<double>(std::max<std::int64_t>(extent, 1));
  }
  if (shape.size() > 64 || most > 0x1p60) refuse("its shape is damaged");
  const auto checkSize = [&](std::size_t element) {
    if (count * static_cast<double>(element) != static_cast<double>(body.size()))
      refuse("it holds " + std::to_string(body.size()) + " bytes of elements, its shape " + toString(shape) +
             " wants others");
  };
  if (descr == "<f8") {
    checkSize(8);
    HostTensor tensor(DataType::Float32, shape);
    for (std::int64_t i = 0; i < tensor.size(); ++i) {
      double value = 0;
      std::memcpy(&value, body.data() + i * 8, 8);
      tensor.as<float>()[static_cast<std::size_t>(i)] = static_cast<float>(value);
    }
    return tensor;
  }
  for (const auto& [text, type] : kTypes) {
    if (descr != text) continue;
    checkSize(byteSize(type));
    HostTensor tensor(type, shape);
    if (!body.empty()) std::memcpy(tensor.data.data(), body.data(), body.size());
    return tensor;
  }
  refuse("elements of type '" + std::string(descr) + "' are not supported");
  return {};
}

HostTensor readNpy(const std::filesystem::path& file) {
  return parseNpy(readFile(file, std::uintmax_t{16} << 30), file.string());
}

std::string npyBytes(const HostTensor& tensor) {
  std::string_view descr;
  for (const auto& [text, type] : kTypes)
    if (type == tensor.type) descr = text;
  std::string header = "{'descr': '" + std::string(descr) + "', 'fortran_order': False, 'shape': (";
  for (const std::int64_t extent : tensor.shape) header += std::to_string(extent) + ", ";
  if (tensor.shape.size() > 1) header.resize(header.size() - 2);
  if (tensor.shape.size() == 1) header.pop_back();  // "(3,)"
  header += "), }";
  const std::size_t used = kMagic.size() + 4 + header.size() + 1;
  header += std::string((64 - used % 64) % 64, ' ') + "\n";
  std::string out(kMagic);
  out += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  out += header;
  out.append(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
  return out;
}

void writeNpy(const std::filesystem::path& file, const HostTensor& tensor) {
  writeFile(file, npyBytes(tensor));
}

}  // namespace tessera::app
