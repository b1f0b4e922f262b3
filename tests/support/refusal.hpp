/// \file
/// Checks that a call refuses its arguments.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tessera/error.hpp"

namespace tessera::test {

/// The message of the error that `call` has to end in.
template <class Call>
std::string refusal(Call&& call, ErrorCode code = ErrorCode::InvalidArgument) {
  try {
    call();
  } catch (const Error& e) {
    EXPECT_EQ(toString(e.code()), toString(code)) << e.what();
    return e.what();
  }
  ADD_FAILURE() << "accepted";
  return {};
}

}  // namespace tessera::test
