/// \file
/// The file of an ONNX model, whose large tensors are read when they are wanted, straight to where they are
/// to be.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "onnx/onnx.pb.h"

namespace tessera::onnx {

class ModelFile {
 public:
  /// Throws Error(BadModel) that names the file where it can not be read.
  explicit ModelFile(const std::filesystem::path& file);
  ~ModelFile();
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;

  std::uint64_t size() const { return size_; }
  /// Bytes from `offset` on. Throws Error(BadModel) where the file no longer has them.
  void read(std::uint64_t offset, std::span<std::byte> bytes) const;

  /// The model without raw data of `least` bytes and more: such tensors say where in the file theirs lie
  /// (`file_offset`, `file_bytes`). Throws Error(BadModel) where the file is none.
  tessera_onnx::Model parse(std::uint64_t least = kLeast) const;

  static constexpr std::uint64_t kLeast = std::uint64_t{64} << 10;

 private:
  std::filesystem::path file_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace tessera::onnx
