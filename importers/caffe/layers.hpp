/// \file
/// How one Caffe layer becomes layers of the graph: the context a row's function works in, and the table of
/// rows.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "caffe/caffe.pb.h"
#include "importers/common/fold.hpp"

namespace tessera::caffe {

/// One Caffe layer being imported.
class LayerContext {
 public:
  LayerContext(ImportBuilder& builder, const LayerParameter& parameters, std::vector<TensorId> bottoms,
               const std::vector<HostTensor>& blobs, std::vector<std::string> tops, std::vector<bool> topUsed)
      : layer(parameters),
        build(builder),
        bottoms_(std::move(bottoms)),
        blobs_(blobs),
        tops_(std::move(tops)),
        topUsed_(std::move(topUsed)) {
    for (TensorId id : bottoms_) shapes_.push_back(builder.shape(id));
  }

  const LayerParameter& layer;
  ImportBuilder& build;

  std::size_t bottomCount() const { return bottoms_.size(); }
  TensorId bottom(std::size_t i = 0) const { return bottoms_.at(i); }
  const std::vector<TensorId>& bottoms() const { return bottoms_; }
  const Shape& shape(std::size_t i = 0) const { return shapes_.at(i); }
  std::int64_t rank(std::size_t i = 0) const { return static_cast<std::int64_t>(shape(i).size()); }
  /// Names of the tensors the tops become.
  const std::vector<std::string>& tops() const { return tops_; }
  /// Whether a layer that Tessera keeps reads top i.
  bool topUsed(std::size_t i) const { return i < topUsed_.size() && topUsed_[i]; }

  std::size_t blobCount() const { return blobs_.size(); }
  /// The trained blob i as `wanted`; extents of 1 do not matter (legacy blobs have four extents).
  HostTensor blob(std::size_t i, const Shape& wanted, std::string_view what) const;
  /// Shape of blob i as it is stored.
  const Shape& blobShape(std::size_t i, std::string_view what) const;
  /// blob(i), as a constant of the graph.
  TensorId weights(std::size_t i, const Shape& wanted, std::string_view what) const;
  TensorId constant(std::string_view what, HostTensor value) const;

  /// Adds the layer that computes the layer's only top.
  std::vector<TensorId> result(const std::string& op, std::vector<TensorId> inputs,
                               Attributes attrs = {}) const;
  /// Adds a layer that is one step of several; `suffix` tells them apart.
  TensorId step(const std::string& op, const std::string& suffix, std::vector<TensorId> inputs,
                Attributes attrs = {}) const;

  /// A parameter that counts something: at least `least`, and no more than the format's 32 bits hold. Takes
  /// it as the file has it, with its sign or without, so that a message shows the number that was written.
  template <std::integral Count>
  std::int64_t atLeast(std::int64_t least, Count value, std::string_view what) const {
    if (!std::in_range<std::int32_t>(value) || std::cmp_less(value, least))
      bad(std::string(what) + " is " + std::to_string(value) + "; it must be at least " +
          std::to_string(least) + " and fit 32 bits");
    return static_cast<std::int64_t>(value);
  }
  template <std::integral Count>
  std::int64_t positive(Count value, std::string_view what) const {
    return atLeast(1, value, what);
  }

  /// Axis with negative values counted from the end; `limit` is one past the greatest (the rank where
  /// negative).
  std::int64_t axis(std::int64_t value, std::int64_t limit = -1) const;

  /// The layer is well formed, but Tessera can not run it.
  [[noreturn]] void refuse(const std::string& reason) const;
  /// The files contradict themselves.
  [[noreturn]] void bad(const std::string& reason) const;

 private:
  std::vector<TensorId> bottoms_;
  std::vector<Shape> shapes_;  ///< of the bottoms; the graph's own move when it grows
  const std::vector<HostTensor>& blobs_;
  std::vector<std::string> tops_;
  std::vector<bool> topUsed_;
};

/// One row: a Caffe type, how many bottoms it takes, and the function that gives its tops.
struct LayerRow {
  std::string_view type;
  int minBottoms, maxBottoms;
  std::vector<TensorId> (*import)(const LayerContext&);
};

const LayerRow* findRow(std::string_view type);

// The rows by theme, each list in the file of its name.
std::vector<LayerRow> convolutionRows();
std::vector<LayerRow> activationRows();
std::vector<LayerRow> poolingRows();
std::vector<LayerRow> normalizationRows();
std::vector<LayerRow> arithmeticRows();
std::vector<LayerRow> shapeRows();
std::vector<LayerRow> detectionRows();

/// The rows of all themes, in the order of their themes.
const std::vector<LayerRow>& allRows();

}  // namespace tessera::caffe
