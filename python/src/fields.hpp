/// \file
/// Binding structs that are only looked at.
#pragma once

#include <string>

#include "python/src/module.hpp"

namespace tessera::python {

/// A class with its members as attributes, each with its docstring.
template <class T>
class Fields {
 public:
  Fields(py::module_& module, const std::string& name)
      : name_(name), type_(module, name.c_str(), doc(name.c_str())) {}

  template <class Member>
  Fields& field(const char* attribute, Member T::*member) {
    type_.def_readonly(attribute, member, docOf(attribute));
    return *this;
  }
  /// An attribute that a function of the struct gives.
  template <class Get>
  Fields& computed(const char* attribute, Get get) {
    type_.def_property_readonly(attribute, get, docOf(attribute));
    return *this;
  }
  py::class_<T>& type() { return type_; }

 private:
  const char* docOf(const char* attribute) const { return doc((name_ + "." + attribute).c_str()); }

  std::string name_;
  py::class_<T> type_;
};

}  // namespace tessera::python
