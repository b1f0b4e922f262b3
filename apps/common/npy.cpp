// .npy: "\x93NUMPY", version, header length, a Python dictionary as text, then the elements.
#include "apps/common/npy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <utility>

#include "apps/common/files.hpp"
#include "base/read_file.hpp"

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

[[noreturn]] void refuseArray(const std::string& name, const std::string& reason) {
  throw Error(ErrorCode::InvalidArgument, name + " can not be read as .npy: " + reason + ".");
}

// The text after 'key': in the header's dictionary, up to the end.
std::string_view valueOf(std::string_view header, std::string_view key) {
  for (const char quote : {'\'', '"'}) {
    const auto at = header.find(quote + std::string(key) + quote);
    if (at == std::string_view::npos) continue;
    const auto colon = header.find(':', at);
    if (colon == std::string_view::npos) return {};
    const auto begin = header.find_first_not_of(' ', colon + 1);
    return begin == std::string_view::npos ? std::string_view{} : header.substr(begin);
  }
  return {};
}

Shape parseExtents(std::string_view text, const std::string& name) {
  Shape shape;
  if (text.empty() || text[0] != '(') refuseArray(name, "its shape is damaged");
  text.remove_prefix(1);
  while (!text.empty() && text[0] != ')') {
    if (text[0] == ' ' || text[0] == ',' || text[0] == 'L') {  // Python 2 wrote 3L
      text.remove_prefix(1);
      continue;
    }
    std::int64_t extent = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), extent);
    if (failed != std::errc{} || extent < 0 || extent > (std::int64_t{1} << 40))
      refuseArray(name, "its shape is damaged");
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    shape.push_back(extent);
  }
  double most = 1;  // an extent of 0 must not hide that the others overflow
  for (const std::int64_t extent : shape) most *= static_cast<double>(std::max<std::int64_t>(extent, 1));
  if (text.empty() || shape.size() > 64 || most > 0x1p60) refuseArray(name, "its shape is damaged");
  return shape;
}

void parseType(std::string_view descr, NpyArray& array) {
  const auto unsupported = [&] {
    refuseArray(array.name, "elements of type '" + std::string(descr) + "' are not supported");
  };
  if (descr.size() != 3) unsupported();
  const char order = descr[0];
  array.kind = descr[1];
  array.bytes = static_cast<std::size_t>(descr[2] - '0');
  array.bigEndian = order == '>';
  const std::string_view widths = array.kind == 'f' ? "248" : array.kind == 'b' ? "1" : "1248";
  if (std::string_view("<>|=").find(order) == std::string_view::npos ||
      std::string_view("fiub").find(array.kind) == std::string_view::npos ||
      widths.find(descr[2]) == std::string_view::npos)
    unsupported();
}

// The header's fields; returns where the elements begin.
std::size_t parseHeader(std::string_view bytes, NpyArray& array) {
  if (bytes.substr(0, kMagic.size()) != kMagic || bytes.size() < 12)
    refuseArray(array.name, "it does not begin as one");
  const auto byteAt = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i]));
  };
  const std::size_t major = byteAt(6), lengthBytes = major == 1 ? 2 : 4;
  std::size_t length = 0;
  for (std::size_t i = 0; i < lengthBytes; ++i) length |= byteAt(8 + i) << (8 * i);
  const std::size_t begin = 8 + lengthBytes;
  if (major < 1 || major > 3 || begin + length > bytes.size())
    refuseArray(array.name, "its header is damaged");
  const std::string_view header = bytes.substr(begin, length);

  std::string_view descr = valueOf(header, "descr");
  if (descr.size() < 2 || (descr[0] != '\'' && descr[0] != '"'))
    refuseArray(array.name, "it holds no plain array");
  descr = descr.substr(1, descr.find(descr[0], 1) - 1);
  parseType(descr, array);
  const std::string_view order = valueOf(header, "fortran_order");
  array.columnMajor = order.starts_with("True");
  if (!array.columnMajor && !order.starts_with("False")) refuseArray(array.name, "its header is damaged");
  array.shape = parseExtents(valueOf(header, "shape"), array.name);
  return begin + length;
}

// One element, in the type that holds every element of its kind.
struct Element {
  char kind = 'i';
  double real = 0;
  std::int64_t whole = 0;     // i, b
  std::uint64_t natural = 0;  // u

  bool operator()(DataType type, HostTensor& to, std::int64_t at) const;
};

Element elementAt(const NpyArray& array, std::size_t index) {
  std::array<unsigned char, 8> raw{};
  std::memcpy(raw.data(), array.data.data() + index * array.bytes, array.bytes);
  if (array.bigEndian) std::reverse(raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(array.bytes));
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < array.bytes; ++i) bits |= std::uint64_t{raw[i]} << (8 * i);
  Element element{array.kind};
  if (array.kind == 'f') {
    if (array.bytes == 2) {
      element.real = Half{static_cast<std::uint16_t>(bits)}.toFloat();
    } else if (array.bytes == 4) {
      const auto word = static_cast<std::uint32_t>(bits);
      float value = 0;
      std::memcpy(&value, &word, sizeof(value));
      element.real = value;
    } else {
      std::memcpy(&element.real, &bits, sizeof(bits));
    }
  } else if (array.kind == 'u') {
    element.natural = bits;
  } else if (array.kind == 'b') {
    element.whole = bits != 0;
  } else {
    const std::size_t unused = 64 - 8 * array.bytes;
    element.whole = static_cast<std::int64_t>(bits << unused) >> unused;
  }
  return element;
}

std::pair<std::int64_t, std::int64_t> rangeOf(DataType type) {
  switch (type) {
    case DataType::Int8:
      return {-128, 127};
    case DataType::UInt8:
      return {0, 255};
    case DataType::Int32:
      return {INT32_MIN, INT32_MAX};
    case DataType::Bool:
      return {0, 1};
    default:
      return {INT64_MIN, INT64_MAX};
  }
}

// Stores the element; false where it does not fit.
bool Element::operator()(DataType type, HostTensor& to, std::int64_t at) const {
  if (type == DataType::Float32 || type == DataType::Float16) {
    const double value = kind == 'f'   ? real
                         : kind == 'u' ? static_cast<double>(natural)
                                       : static_cast<double>(whole);
    to.setNumber(at, value);
    return !std::isfinite(value) || std::isfinite(to.number(at));
  }
  std::int64_t value = whole;
  if (kind == 'f') {
    if (!(real >= -9.2e18 && real <= 9.2e18) || real != std::rint(real)) return false;
    value = static_cast<std::int64_t>(real);
  } else if (kind == 'u') {
    if (natural > static_cast<std::uint64_t>(INT64_MAX)) return false;
    value = static_cast<std::int64_t>(natural);
  }
  const auto [low, high] = rangeOf(type);
  if (value < low || value > high) return false;
  if (type == DataType::Int64)
    to.as<std::int64_t>()[static_cast<std::size_t>(at)] = value;
  else
    to.setNumber(at, static_cast<double>(value));
  return true;
}

}  // namespace

std::string NpyArray::typeText() const { return kind + std::to_string(bytes); }

HostTensor NpyArray::tensor() const {
  const bool wide = bytes == 8 || (kind == 'u' && bytes == 4);
  switch (kind) {
    case 'f':
      return tensor(bytes == 2 ? DataType::Float16 : DataType::Float32);
    case 'b':
      return tensor(DataType::Bool);
    default:
      return tensor(wide          ? DataType::Int64
                    : bytes > 1   ? DataType::Int32
                    : kind == 'u' ? DataType::UInt8
                                  : DataType::Int8);
  }
}

HostTensor NpyArray::tensor(DataType type) const {
  HostTensor out(type, shape);
  if (!columnMajor && !bigEndian) {
    for (const auto& [text, held] : kTypes)
      if (held == type && text.substr(1) == typeText() && held != DataType::Bool) {
        if (!data.empty()) std::memcpy(out.data.data(), data.data(), data.size());
        return out;
      }
  }
  std::vector<std::int64_t> at(shape.size(), 0), strides(shape.size(), 1);  // of the file
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::size_t d = columnMajor ? i : shape.size() - 1 - i, before = columnMajor ? d - 1 : d + 1;
    if (i > 0) strides[d] = strides[before] * shape[before];
  }
  std::int64_t from = 0;
  for (std::int64_t i = 0; i < out.size(); ++i) {
    if (!elementAt(*this, static_cast<std::size_t>(from))(type, out, i))
      throw Error(ErrorCode::InvalidArgument, name + ": element " + std::to_string(i) + " (" + typeText() +
                                                  ") does not fit the type " + std::string(toString(type)) +
                                                  ".");
    for (std::size_t d = shape.size(); d-- > 0;) {
      from += strides[d];
      if (++at[d] < shape[d]) break;
      from -= strides[d] * shape[d];
      at[d] = 0;
    }
  }
  return out;
}

NpyArray parseNpyArray(std::string_view bytes, const std::string& name) {
  NpyArray array;
  array.name = name;
  array.data = bytes.substr(parseHeader(bytes, array));
  double count = static_cast<double>(array.bytes);
  for (const std::int64_t extent : array.shape) count *= static_cast<double>(extent);
  if (count != static_cast<double>(array.data.size()))
    refuseArray(name, "it holds " + std::to_string(array.data.size()) + " bytes of elements, its shape " +
                          toString(array.shape) + " wants others");
  return array;
}

NpyArray readNpyArray(const std::filesystem::path& file) {
  return parseNpyArray(readFile(file, std::uintmax_t{16} << 30), file.string());
}
HostTensor parseNpy(std::string_view bytes, const std::string& name) {
  return parseNpyArray(bytes, name).tensor();
}
HostTensor readNpy(const std::filesystem::path& file) { return readNpyArray(file).tensor(); }

Shape readNpyShape(const std::filesystem::path& file) {
  NpyArray array;
  array.name = file.string();
  if (const std::string why = whyNotRegular(file); !why.empty()) refuseArray(array.name, why);
  std::ifstream in(file, std::ios::binary);
  std::string bytes(65536 + 64, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  parseHeader(bytes, array);
  return array.shape;
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
