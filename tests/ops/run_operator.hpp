/// \file
/// Runs an operator's reference on given values.
#pragma once

#include <string>
#include <vector>

#include "ops/operator.hpp"

namespace tessera::test {

inline std::vector<HostTensor> runOperator(const std::string& op, const Attributes& attrs,
                                           const std::vector<HostTensor>& inputs) {
  const Operator& oper = operatorNamed(op);
  OpView view{op, attrs, {}, {}};
  for (const auto& input : inputs) view.inputs.push_back({input.type, input.shape, {}});
  view.outputs = inferOutputs(oper, attrs, view.inputs);
  std::vector<HostTensor> outputs;
  for (const auto& desc : view.outputs) outputs.emplace_back(desc.type, desc.shape);
  oper.reference(view, inputs, outputs);
  return outputs;
}

}  // namespace tessera::test
