// Sparse constants: a tree of levels, each of all its places (dense) or of those that a list names
// (compressed).
#include "importers/tflite/sparse.hpp"

#include <algorithm>
#include <string>

namespace tessera::tflite {
namespace {

namespace lite = tessera_tflite;

[[noreturn]] void bad(const std::string& why) {
  throw Error(ErrorCode::BadModel, "its sparse value is damaged: " + why);
}

template <class Vector>
std::vector<std::int64_t> numbersOf(const Vector* table) {
  if (!table || !table->values()) return {};
  return {table->values()->begin(), table->values()->end()};
}

std::vector<std::int64_t> listOf(lite::SparseIndexVector kind, const void* table) {
  switch (kind) {
    case lite::SparseIndexVector::Int32Vector:
      return numbersOf(static_cast<const lite::Int32Vector*>(table));
    case lite::SparseIndexVector::Uint16Vector:
      return numbersOf(static_cast<const lite::Uint16Vector*>(table));
    case lite::SparseIndexVector::Uint8Vector:
      return numbersOf(static_cast<const lite::Uint8Vector*>(table));
    default:
      return {};
  }
}

struct Level {
  std::size_t axis = 0;  ///< of the tensor
  bool block = false;    ///< within a block of that axis
  bool dense = true;
  std::int64_t size = 0;  ///< places
  std::vector<std::int64_t> segments, indices;
};

class Reader {
 public:
  Reader(const lite::SparsityParameters& sparsity, const Shape& shape, std::span<const std::uint8_t> values,
         std::size_t width)
      : shape_(shape), values_(values), width_(width), at_(shape.size(), 0), left_(visitsFor(shape)) {
    readLevels(sparsity);
    dense_.resize(static_cast<std::size_t>(elementCount(shape)) * width);
  }

  std::vector<std::uint8_t> read() {
    walk(0, 0);
    if (next_ != values_.size()) bad("it has more values than places for them");
    return std::move(dense_);
  }

 private:
  // A walk that passes more places than this names some twice, or many that hold nothing.
  static std::int64_t visitsFor(const Shape& shape) { return 64 * (elementCount(shape) + 1024); }

  void readLevels(const lite::SparsityParameters& sparsity) {
    const auto *order = sparsity.traversal_order(), *blocks = sparsity.block_map();
    const auto* metadata = sparsity.dim_metadata();
    const std::size_t rank = shape_.size(), all = rank + (blocks ? blocks->size() : 0);
    if (!order || !metadata || order->size() != all || metadata->size() != all || all > 2 * rank)
      bad("its levels are not those of its shape");
    std::vector<bool> seen(all);
    for (flatbuffers::uoffset_t i = 0; i < all; ++i) {
      const auto axis = order->Get(i);
      if (axis < 0 || static_cast<std::size_t>(axis) >= all || seen[static_cast<std::size_t>(axis)] ||
          (static_cast<std::size_t>(axis) >= rank) != (i >= rank))
        bad("its order of axes is none");
      seen[static_cast<std::size_t>(axis)] = true;
      const auto& given = *metadata->Get(i);
      Level level;
      level.block = static_cast<std::size_t>(axis) >= rank;
      const std::int64_t of = level.block ? blocks->Get(static_cast<flatbuffers::uoffset_t>(axis) -
                                                        static_cast<flatbuffers::uoffset_t>(rank))
                                          : axis;
      if (of < 0 || static_cast<std::size_t>(of) >= rank) bad("it has a block of no axis");
      level.axis = static_cast<std::size_t>(of);
      level.dense = given.format() == lite::DimensionType::DENSE;
      level.size = given.dense_size();
      level.segments = listOf(given.array_segments_type(), given.array_segments());
      level.indices = listOf(given.array_indices_type(), given.array_indices());
      if (level.dense && level.size < 1) bad("a level has no place");
      if (level.block && !level.dense) bad("a block is not dense");
      levels_.push_back(std::move(level));
    }
  }

  void walk(std::size_t depth, std::int64_t above) {
    if (--left_ < 0) bad("its levels name more places than it has");
    if (depth == levels_.size()) return put();
    const Level& level = levels_[depth];
    const auto visit = [&](std::int64_t place, std::int64_t below) {
      std::int64_t& at = at_[level.axis];
      const std::int64_t before = at;
      at = level.block ? at * level.size + place : place;
      walk(depth + 1, below);
      at = before;
    };
    if (level.dense) {
      for (std::int64_t i = 0; i < level.size; ++i) visit(i, above * level.size + i);
      return;
    }
    if (above < 0 || above + 1 >= static_cast<std::int64_t>(level.segments.size()))
      bad("a level has too few segments");
    const std::int64_t first = level.segments[static_cast<std::size_t>(above)],
                       last = level.segments[static_cast<std::size_t>(above) + 1];
    if (first < 0 || last > static_cast<std::int64_t>(level.indices.size())) bad("a segment reaches too far");
    for (std::int64_t i = first; i < last; ++i) visit(level.indices[static_cast<std::size_t>(i)], i);
  }

  void put() {
    std::int64_t cell = 0;
    for (std::size_t axis = 0; axis < shape_.size(); ++axis) {
      if (at_[axis] < 0 || at_[axis] >= shape_[axis]) bad("a place lies outside its shape");
      cell = cell * shape_[axis] + at_[axis];
    }
    if (values_.size() - next_ < width_) bad("it has fewer values than places for them");
    std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(next_), width_,
                dense_.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(cell) * width_));
    next_ += width_;
  }

  const Shape& shape_;
  std::span<const std::uint8_t> values_;
  std::size_t width_, next_ = 0;
  std::vector<Level> levels_;
  std::vector<std::int64_t> at_;
  std::int64_t left_;
  std::vector<std::uint8_t> dense_;
};

}  // namespace

std::vector<std::uint8_t> densified(const lite::SparsityParameters& sparsity, const Shape& shape,
                                    std::span<const std::uint8_t> values, std::size_t width) {
  return Reader(sparsity, shape, values, width).read();
}

}  // namespace tessera::tflite
