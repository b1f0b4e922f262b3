/// \file
/// What the readers of protobuf's text format share.
#pragma once

#include <string>

namespace tessera {

/// Refuses text nested so deep that parsing it would need more stack than there is: Error(BadModel) with the
/// place. The parser's own limit does not hold where it skips unknown fields. `origin`: the file, for
/// messages.
void checkNesting(const std::string& text, const std::string& origin);

}  // namespace tessera
