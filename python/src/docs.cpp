// Docstrings, generated from the stubs.
#include "python/src/docs.hpp"

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

namespace tessera::python {

const char* doc(const char* name) {
  static const std::map<std::string_view, const char*> table{
#include "docstrings.inc"
  };
  const auto found = table.find(name);
  if (found == table.end())
    throw std::logic_error("tessera/__init__.pyi has no docstring for " + std::string(name));
  return found->second;
}

}  // namespace tessera::python
