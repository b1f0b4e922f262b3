/// \file
/// Numbers on the command line, read strictly: nothing behind them, no overflow, no NaN.
#pragma once

#include <CLI/CLI.hpp>
#include <charconv>
#include <string>
#include <type_traits>

namespace tessera::app {

/// A validator that takes numbers from `low` to `high`; whole ones where T is an integer.
template <class T>
CLI::Validator number(T low, T high) {
  const auto text = [](T value) {
    char buffer[64];
    return std::string(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
  };
  const std::string range = text(low) + " to " + text(high);
  return CLI::Validator(
      [low, high, range](std::string& given) {
        T value{};
        const char* end = given.data() + given.size();
        const auto [stop, failed] = std::from_chars(given.data(), end, value);
        if (failed == std::errc{} && stop == end && value >= low && value <= high) return std::string();
        return "'" + given + "' is no " + (std::is_integral_v<T> ? "whole " : "") + "number from " + range;
      },
      range);
}

}  // namespace tessera::app
