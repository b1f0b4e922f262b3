// Visits every name of a network.
#include "importers/caffe/blob_names.hpp"

#include "importers/common/names.hpp"

namespace tessera::caffe {
namespace {

template <class Visit>
void visitNames(NetParameter& net, Visit&& visit) {
  if (net.has_name()) visit(*net.mutable_name());
  for (auto& name : *net.mutable_input()) visit(name);
  for (auto& layer : *net.mutable_layer()) {
    if (layer.has_name()) visit(*layer.mutable_name());
    if (layer.has_type()) visit(*layer.mutable_type());
    for (auto& name : *layer.mutable_bottom()) visit(name);
    for (auto& name : *layer.mutable_top()) visit(name);
  }
}

}  // namespace

bool escapeNames(NetParameter& net, Weights& weights) {
  bool plain = true;
  visitNames(net, [&](std::string& name) { plain = plain && isUtf8(name); });
  if (plain) return false;
  visitNames(net, [](std::string& name) { name = escapeBytes(name); });
  Weights escaped;
  for (auto& [name, blobs] : weights) escaped.emplace(escapeBytes(name), std::move(blobs));
  weights = std::move(escaped);
  return true;
}

}  // namespace tessera::caffe
