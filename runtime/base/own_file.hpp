/// \file
/// Large bytes that are read seldom: in a file without a name, so that they take memory only while they are
/// read.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <vector>

#include "tessera/tensor_data.hpp"

namespace tessera {

/// Folders that inOwnFile() tries in turn: TESSERA_CONSTANTS_DIR, or none where that is empty; where it is
/// not set the folder for temporary files and /var/tmp.
std::vector<std::filesystem::path> ownFileFolders();

/// A view of a copy of `bytes` in a file that nobody else can open, change or cut off: it has no name, and
/// goes with the last copy of the view. None where no folder is on a local disk with room to spare, or the
/// process may not write as much: the bytes then stay where they are.
std::optional<TensorData> inOwnFile(std::span<const std::byte> bytes,
                                    const std::vector<std::filesystem::path>& folders = ownFileFolders());

/// Lets go of the memory of a view that inOwnFile() gave; does nothing to other data. Others may read it
/// meanwhile: what is read comes again.
void releaseOwnFile(const TensorData& data) noexcept;

/// Takes whole pages out of this process's memory: those of a file come again when they are read, the content
/// of others is lost.
void dropPages(std::span<const std::byte> bytes) noexcept;

}  // namespace tessera
