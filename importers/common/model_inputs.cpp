// Inputs of a network: of the graph, or frozen by the caller.
#include "importers/common/input_shapes.hpp"

namespace tessera {
namespace {

bool fits(const DeclaredInput& input, const Shape& shape) {
  if (!input.ranked) return true;
  bool same = input.extents.size() == shape.size();
  for (std::size_t i = 0; same && i < shape.size(); ++i)
    same = input.extents[i].open() || input.extents[i].value == shape[i];
  return same;
}

HostTensor frozenValue(const ImportBuilder& builder, const DeclaredInput& input, const HostTensor& value) {
  const std::string where = builder.file() + ": input '" + input.name + "' is frozen with a value of ";
  if (value.type != input.type)
    throw Error(ErrorCode::InvalidArgument, where + "type " + std::string(toString(value.type)) +
                                                ", it wants " + std::string(toString(input.type)) + ".");
  if (!fits(input, value.shape))
    throw Error(ErrorCode::InvalidArgument,
                where + "shape " + toString(value.shape) + ", which is not the model's.");
  return value;
}

}  // namespace

TensorId addModelInput(ImportBuilder& builder, const DeclaredInput& input,
                       const std::map<std::string, Shape>& shapes, const ImportOptions& options) {
  if (const auto frozen = options.constants.find(input.name); frozen != options.constants.end())
    return builder.constant(input.name, frozenValue(builder, input, frozen->second));
  const Shape& shape = shapes.at(input.name);
  std::int64_t room = std::int64_t{1} << 40;
  for (std::int64_t extent : shape) {
    if (extent < 0 || (extent > 0 && room / extent == 0))
      throw Error(ErrorCode::BadModel, builder.file() + ": input '" + input.name +
                                           "' has the impossible shape " + toString(shape) + ".");
    if (extent > 0) room /= extent;
  }
  const auto number = options.constantNumbers.find(input.name);
  if (number == options.constantNumbers.end()) return builder.graph.addInput(input.name, input.type, shape);
  return builder.constant(input.name,
                          frozenNumber(input.name, number->second, builder.allocate(input.type, shape)));
}

void checkGivenInputs(const std::string& file, const std::set<std::string>& inputs,
                      const ImportOptions& options) {
  const auto want = [&](const std::string& name) {
    if (!inputs.count(name))
      throw Error(ErrorCode::InvalidArgument, file + ": the model has no input named '" + name + "'.");
  };
  for (const auto& given : options.inputShapes)
    if (given.first != "*") want(given.first);
  for (const auto& given : options.constants) want(given.first);
  for (const auto& given : options.constantNumbers) want(given.first);
}

}  // namespace tessera
