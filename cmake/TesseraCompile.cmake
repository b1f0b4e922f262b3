# Compiler settings shared by every target, and the dependencies all of them use.
find_package(OpenCL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(spdlog REQUIRED)
find_package(Threads REQUIRED)

if(TESSERA_CLBLAST)
  find_package(CLBlast QUIET)
endif()

add_library(tessera_options INTERFACE)
target_compile_options(tessera_options INTERFACE -Wall -Wextra -Wpedantic -Wno-missing-field-initializers
                                                 -Wno-unused-parameter)
if(NOT TESSERA_UNITY)  # where files meet, a local name may well be another file's
  target_compile_options(tessera_options INTERFACE -Wshadow)
endif()
# The scalar references must round every operation on its own, as the kernels do.
target_compile_options(tessera_options INTERFACE -ffp-contract=off)
if(TESSERA_WERROR)
  target_compile_options(tessera_options INTERFACE -Werror)
endif()
if(TESSERA_SANITIZE)
  target_compile_options(tessera_options INTERFACE -fsanitize=${TESSERA_SANITIZE} -fno-omit-frame-pointer
                                                   -fno-sanitize-recover=all)
  target_link_options(tessera_options INTERFACE -fsanitize=${TESSERA_SANITIZE})
endif()
target_compile_definitions(tessera_options INTERFACE CL_TARGET_OPENCL_VERSION=300 CL_HPP_TARGET_OPENCL_VERSION=120
                                                     CL_HPP_MINIMUM_OPENCL_VERSION=120 CL_HPP_ENABLE_EXCEPTIONS)
target_include_directories(tessera_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/runtime
                                                     ${CMAKE_SOURCE_DIR}/runtime/include)
target_link_libraries(tessera_options INTERFACE OpenCL::OpenCL spdlog::spdlog xxhash)

# tessera_objects(NAME): an object library of every .cpp below this folder; a new file needs no line here.
function(tessera_objects name)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(${name} OBJECT ${sources})
  target_link_libraries(${name} PRIVATE tessera_options)
  tessera_unity(${name} 100)
endfunction()
