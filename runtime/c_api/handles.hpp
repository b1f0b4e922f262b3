/// \file
/// What stands behind the handles of tessera/tessera.h, and how exceptions become status codes.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "tessera/context.hpp"
#include "tessera/importer.hpp"
#include "tessera/tessera.h"

struct tessera_device {
  tessera::Device device;
};

struct tessera_options {
  tessera::ImportOptions import;
  tessera::EngineOptions engine;
};

struct tessera_engine {
  std::shared_ptr<const tessera::Engine> engine;
};

struct tessera_context {
  tessera::Context context;
};

namespace tessera::c_api {

/// Remembers a message for tessera_last_error() of this thread, and returns the status.
tessera_status failed(tessera_status status, const char* message) noexcept;

/// Runs `act`; an exception becomes a status and a message.
template <class Act>
tessera_status guarded(Act&& act) noexcept {
  try {
    act();
    return TESSERA_OK;
  } catch (const Error& e) {
    return failed(static_cast<tessera_status>(static_cast<int>(e.code()) + 1), e.what());
  } catch (const std::bad_alloc&) {
    return failed(TESSERA_OUT_OF_MEMORY, "The host has no memory left.");
  } catch (const std::exception& e) {
    return failed(TESSERA_INTERNAL, e.what());
  } catch (...) {
    return failed(TESSERA_INTERNAL, "An exception of an unknown type.");
  }
}

/// Throws Error(InvalidArgument) that names what is missing where a pointer is null.
template <class T>
T& given(T* pointer, const char* what) {
  if (!pointer) throw Error(ErrorCode::InvalidArgument, std::string(what) + " is NULL.");
  return *pointer;
}
/// The text, which has to be there.
inline std::string textOf(const char* text, const char* what) { return &given(text, what); }

/// Copies as many members of a structure as the caller's version of it has.
template <class Struct>
void answer(Struct* out, Struct made) {
  const std::size_t size = given(out, "the structure to fill").struct_size;
  if (size < sizeof(std::size_t) || size > 4096)
    throw Error(ErrorCode::InvalidArgument,
                "struct_size is not set: it has to be the size of the structure.");
  made.struct_size = size;
  std::memcpy(out, &made, std::min(size, sizeof made));
}

}  // namespace tessera::c_api
