/// \file
/// Docstrings of the module.
#pragma once

namespace tessera::python {

/// The docstring that the stubs have for a name: "Engine.build", say, or "" for the module. Throws
/// std::logic_error where they have none, so that nothing is bound that they lack.
const char* doc(const char* name);

}  // namespace tessera::python
