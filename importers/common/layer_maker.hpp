/// \file
/// What import functions of all formats share: one node's layers, their names, and constants beside them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "importers/common/fold.hpp"
#include "importers/common/names.hpp"

namespace tessera {

/// Whether Tessera has arithmetic in a type; narrower integers and bool are combined as i32 and cut back.
inline bool hasArithmetic(DataType type) {
  return type == DataType::Float32 || type == DataType::Int32 || type == DataType::Int64;
}

/// Adds the layers of one node of a model.
class LayerMaker {
 public:
  /// `name`: of the node.
  LayerMaker(ImportBuilder& builder, Names& tensorNames, Names& layerNames, std::string name)
      : builder_(builder), tensorNames_(tensorNames), layerNames_(layerNames), name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  DataType typeOf(TensorId id) const { return builder_.type(id); }
  const Shape& shapeOf(TensorId id) const { return builder_.shape(id); }
  const HostTensor* valueOf(TensorId id) const { return builder_.value(id); }

  // Building. The layer that does the node's work has its name; helpers around it get "<name>/<part>".
  std::vector<TensorId> addAll(const std::string& op, std::vector<TensorId> operands, Attributes attrs = {},
                               const std::string& part = {});
  TensorId add(const std::string& op, std::vector<TensorId> operands, Attributes attrs = {},
               const std::string& part = {}) {
    return addAll(op, std::move(operands), std::move(attrs), part).at(0);
  }
  /// A constant whose memory `allocate` gave, or that is small.
  TensorId constantOf(HostTensor value, const std::string& part);
  /// Zeros to fill, for a constant whose size the model decides; throws BudgetExceeded before it takes
  /// memory.
  HostTensor allocate(DataType type, const Shape& shape) const { return builder_.allocate(type, shape); }
  TensorId cast(TensorId id, DataType to);  ///< the tensor itself where it has the type
  TensorId reshape(TensorId id, Shape shape, const std::string& part = "reshape");
  TensorId scalar(DataType type, double value, const std::string& part);

  /// Negative axes count from the end; outside the rank is Error(BadModel).
  std::int64_t axis(std::int64_t value, std::int64_t rank) const;
  std::vector<std::int64_t> axes(std::vector<std::int64_t> values,
                                 std::int64_t rank) const;  ///< sorted, no doubles

  /// The value of input `i` of the node, `what` it is, which has to be known at import; throws
  /// Error(Unsupported) that says how to get there.
  const HostTensor& known(TensorId id, std::size_t i, std::string_view what) const;
  /// Its numbers, which have to be whole; throws Error(BadModel) where they are floats.
  std::vector<std::int64_t> knownInts(TensorId id, std::size_t i, std::string_view what) const;
  std::int64_t knownInt(TensorId id, std::size_t i, std::string_view what) const;  ///< of a single element

  [[noreturn]] void unsupported(const std::string& reason) const;
  [[noreturn]] void bad(const std::string& reason) const;

 private:
  ImportBuilder& builder_;
  Names &tensorNames_, &layerNames_;
  std::string name_;
};

}  // namespace tessera
