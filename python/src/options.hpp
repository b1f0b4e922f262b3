/// \file
/// Options on their way from Python to the library.
#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <string>

#include "tessera/engine.hpp"

namespace tessera::python {

/// With a progress callback that lets Ctrl-C end the search. Called without the GIL by the library.
TuneOptions interruptible(TuneOptions options);
/// Raises what a signal handler of Python raised, KeyboardInterrupt say; needs no GIL.
void checkSignals();

/// A Device as it is, or what Device::select() takes. Needs the GIL.
Device deviceOf(const pybind11::object& given);

}  // namespace tessera::python
