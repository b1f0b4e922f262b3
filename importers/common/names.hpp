/// \file
/// Names of models as UTF-8: everything that prints or writes them relies on it; and names of their own for
/// layers and tensors.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace tessera {

/// Whether a text is well-formed UTF-8 (no overlong forms, no surrogates).
bool isUtf8(std::string_view text);

/// The text with every byte that is not part of well-formed UTF-8 as "\xff" and every backslash doubled:
/// different texts stay different, and the bytes can be read back.
std::string escapeBytes(std::string_view text);

/// Gives every layer and tensor a name of its own; the model's own names are reserved before the first layer.
class Names {
 public:
  void reserve(const std::string& name) { taken_.insert(name); }
  /// `wanted`, with "#2", "#3".. appended where it is taken.
  std::string unique(const std::string& wanted);

 private:
  std::set<std::string> taken_;
  std::map<std::string, int> next_;  ///< number to try first for a name that was taken before
};

}  // namespace tessera
