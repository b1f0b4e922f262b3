/// \file
/// Layers as plugins see them.
#pragma once

#include "ops/operator.hpp"
#include "tessera/plugin.hpp"

namespace tessera {

/// With every declared attribute, checked. Throws Error(InvalidArgument): an attribute of another type or not
/// among the choices, one that is missing, an operand too many, absent or of another type.
PluginLayer pluginLayer(const Plugin& plugin, const Attributes& attrs, std::span<const TensorDesc> inputs,
                        std::span<const TensorDesc> outputs = {});

/// Values for the inputs, drawn from the ranges that the plugin declares: the same on every call. Absent ones
/// are empty.
std::vector<HostTensor> drawnInputs(const Plugin& plugin, std::span<const TensorDesc> inputs);

/// An identifier of C of at most 64 characters.
bool isIdentifier(std::string_view text);

/// A plugin as an operator.
std::unique_ptr<const Operator> pluginOperator(std::shared_ptr<const Plugin> plugin);

}  // namespace tessera
