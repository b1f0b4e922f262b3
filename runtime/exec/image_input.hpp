/// \file
/// Which bindings of a network images go into and answers come from.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tessera/engine.hpp"
#include "tessera/image.hpp"

namespace tessera {

/// The input or output called `name`, the only one where that is empty. Throws Error(InvalidArgument) that
/// lists the names.
const Binding& soleBinding(const std::vector<Binding>& bindings, const std::string& name, bool isInput);

/// The input that images fill, and completes `how`: extents and the place of the channels. `filled`: inputs
/// that something else fills. Throws Error(InvalidArgument) where images of that description do not go in, or
/// other inputs are left.
/// Where callables fill every input, the one that shows the image is the named or only one, of any type; its
/// extents go into `how` where they are an image's.
Binding imageInputOf(const std::vector<Binding>& bindings, const std::string& name, ImagePreprocess& how,
                     const std::set<std::string>& filled = {});

}  // namespace tessera
