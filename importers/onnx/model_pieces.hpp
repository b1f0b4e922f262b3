/// \file
/// A protobuf message as pieces: ranges of its file, and bytes that take the place of others.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tessera::onnx {

struct Piece {
  std::string own;  ///< bytes that are not the file's; else those of the range
  std::uint64_t begin = 0, end = 0;
};

/// Reads `size` bytes at `offset`, which lie in the file.
using ReadBytes = std::function<void(std::uint64_t offset, std::size_t size, char* to)>;

/// The model in the file's first `size` bytes, where raw data of tensors with `least` bytes and more have
/// given way to fields that say where they lie. What is no message of the format stays as it is, for the
/// parser to refuse.
std::vector<Piece> withoutRawData(std::uint64_t size, std::uint64_t least, const ReadBytes& read);

}  // namespace tessera::onnx
