// Who computes and who reads each tensor, and the graph's look-ups of them and of names.
#include "graph/tensor_uses.hpp"

#include "graph/tensor_names.hpp"

namespace tessera {
namespace {

/// visit(tensor, layer) for every tensor that a layer reads, once, in the order of the layers.
template <class Visit>
void forEachRead(std::size_t tensors, const std::vector<Layer>& layers, Visit&& visit) {
  std::vector<int> last(tensors, -1);  // layer that was visited last
  for (std::size_t i = 0; i < layers.size(); ++i)
    for (const TensorId id : layers[i].inputs) {
      const int layer = static_cast<int>(i);
      if (id == kNoTensor || last.at(id) == layer) continue;
      last[id] = layer;
      visit(id, layer);
    }
}

}  // namespace

TensorUses::TensorUses(std::size_t tensors, const std::vector<Layer>& layers)
    : producers_(tensors, -1), firsts_(tensors + 1, 0) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    operands_ += layers[i].inputs.size() + layers[i].outputs.size();
    for (const TensorId id : layers[i].outputs)
      if (id != kNoTensor && producers_.at(id) < 0) producers_[id] = static_cast<int>(i);
  }
  forEachRead(tensors, layers, [&](TensorId id, int) { ++firsts_[id + 1]; });
  for (std::size_t t = 0; t < tensors; ++t) firsts_[t + 1] += firsts_[t];
  readers_.resize(firsts_.back());
  std::vector<std::size_t> next(firsts_.begin(), firsts_.end() - 1);
  forEachRead(tensors, layers, [&](TensorId id, int layer) { readers_[next[id]++] = layer; });
}

std::span<const int> TensorUses::consumers(TensorId id) const {
  if (!known(id)) return {};
  return {readers_.data() + firsts_[id], firsts_[id + 1] - firsts_[id]};
}

Graph::Index::Index(const Index& other) {
  const std::scoped_lock lock(other.mutex_);
  uses_ = other.uses_, names_ = other.names_;
}

Graph::Index& Graph::Index::operator=(const Index& other) {
  if (this == &other) return *this;
  const std::scoped_lock lock(mutex_, other.mutex_);
  uses_ = other.uses_, names_ = other.names_;
  return *this;
}

void Graph::Index::drop() {
  const std::scoped_lock lock(mutex_);
  uses_.reset();
}

void Graph::Index::dropNames() {
  const std::scoped_lock lock(mutex_);
  names_.reset();
}

std::shared_ptr<const TensorNames> Graph::Index::namesOf(const Graph& graph) const {
  const std::scoped_lock lock(mutex_);
  if (!names_) names_ = std::make_shared<const TensorNames>(graph.tensors_);
  return names_;
}

std::shared_ptr<const TensorUses> Graph::Index::of(const Graph& graph) const {
  const std::scoped_lock lock(mutex_);
  if (!uses_) {
    uses_ = std::make_shared<const TensorUses>(graph.tensors_.size(), graph.layers_);
    work_ += uses_->operands();
  }
  return uses_;
}

std::size_t Graph::Index::work() const {
  const std::scoped_lock lock(mutex_);
  return work_;
}

int Graph::producer(TensorId id) const { return index_.of(*this)->producer(id); }

std::vector<int> Graph::consumers(TensorId id) const {
  const auto uses = index_.of(*this);
  const auto readers = uses->consumers(id);
  return {readers.begin(), readers.end()};
}

TensorId Graph::findTensor(std::string_view tensorName) const {
  return index_.namesOf(*this)->find(tensorName);
}

bool Graph::Index::current(const Graph& graph) const {
  const std::scoped_lock lock(mutex_);
  return (!uses_ || *uses_ == TensorUses(uses_->tensors(), graph.layers_)) &&
         (!names_ || *names_ == TensorNames(graph.tensors_));
}

bool Graph::indexIsCurrent() const { return index_.current(*this); }

}  // namespace tessera
