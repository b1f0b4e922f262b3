/// \file
/// Kernel sources embedded at build time.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace tessera {

/// Text by path below clkernels/, e.g. "conv_naive/conv_naive.cl".
const std::map<std::string, std::string, std::less<>>& embeddedFiles();

/// The file with every `#include "path"` replaced by that file (each once; paths below clkernels/).
/// Files in the folder `$TESSERA_KERNEL_DIR`, if set, go before embedded ones. Throws Error(Internal) where
/// one is missing.
std::string kernelSource(std::string_view path);

/// Files of that name in the families' folders, by path; those in `$TESSERA_KERNEL_DIR` go before embedded
/// ones.
std::map<std::string, std::string> kernelFilesNamed(std::string_view name);

}  // namespace tessera
