# tessera_symbols(FILE): writes a version script for the linker, so that the shared library shows the C interface and what the
# public headers declare (members of their classes, their functions), and nothing else.
function(tessera_symbols file)
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runtime/include/tessera/*.hpp)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${headers})
  set(shown)
  foreach(header ${headers})
    file(STRINGS ${header} types REGEX "^(class|struct) [A-Z][A-Za-z0-9]*[^;]*$")
    foreach(line ${types})
      string(REGEX REPLACE "^(class|struct) ([A-Za-z0-9]+).*" "\\2" name "${line}")
      list(APPEND shown "tessera::${name}::*" "vtable?for?tessera::${name}" "typeinfo*for?tessera::${name}")
    endforeach()
    # Patterns know no angle brackets.
    file(STRINGS ${header} templates REGEX "^extern template class [A-Za-z]+<[A-Za-z]+>;$")
    foreach(line ${templates})
      string(REGEX REPLACE "^extern template class ([A-Za-z]+)<([A-Za-z]+)>.*" "\\1?tessera::\\2?" name "${line}")
      list(APPEND shown "tessera::${name}::*")
    endforeach()
    file(STRINGS ${header} functions REGEX "^[A-Za-z].*[ &*][a-z][A-Za-z0-9]*[(]")
    list(FILTER functions EXCLUDE REGEX "^using ")
    foreach(line ${functions})
      if(line MATCHES "^[^(]*[ &*]([a-z][A-Za-z0-9]*)[(]")
        list(APPEND shown "tessera::${CMAKE_MATCH_1}?*")
      endif()
    endforeach()
  endforeach()
  list(REMOVE_DUPLICATES shown)
  list(JOIN shown ";\n      " lines)
  file(CONFIGURE OUTPUT ${file} CONTENT "{
  global:
    tessera_*;
    extern \"C++\" {
      ${lines};
    };
  local: *;
};
" @ONLY)
endfunction()
