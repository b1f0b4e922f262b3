/// \file
/// NumPy's .npy files: one array each.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "tessera/tensor.hpp"

namespace tessera::app {

/// An array as the file holds it: numbers of any width, either byte order, rows or columns first.
struct NpyArray {
  char kind = 0;          ///< f, i, u or b
  std::size_t bytes = 0;  ///< of an element
  bool bigEndian = false, columnMajor = false;
  Shape shape;
  std::string name;  ///< for messages
  std::string data;  ///< the elements

  std::string typeText() const;  ///< "f8", "u2", ..

  /// Row-major, in the type that holds the elements exactly where there is one; f8 becomes f32. Throws
  /// Error(InvalidArgument) where an element does not fit.
  HostTensor tensor() const;
  /// Converted to `type`: floating point is rounded, whole numbers and truth values must fit.
  HostTensor tensor(DataType type) const;
};

/// Throw Error(InvalidArgument) that names the file and the reason.
NpyArray readNpyArray(const std::filesystem::path& file);
NpyArray parseNpyArray(std::string_view bytes, const std::string& name);
HostTensor readNpy(const std::filesystem::path& file);
HostTensor parseNpy(std::string_view bytes, const std::string& name);
/// The shape alone, from the first bytes of the file.
Shape readNpyShape(const std::filesystem::path& file);

void writeNpy(const std::filesystem::path& file, const HostTensor& tensor);
std::string npyBytes(const HostTensor& tensor);

}  // namespace tessera::app
