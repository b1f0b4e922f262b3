// The bounds of an import.
#include "importers/common/budget.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "graph/amount.hpp"

namespace tessera {
namespace {

// Narrow types of a file grow up to eightfold (packed integers as i64), and what is folded of them is held as
// well.
constexpr double kBytesPerByte = 8, kWorkPerByte = 64;
/// Multiply-adds on constants that a network may leave to every run: some seconds on a slow device.
constexpr double kMostDeviceWork = 1e11;
/// Of these, in layers so small that passes may yet fold them.
constexpr double kSmallWork = 1 << 26, kMostSmallWork = 1 << 28;

std::string count(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", number);
  return text;
}

}  // namespace

ImportBudget::ImportBudget(const ImportOptions& options)
    : maxBytes_(static_cast<double>(options.maxConstantBytes)),
      maxWork_(static_cast<double>(options.maxFoldedWork)),
      maxLayers_(options.maxLayers) {}

void ImportBudget::addFileBytes(std::uint64_t bytes) {
  maxBytes_ += kBytesPerByte * static_cast<double>(bytes);
  maxWork_ += kWorkPerByte * static_cast<double>(bytes);
}

void ImportBudget::addFile(const std::filesystem::path& file) {
  if (!files_.insert(file).second) return;
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0) return;  // whoever reads it says why it can not
  // A sparse file holds only what lies on the disk.
  const auto size = static_cast<std::uint64_t>(found.st_size),
             stored = static_cast<std::uint64_t>(found.st_blocks) * 512;
  addFileBytes(size < (std::uint64_t{1} << 20) ? size : std::min(size, stored));
}

void ImportBudget::hold(double bytes, const char* what) {
  if (!canHold(bytes))
    throw BudgetExceeded(
        "its " + std::string(what) + " takes " + byteAmount(bytes) + ", and the import has " +
        byteAmount(std::max(maxBytes_ - heldBytes_, 0.0)) + " left of " + byteAmount(maxBytes_) +
        " for constants; where the model is to be trusted, raise ImportOptions::maxConstantBytes");
  heldBytes_ += bytes;
}

void ImportBudget::hold(DataType type, const Shape& shape) {
  double bytes = static_cast<double>(byteSize(type));
  for (const std::int64_t extent : shape) {
    if (extent < 0) throw BudgetExceeded("its constant has the impossible shape " + toString(shape));
    bytes *= static_cast<double>(extent);
  }
  hold(bytes);
}

void ImportBudget::fold(double work) {
  if (!canFold(work))
    throw BudgetExceeded("computing its constant takes " + count(work) + " operations, and the import has " +
                         count(std::max(maxWork_ - foldedWork_, 0.0)) + " left of " + count(maxWork_) +
                         "; where the model is to be trusted, raise ImportOptions::maxFoldedWork");
  foldedWork_ += work;
}

void ImportBudget::leaveToDevice(double work) {
  double& spent = work < kSmallWork ? smallWork_ : deviceWork_;
  if (spent + work > (work < kSmallWork ? kMostSmallWork : kMostDeviceWork))
    throw BudgetExceeded(
        "its operands are constants, and computing it takes " + count(work) +
        " operations: too much for the import (ImportOptions::maxFoldedWork) and for every run; "
        "simplify the model before it is imported");
  spent += work;
}

void ImportBudget::addLayers(std::int64_t added) {
  layers_ += added;
  if (layers_ > maxLayers_)
    throw BudgetExceeded("functions and loops unroll to more than " + std::to_string(maxLayers_) +
                         " layers; where the model is to be trusted, raise ImportOptions::maxLayers");
}

}  // namespace tessera
