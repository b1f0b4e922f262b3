/// \file
/// What an import may spend: bytes of constants, work of folding, nodes. Small files must not take all memory
/// or time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <set>
#include <string>

#include "tessera/importer.hpp"

namespace tessera {

/// An import went beyond its budget. Ends the import at once: everything after it would go beyond as well.
class BudgetExceeded : public Error {
 public:
  explicit BudgetExceeded(const std::string& message) : Error(ErrorCode::Unsupported, message) {}
};

/// Everything is asked for before it is allocated or computed. The bounds are those of the options, with an
/// allowance for what the model's files hold.
class ImportBudget {
 public:
  explicit ImportBudget(const ImportOptions& options = {});

  /// A file that belongs to the model, each counts once: more may be spent.
  void addFile(const std::filesystem::path& file);
  void addFileBytes(std::uint64_t bytes);
  /// Nodes the model's files list: more layers may be made.
  void addFileNodes(std::int64_t nodes) { maxLayers_ += kLayersPerNode * nodes; }

  bool canHold(double bytes) const { return heldBytes_ + bytes <= maxBytes_; }
  bool canFold(double work) const { return foldedWork_ + work <= maxWork_; }
  /// A constant of so many bytes, or something else the import keeps; throws BudgetExceeded.
  void hold(double bytes, const char* what = "constant");
  /// Throws BudgetExceeded where the constant does not fit, or has no possible shape.
  void hold(DataType type, const Shape& shape);
  /// Computing constants; throws BudgetExceeded.
  void fold(double work);
  /// Work on constants that is too much for the import and left to the device; throws BudgetExceeded where
  /// that, too, is more than any network does.
  void leaveToDevice(double work);
  /// Nodes about to be imported, or layers about to be added; throws BudgetExceeded.
  void addLayers(std::int64_t count);

 private:
  static constexpr std::int64_t kLayersPerNode = 4;

  double maxBytes_, maxWork_;
  std::int64_t maxLayers_;
  double heldBytes_ = 0, foldedWork_ = 0, deviceWork_ = 0, smallWork_ = 0;
  std::int64_t layers_ = 0;
  std::set<std::filesystem::path> files_;
};

}  // namespace tessera
