/// \file
/// The tensors of a graph that is rewritten to INT8, each as floats and as codes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lower/precision.hpp"

namespace tessera {

/// The new graph, and per tensor of the source what stands for it there: floats, codes or both. A form that
/// is asked for and not there yet is made by a layer that encodes or decodes.
class Int8Tensors {
 public:
  Int8Tensors(const Graph& from, const Int8Plan& plan);

  const Graph& from() const { return from_; }
  const Int8Plan& plan() const { return plan_; }
  Graph& to() { return to_; }
  const Graph& to() const { return to_; }

  /// The tensor as floats. Throws Error(Internal) where neither form is there, and Error(BadCache) that names
  /// the tensor where codes have no scale.
  TensorId asFloat(TensorId id);
  /// The tensor as codes; errors as above.
  TensorId asCode(TensorId id);
  /// A layer's operand in the form that it has: codes where the plan stores those.
  TensorId asStored(TensorId id) { return plan_.coded[id] ? asCode(id) : asFloat(id); }
  bool hasCode(TensorId id) const { return codes_[id] != kNoTensor; }
  void setFloat(TensorId id, TensorId form) { floats_[id] = form; }
  void setCode(TensorId id, TensorId form) { codes_[id] = form; }
  /// What the layer that makes the tensor wrote: codes where writesCodes().
  void setResult(TensorId id, TensorId form) { (writesCodes(id) ? codes_ : floats_)[id] = form; }

  /// From now on the tensor is one of codes of this rate and zero point alone.
  void encodeAs(TensorId id, double rate, std::int64_t zero) { encoded_[id] = {rate, zero}; }
  bool isEncoded(TensorId id) const { return encoded_.count(id) > 0; }
  /// Whether the layer that makes the tensor writes codes of it.
  bool writesCodes(TensorId id) const { return plan_.coded[id] || isEncoded(id); }
  /// How codes of a tensor are made, as attributes of the layer that makes them.
  void setEncoding(Attributes& attrs, TensorId id) const;
  /// A zero point as an attribute; models whose codes lie around 0 have none.
  void setZero(Attributes& attrs, const char* name, std::int64_t zero) const;
  void setZeros(Attributes& attrs, const std::vector<std::int64_t>& zeros) const;

  /// The scale that the tensor is read with. Throws Error(BadCache) that names the tensor where it has none.
  float scaleOf(TensorId id) const;
  /// The scale that chains and sums read the tensor's codes with; 0: it is floats, or its channels differ.
  double scaleInChain(TensorId id) const;
  /// Constants of one number per channel of a tensor whose channels differ. channelOffsets(): kNoTensor where
  /// all are 0.
  TensorId channelScales(TensorId id);
  TensorId channelOffsets(TensorId id);
  /// A constant that broadcasts along the channels of a tensor.
  TensorId perChannel(TensorId id, const char* suffix, const std::vector<float>& values);

  /// The names of a layer's outputs.
  std::vector<std::string> names(const Layer& layer) const;

 private:
  struct Encoded {
    double rate;
    std::int64_t zero;
  };
  std::vector<TensorId> partsOf(TensorId id) const;
  TensorId decodeChannels(TensorId id);

  const Graph& from_;
  const Int8Plan& plan_;
  Graph to_;
  std::vector<TensorId> floats_, codes_;  ///< per tensor of from_
  std::map<TensorId, Encoded> encoded_;   ///< tensors of from_ that exist as such codes only
};

}  // namespace tessera
