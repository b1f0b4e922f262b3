// NVIDIA's driver gives a program's PTX as its binary, and takes PTX for another target as one.
#include "cl/ptx_target.hpp"

#include "clkernels/common/tensor_cores.hpp"

namespace tessera {
namespace {

constexpr std::string_view kMarker = "//@ ", kTarget = "\n.target ";

}  // namespace

std::string ptxTargetOf(std::string_view options) {
  const std::string define = std::string("-D ") + kPtxTarget + "=";
  const std::size_t at = options.find(define);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = options.substr(at + define.size());
  return std::string(rest.substr(0, rest.find(' ')));
}

std::optional<std::string> forPtxTarget(const std::vector<unsigned char>& binary, std::string_view target) {
  std::string_view text(reinterpret_cast<const char*>(binary.data()), binary.size());
  while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
  const std::string_view plain = target.substr(0, target.size() - 1);
  const std::size_t line = text.find(kTarget);
  if (line == std::string_view::npos || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::size_t name = line + kTarget.size(), end = name + plain.size();
  if (text.substr(name, plain.size()) != plain || end == text.size() ||
      (text[end] != ',' && text[end] != '\n'))
    return std::nullopt;
  std::string result(text.substr(0, name));
  result += target;
  for (text.remove_prefix(end); !text.empty();) {
    const std::size_t marker = text.find(kMarker);
    result += text.substr(0, marker);
    if (marker == std::string_view::npos) break;
    text.remove_prefix(marker + kMarker.size());
  }
  return result;
}

}  // namespace tessera
