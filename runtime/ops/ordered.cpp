// What the bits of results depend on.
#include "ops/ordered.hpp"

#include "ops/quantised.hpp"

namespace tessera {

OperatorTraits::Bits bitsOf(const OpView& view) {
  const auto bits = traitsOf(view.op).bits;
  return bits ? bits(view) : OperatorTraits::Bits::Defined;
}

OperatorTraits::Bits bitsOfSums(const OpView& view) {
  return exactActivation(view.attrs.string("activation")) ? OperatorTraits::Bits::Ordered
                                                          : OperatorTraits::Bits::Device;
}

}  // namespace tessera
