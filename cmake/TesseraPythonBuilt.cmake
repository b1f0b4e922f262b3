# Packs the extension module of another build tree as it is, for `pip install . -C cmake.define.TESSERA_PYTHON_BUILT=DIR`:
# nothing is compiled. The tree has to be built for the same Python; pip says so where it is not.
find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
cmake_path(ABSOLUTE_PATH TESSERA_PYTHON_BUILT BASE_DIRECTORY ${CMAKE_SOURCE_DIR} NORMALIZE)
set(module ${TESSERA_PYTHON_BUILT}/python/tessera/_core.${Python_SOABI}${CMAKE_SHARED_LIBRARY_SUFFIX})
if(NOT EXISTS ${module})
  file(GLOB others ${TESSERA_PYTHON_BUILT}/python/tessera/_core.*)
  message(FATAL_ERROR "TESSERA_PYTHON_BUILT: there is no ${module}, which ${Python_EXECUTABLE} would load; there is: '${others}'")
endif()
add_custom_target(tessera_python)
install(FILES ${module} DESTINATION tessera COMPONENT python)
foreach(program tessera-worker tessera-media.so)  # the second where there are programs
  if(EXISTS ${TESSERA_PYTHON_BUILT}/python/tessera/${program})
    install(PROGRAMS ${TESSERA_PYTHON_BUILT}/python/tessera/${program} DESTINATION tessera COMPONENT python)
  endif()
endforeach()
